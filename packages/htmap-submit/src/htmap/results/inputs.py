"""Make objects again of what lies in a map: results, exceptions, inputs.

In: records, whole and checked (`htmap.observe.outputs`). Out: the user's objects. Only called for what the user asks
for by name; listings and statuses never come here.
"""

from __future__ import annotations

import bisect
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from htmap.exceptions import CannotUnpickle, DamagedFile
from htmap.objects import MakePath, thaw
from htmap.store.atomic import storage_errors
from htmap.store.mapdir import MapDir
from htmap_common.wire import Kind, Record, WireError, read_header, read_record

Call = tuple[tuple[Any, ...], dict[str, Any]]


def result_of(record: Record, component: int) -> Any:
    """The object that the function returned."""
    return _thawed(record, f"The result of component {component}")


def exception_of(record: Record) -> BaseException | None:
    """The exception object that the function raised, where it pickled there and unpickles here."""
    if "payload" not in record.header:
        return None
    try:
        exception = _thawed(record, "The exception")
    except CannotUnpickle:
        return None
    return exception if isinstance(exception, BaseException) else None


def _thawed(record: Record, what: str) -> Any:
    first, count = record.header.get("payload", (0, len(record.segments)))
    segments = record.segments[first : first + count]
    return unpickled(segments, what)


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
        self._last: tuple[int, Record] | None = None  # the neighbours of an input are often wanted next

    def shard_of(self, component: int) -> int:
        """The shard that holds a component: a search by halves, for nothing says so but the shards."""
        return bisect.bisect_right(range(self._shards), component, key=self._first_of) - 1

    def _first_of(self, shard: int) -> int:
        if shard not in self._firsts:
            path = self._map_dir.shard(shard)
            with _readable(f"inputs of shard {shard}", path):
                self._firsts[shard] = int(read_header(path, Kind.INPUTS)["first"])
        return self._firsts[shard]

    def get(self, component: int, make_path: MakePath | None = None) -> Call:
        """The positional and keyword arguments of one component.

        Parameters
        ----------
        make_path
            As for `htmap.objects.thaw`.
        """
        record = self._record(self.shard_of(component))
        return _call(record, component, make_path)

    def __iter__(self) -> Iterator[Call]:
        """All inputs in order; memory holds one shard at a time."""
        for shard in range(self._shards):
            record = self._record(shard)
            first = int(record.header["first"])
            for component in range(first, first + int(record.header["count"])):
                yield _call(record, component)

    def _record(self, shard: int) -> Record:
        last = self._last
        if last is not None and last[0] == shard:
            return last[1]
        path = self._map_dir.shard(shard)
        with _readable(f"inputs of shard {shard}", path):
            record = read_record(path, Kind.INPUTS)
        self._last = shard, record
        return record


@contextlib.contextmanager
def _readable(what: str, path: Path) -> Iterator[None]:
    """Errors while reading a file of inputs become ours."""
    try:
        with storage_errors(f"read the {what}"):
            yield
    except (WireError, KeyError) as error:
        raise DamagedFile(f"The {what} are damaged: {path}: {error}") from error


def _call(record: Record, component: int, make_path: MakePath | None = None) -> Call:
    position = component - int(record.header["first"])
    counts = record.header.get("per_component")
    start = position if counts is None else sum(counts[:position])
    count = 1 if counts is None else counts[position]
    segments = record.segments[start : start + count]
    args, kwargs = unpickled(segments, f"The input of component {component}", make_path)
    return args, kwargs
