"""Finding the records of an outputs file: by its index when its writer was done, else by walking over them.

In: a `Source` of untrusted bytes. Out: the components in it, and what is damaged. On the other side: `outputs`.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .checksum import crc32
from .errors import Corrupt, Torn, WireError
from .framing import (
    FIRST_RECORD,
    check_body,
    encode_record,
    read_frame,
    read_frame_header,
    walk_frames,
    with_crc,
)
from .source import Buffer, Source

_TRAILER = struct.Struct(">Q8sII")
_MAGIC = b"HTMAPEND"


class IndexEntry(NamedTuple):
    """One record of an outputs file.

    Attributes
    ----------
    component
        Index of the component in its map.
    status
        ``"returned"`` or ``"raised"``.
    offset
        Where the record starts in the file, in bytes.
    """

    component: int
    status: str
    offset: int


class Contents(NamedTuple):
    """What an outputs file holds."""

    entries: list[IndexEntry]
    is_finished: bool
    damage: WireError | None


def entry_of(header: Mapping[str, Any], offset: int) -> IndexEntry:
    """The entry for the record with this header. Raises `Corrupt` if it says no component or no status."""
    return _to_entry([header.get("component"), header.get("status"), offset])


def encode_index(entries: Sequence[IndexEntry], offset: int) -> list[Buffer]:
    """The index record and the trailer, to be written at this offset."""
    start = _TRAILER.pack(offset, _MAGIC, 0, 0)[:-4]
    return [*encode_record(offset, {"index": [list(entry) for entry in entries]}), with_crc(start)]


def find_records(source: Source) -> Contents:
    """The records of an outputs file whose file header has been checked. The bodies are not touched."""
    try:
        return Contents(_read_index(source), is_finished=True, damage=None)
    except Torn:
        return _walk(source)
    except Corrupt as error:
        return _walk(source)._replace(damage=error)


def find_whole_records(source: Source) -> tuple[list[IndexEntry], int]:
    """The records before the first that is not whole (or the index), and where they end. The bodies are checked."""
    entries: list[IndexEntry] = []
    end = FIRST_RECORD
    try:
        for frame in walk_frames(source):
            header = read_frame_header(source, frame)
            if "index" in header:
                break
            check_body(source, frame)
            entries.append(entry_of(header, frame.offset))
            end = frame.end
    except WireError:
        pass  # what follows cannot be relied on: the caller runs those components again
    return entries, end


def _walk(source: Source) -> Contents:
    entries: list[IndexEntry] = []
    damage: WireError | None = None
    try:
        for frame in walk_frames(source):
            try:
                header = read_frame_header(source, frame)
                if "index" in header:
                    _check_rest(source, frame.end)
                    break
                entries.append(entry_of(header, frame.offset))
            except Corrupt as error:
                # Its prefix was whole, so the record after it can be found.
                damage = damage or error
    except Torn:
        pass  # its writer has not come to the end, or never will: what is there is good
    except Corrupt as error:
        damage = damage or error
    return Contents(entries, is_finished=False, damage=damage)


def _check_rest(source: Source, end_of_index: int) -> None:
    if source.size - end_of_index >= _TRAILER.size:
        raise Corrupt("its trailer is wrong")


def _read_index(source: Source) -> list[IndexEntry]:
    """Raises `Torn` when there is no trailer, `Corrupt` when it points to no index."""
    offset = _read_trailer(source)
    frame = read_frame(source, offset)
    index = read_frame_header(source, frame).get("index")
    if frame.end != source.size - _TRAILER.size or type(index) is not list:
        raise Corrupt("its trailer does not point to an index")
    return [_to_entry(item) for item in index]


def _read_trailer(source: Source) -> int:
    start = source.size - _TRAILER.size
    if start < FIRST_RECORD:
        raise Torn("it has no trailer")
    trailer = source.read(start, _TRAILER.size)
    offset, magic, reserved, crc = _TRAILER.unpack(trailer)
    if crc32(trailer[:-4]) != crc or magic != _MAGIC or reserved != 0:
        raise Torn("it has no trailer")
    if not FIRST_RECORD <= offset < start:
        raise Corrupt("its trailer points to no place in the file")
    return int(offset)


def _to_entry(item: Any) -> IndexEntry:
    match item:
        case [int(component), str(status), int(offset)] if component >= 0 and offset >= FIRST_RECORD:
            return IndexEntry(component, status, offset)
    raise Corrupt("a record or the index names no component, status or place")
