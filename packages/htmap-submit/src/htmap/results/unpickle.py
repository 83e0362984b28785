"""Make objects again of what lies in a map: results, exceptions.

In: records, whole and checked (`htmap.observe.outputs`). Out: the user's objects. Only called for what the user asks
for by name; listings and statuses never come here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from htmap.exceptions import CannotUnpickle, DamagedFile
from htmap.pickling import MakePath
from htmap.results.program import Program
from htmap.store.atomic import storage_errors
from htmap_common.wire import OutcomeRecord, WireError


def result_of(record: OutcomeRecord, component: int, program: Program) -> Any:
    """The object that the function returned."""
    what = f"result of component {component}"
    with readable(what):
        payload = record.payload()
    return unpickled(program, payload, f"The {what}")


def exception_of(record: OutcomeRecord, program: Program) -> BaseException | None:
    """The exception object that the function raised, where it pickled there and unpickles here."""
    try:
        payload = record.payload()
        exception = unpickled(program, payload, "The exception") if payload else None
    except (WireError, CannotUnpickle):
        return None
    return exception if isinstance(exception, BaseException) else None


def unpickled(program: Program, segments: Any, what: str, make_path: MakePath | None = None) -> Any:
    """An object of the user's; that it cannot be made again here is said in a sentence that begins with `what`."""
    try:
        return program.thaw(segments, make_path)
    except Exception as error:
        raise CannotUnpickle(
            f"{what} cannot be unpickled here: {type(error).__name__}: {error}. "
            "It needs the same modules (and versions of them) that it was made with."
        ) from error


@contextlib.contextmanager
def readable(what: str) -> Iterator[None]:
    """Errors while reading a file become ours."""
    try:
        with storage_errors(f"read the {what}"):
            yield
    except WireError as error:
        raise DamagedFile(f"The {what} are damaged: {error}") from error
