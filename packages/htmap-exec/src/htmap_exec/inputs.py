"""The inputs of components, from the shards that came with the job.

In: paths of ``inputs`` files. Out: (args, kwargs) of one component, with paths of files on this node for TransferPaths.
On the other side: ``htmap.create``, which packed the calls of several components into each shard.
"""

from __future__ import annotations

import os
from typing import Any

from htmap_common.wire import Kind, Record, WireError, read_header, read_record

from .errors import ComponentNotInShard, UnreadableFile

Call = tuple[tuple[Any, ...], dict[str, Any]]


class Inputs:
    """The shards of one job.

    Parameters
    ----------
    paths
        The shards, in any order.
    scratch
        Absolute path of the directory that HTCondor put the files into.
    """

    def __init__(self, paths: list[str], scratch: str) -> None:
        self._paths = [os.path.join(scratch, path) for path in paths]
        self._scratch = scratch
        self._components: dict[str, range] = {}
        self._damage: UnreadableFile | None = None
        self._last: tuple[str, Record] | None = None
        for path in self._paths:
            self._index(path)

    def load(self, component: int) -> Call:
        """Unpickle the call of a component.

        Raises
        ------
        ComponentFailure
            The shard is missing or damaged, or no shard holds the component.
        Exception
            Whatever unpickling raises.
        """
        path = self._shard_of(component)
        try:
            record = self._record(path)
            segments = _segments_of(record, component)
            files = _files_of(record.header, component)
        except _UNREADABLE as error:
            raise UnreadableFile("inputs", path, error) from error

        from . import objects  # noqa: PLC0415 - cloudpickle may be missing

        args, kwargs = objects.load(segments, _PathMaker(files, self._scratch))
        return args, kwargs

    def _index(self, path: str) -> None:
        try:
            header = read_header(path, Kind.INPUTS)
            self._components[path] = range(header["first"], header["first"] + header["count"])
        except _UNREADABLE as error:
            # The other shards may be fine, and with them the other components of the job.
            self._damage = UnreadableFile("inputs", path, error)

    def _shard_of(self, component: int) -> str:
        for path, components in self._components.items():
            if component in components:
                return path
        raise self._damage or ComponentNotInShard(component, self._paths)

    def _record(self, path: str) -> Record:
        # Components come in order, so the last shard is the one that is wanted again.
        if self._last is None or self._last[0] != path:
            self._last = path, read_record(path, Kind.INPUTS)
        return self._last[1]


_UNREADABLE = (WireError, OSError, KeyError, TypeError, IndexError, ValueError)


def _segments_of(record: Record, component: int) -> tuple[memoryview, ...]:
    place = component - record.header["first"]
    counts = record.header.get("per_component")
    # Without, as in most shards, there is one for each: nothing to add up for each of a thousand components.
    start, count = (place, 1) if counts is None else (sum(counts[:place]), counts[place])
    segments = record.segments[start : start + count]
    if not segments:
        raise IndexError(f"it has no inputs for component {component}")
    return segments


def _files_of(header: dict[str, Any], component: int) -> list[list[Any]]:
    files: list[list[Any]] = header.get("files", {}).get(str(component), [])
    return files


class _PathMaker:
    """What TransferPath is taken for while inputs are unpickled: it makes the path of the file on this node."""

    def __init__(self, files: list[list[Any]], scratch: str) -> None:
        self._arrived = {(path, protocol, location): name for path, protocol, location, name in files}
        self._scratch = scratch

    def __call__(self, path: Any, protocol: str | None = None, location: str | None = None) -> object:
        name = self._arrived.get((str(path), protocol, location))
        if name is None:
            # It was not among those that were sent (hidden in an object of the user's own): leave it what it was.
            from htmap_common.transfer_path import TransferPath  # noqa: PLC0415 - as below

            return TransferPath(path, protocol, location)
        # pathlib takes longer to import than all else here.
        from pathlib import Path  # noqa: PLC0415

        return Path(self._scratch, name)
