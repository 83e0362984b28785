"""The user's function, from its file.

In: the path of a ``function`` file. Out: the callable, or a ComponentFailure that says why there is none.
Nothing is unpickled before the versions have been compared: what a mismatch does to a pickle ranges from odd
exceptions to crashes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from htmap_common.wire import Kind, WireError, read_record

from .errors import CloudpickleVersionMismatch, PythonVersionMismatch, UnreadableFile


def load_function(path: str) -> Callable[..., Any]:
    """Return the function.

    Raises
    ------
    ComponentFailure
        The file cannot be used on this node.
    Exception
        Whatever unpickling raises; most often a module is missing on the node.
    """
    try:
        record = read_record(path, Kind.FUNCTION)
    except (WireError, OSError) as error:
        raise UnreadableFile("function", path, error) from error
    _check_python(record.header)

    # Not at the top: cloudpickle may be missing on the node, and then each component gets a record that says so.
    from . import pickling  # noqa: PLC0415

    _check_cloudpickle(record.header, pickling.CLOUDPICKLE_VERSION)
    function: Callable[..., Any] = pickling.load(record.segments)
    return function


def _check_python(header: dict[str, Any]) -> None:
    # A header without versions says that its writer knew what it was doing.
    if "python" not in header:
        return
    implementation = header.get("implementation", "cpython")
    submitted = (implementation, *header["python"][:2])
    found = (sys.implementation.name, *sys.version_info[:2])
    if submitted != found:
        raise PythonVersionMismatch(submitted, found, sys.executable)


def _check_cloudpickle(header: dict[str, Any], found: str) -> None:
    submitted = header.get("cloudpickle", found)
    if submitted.partition(".")[0] != found.partition(".")[0]:
        raise CloudpickleVersionMismatch(submitted, found)
