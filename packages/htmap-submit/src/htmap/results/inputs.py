"""Make objects again of what lies in a map: results, exceptions, inputs.

In: records, whole and checked (`htmap.observe.outputs`). Out: the user's objects. Only called for what the user asks
for by name; listings and statuses never come here.
"""

from __future__ import annotations

import bisect
import contextlib
from collections.abc import Iterator
from typing import Any

from htmap.exceptions import CannotUnpickle, DamagedFile
from htmap.pickling import MakePath, thaw
from htmap.store.atomic import storage_errors
from htmap.store.mapdir import MapDir
from htmap_common.wire import OutcomeRecord, Shard, WireError, read_shard, read_shard_header

Call = tuple[tuple[Any, ...], dict[str, Any]]


def result_of(record: OutcomeRecord, component: int) -> Any:
    """The object that the function returned."""
    what = f"result of component {component}"
    with _readable(what):
        payload = record.payload()
    return unpickled(payload, f"The {what}")


def exception_of(record: OutcomeRecord) -> BaseException | None:
    """The exception object that the function raised, where it pickled there and unpickles here."""
    try:
        payload = record.payload()
        exception = unpickled(payload, "The exception") if payload else None
    except (WireError, CannotUnpickle):
        return None
    return exception if isinstance(exception, BaseException) else None


def unpickled(segments: Any, what: str, make_path: MakePath | None = None) -> Any:
    """An object of the user's; that it cannot be made again here is said in a sentence that begins with `what`."""
    try:
        return thaw(segments, make_path)
    except Exception as error:
        raise CannotUnpickle(
            f"{what} cannot be unpickled here: {type(error).__name__}: {error}. "
            "It needs the same modules (and versions of them) that it was made with."
        ) from error


class Inputs:
    """The inputs of a map, read back from its shards."""

    def __init__(self, map_dir: MapDir, shards: int) -> None:
        self._map_dir = map_dir
        self._shards = shards
        self._firsts: dict[int, int] = {}
        self._last: tuple[int, Shard] | None = None  # the neighbours of an input are often wanted next

    def shard_of(self, component: int) -> int:
        """The shard that holds a component: a search by halves, for nothing says so but the shards."""
        return bisect.bisect_right(range(self._shards), component, key=self._first_of) - 1

    def _first_of(self, shard: int) -> int:
        if shard not in self._firsts:
            path = self._map_dir.shard(shard)
            with _readable(f"inputs of shard {shard}"):
                self._firsts[shard] = read_shard_header(path).components.start
        return self._firsts[shard]

    def get(self, component: int, make_path: MakePath | None = None) -> Call:
        """The positional and keyword arguments of one component.

        Parameters
        ----------
        make_path
            As for `htmap.pickling.thaw`.
        """
        return _call(self._read(self.shard_of(component)), component, make_path)

    def __iter__(self) -> Iterator[Call]:
        """All inputs in order; memory holds one shard at a time."""
        for number in range(self._shards):
            shard = self._read(number)
            for component in shard.components:
                yield _call(shard, component)

    def _read(self, number: int) -> Shard:
        last = self._last
        if last is None or last[0] != number:
            with _readable(f"inputs of shard {number}"):
                last = self._last = number, read_shard(self._map_dir.shard(number))
        return last[1]


@contextlib.contextmanager
def _readable(what: str) -> Iterator[None]:
    """Errors while reading a file become ours."""
    try:
        with storage_errors(f"read the {what}"):
            yield
    except WireError as error:
        raise DamagedFile(f"The {what} are damaged: {error}") from error


def _call(shard: Shard, component: int, make_path: MakePath | None = None) -> Call:
    what = f"input of component {component}"
    with _readable(what):
        segments = shard.segments(component)
    args, kwargs = unpickled(segments, f"The {what}", make_path)
    return args, kwargs
