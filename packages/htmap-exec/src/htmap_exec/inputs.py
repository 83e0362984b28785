"""The inputs of components, from the shards that came with the job.

In: paths of ``inputs`` files. Out: (args, kwargs) of one component, with paths of files on this node for TransferPaths.
On the other side: ``htmap.create``, which packed the calls of several components into each shard.
"""

from __future__ import annotations

import os
from typing import Any

from htmap_common.wire import SentFile, Shard, WireError, read_shard, read_shard_header

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
        self._last: tuple[str, Shard] | None = None
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
            shard = self._read(path)
            segments = shard.segments(component)
            files = shard.header.files(component)
        except (WireError, OSError) as error:
            raise UnreadableFile("inputs", path, error) from error

        from . import pickling  # noqa: PLC0415 - cloudpickle may be missing

        args, kwargs = pickling.load(segments, PathMaker(files, self._scratch))
        return args, kwargs

    def _index(self, path: str) -> None:
        try:
            self._components[path] = read_shard_header(path).components
        except (WireError, OSError) as error:
            # The other shards may be fine, and with them the other components of the job.
            self._damage = UnreadableFile("inputs", path, error)

    def _shard_of(self, component: int) -> str:
        for path, components in self._components.items():
            if component in components:
                return path
        raise self._damage or ComponentNotInShard(component, self._paths)

    def _read(self, path: str) -> Shard:
        # Components come in order, so the last shard is the one that is wanted again.
        if self._last is None or self._last[0] != path:
            self._last = path, read_shard(path)
        return self._last[1]


class PathMaker:
    """What TransferPath is taken for while inputs are unpickled: it makes the path of the file on this node."""

    def __init__(self, files: list[SentFile], scratch: str) -> None:
        self._arrived = {(file.path, file.protocol, file.location): file.arrives_as for file in files}
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
