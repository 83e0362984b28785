"""Read the inputs of a map back from its shards.

In: the shards that ``htmap.create.inputs`` wrote. Out: the user's objects, for what the user asks for by name; a search
for the shard of a component reads headers only.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from typing import Any

from htmap.pickling import MakePath
from htmap.results.program import Program
from htmap.results.unpickle import readable, unpickled
from htmap.store.mapdir import MapDir
from htmap_common.wire import Shard, read_shard, read_shard_header

Call = tuple[tuple[Any, ...], dict[str, Any]]


class Inputs:
    """The inputs of a map, read back from its shards."""

    def __init__(self, map_dir: MapDir, shards: int, program: Program) -> None:
        self._program = program
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
            with readable(f"inputs of shard {shard}"):
                self._firsts[shard] = read_shard_header(path).components.start
        return self._firsts[shard]

    def get(self, component: int, make_path: MakePath | None = None) -> Call:
        """The positional and keyword arguments of one component.

        Parameters
        ----------
        make_path
            As for `htmap.pickling.thaw`.
        """
        return self._call(self._read(self.shard_of(component)), component, make_path)

    def __iter__(self) -> Iterator[Call]:
        """All inputs in order; memory holds one shard at a time."""
        for number in range(self._shards):
            shard = self._read(number)
            for component in shard.components:
                yield self._call(shard, component)

    def _call(self, shard: Shard, component: int, make_path: MakePath | None = None) -> Call:
        what = f"input of component {component}"
        with readable(what):
            segments = shard.segments(component)
        if len(segments) > 1:
            # The object will share the buffers, and may be written to. The next look is to find what was sent.
            self._last = None
        args, kwargs = unpickled(self._program, segments, f"The {what}", make_path)
        return args, kwargs

    def _read(self, number: int) -> Shard:
        last = self._last
        if last is None or last[0] != number:
            with readable(f"inputs of shard {number}"):
                last = self._last = number, read_shard(self._map_dir.shard(number))
        return last[1]
