"""Inputs files, called shards: the calls of neighbouring components.

In: pickled calls and the files that go along with them, from the submit side. Out: the same, by component, on the node
and, when inputs are shown again or components run again, on the submit side.
On the other side: a header that may say anything, from whoever could write to the file. What makes no sense in it is
`Corrupt`, as a wrong checksum is.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple, final

from .errors import Corrupt, naming
from .files import encode_file, read_header, read_record
from .framing import Kind, Run
from .source import Buffer

_ALIGN = 64  # for out-of-band buffers: what numpy and vector units like best


class SentFile(NamedTuple):
    """A file that goes along with a call.

    Attributes
    ----------
    path, protocol, location
        Of the transfer path in the call.
    arrives_as
        Its name in the scratch directory.
    """

    path: str
    protocol: str | None
    location: str | None
    arrives_as: str


@final
class ShardHeader:
    """What a shard says without its calls.

    Attributes
    ----------
    components
        Whose calls it holds.
    """

    def __init__(self, header: Mapping[str, Any]) -> None:
        """Raises `Corrupt`: the header of the record makes no sense."""
        self.components = _components(header)
        self._counts = _counts(header, self.components)
        self._files = header.get("files", {})
        if type(self._files) is not dict:
            raise Corrupt("its header has no proper table of files")

    def files(self, component: int) -> list[SentFile]:
        """The files that go along with the call of a component. Raises `Corrupt`."""
        files = self._files.get(str(component), [])
        if type(files) is not list:
            raise Corrupt(f"its header has no proper files of component {component}")
        return [_file(item, component) for item in files]

    def starts(self) -> list[int] | None:
        """The first segment of each component, and the end of the last one. None: each component has one segment."""
        return None if self._counts is None else [0, *accumulate(self._counts)]


@final
class Shard:
    """A whole shard.

    Attributes
    ----------
    header
        What it says beside the calls.
    """

    def __init__(self, header: ShardHeader, segments: Sequence[memoryview]) -> None:
        self.header = header
        self._segments = segments
        self._starts = header.starts()

    @property
    def components(self) -> range:
        """Whose calls it holds."""
        return self.header.components

    def segments(self, component: int) -> Sequence[memoryview]:
        """The pickle of a call, and its buffers. Raises `Corrupt`: they are not there."""
        # Hot: once per component.
        place = component - self.components.start
        start, end = (place, place + 1) if self._starts is None else self._starts[place : place + 2]
        segments = self._segments[start:end]
        if len(segments) != end - start or not segments:
            raise Corrupt(f"it has no call of component {component}")
        return segments


def encode_shard(
    components: range,
    segments: Sequence[Buffer] | Run,
    files: Mapping[int, Iterable[SentFile]],
    *,
    per_component: Sequence[int] | None = None,
) -> list[Buffer]:
    """A whole shard, as buffers to be written one after another.

    Parameters
    ----------
    segments
        For each component the pickle of its call, then the buffers of that.
    files
        What goes along with each call; components without any may be left out.
    per_component
        How many segments each component has. None: one.
    """
    header: dict[str, Any] = {"first": components.start, "count": len(components)}
    if per_component is not None:
        header["per_component"] = list(per_component)
    if files:
        header["files"] = {str(component): [list(file) for file in sent] for component, sent in files.items()}
    return encode_file(Kind.INPUTS, header, segments, align=1 if isinstance(segments, Run) else _ALIGN)


def read_shard(path: str | os.PathLike[str]) -> Shard:
    """A whole shard. Raises `WireError` or OSError."""
    record = read_record(path, Kind.INPUTS)
    with naming(path):
        return Shard(ShardHeader(record.header), record.segments)


def read_shard_header(path: str | os.PathLike[str]) -> ShardHeader:
    """What a shard says without its calls, which are neither read nor checked. Raises `WireError` or OSError."""
    header = read_header(path, Kind.INPUTS)
    with naming(path):
        return ShardHeader(header)


def _components(header: Mapping[str, Any]) -> range:
    first, count = header.get("first"), header.get("count")
    if type(first) is int and type(count) is int and first >= 0 and count >= 0:
        return range(first, first + count)
    raise Corrupt("its header does not say which components it holds")


def _counts(header: Mapping[str, Any], components: range) -> list[int] | None:
    counts = header.get("per_component")
    if counts is None:
        return None
    if type(counts) is list and len(counts) == len(components) and all(type(n) is int and n >= 1 for n in counts):
        return counts
    raise Corrupt("its header does not say how many segments each component has")


def _file(item: Any, component: int) -> SentFile:
    match item:
        case [str(path), str() | None as protocol, str() | None as location, str(arrives_as)]:
            return SentFile(path, protocol, location, arrives_as)
    raise Corrupt(f"its header has no proper files of component {component}")
