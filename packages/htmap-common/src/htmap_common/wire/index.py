"""Finding the records of an outputs file: by its index when its writer was done, else by walking over them.

In: a `Source` of untrusted bytes. Out: the components in it, and what is damaged. On the other side: `outputs`.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .checksum import crc32
from .errors import Corrupt, Torn, WireError
from .framing import (
    FIRST_RECORD,
    Frame,
    check_body,
    encode_record,
    frame_header_is_whole,
    peek_frame_header,
    read_frame,
    walk_frames,
    with_crc,
)
from .header import begins_with, unpack_rows
from .source import Buffer, Source

_TRAILER = struct.Struct(">Q8sII")
_MAGIC = b"HTMAPEND"
_WORD = 16

SMALLEST_RECORD = 24
"""Bytes that every record takes: its prefix alone."""

# Two numbers of nine bytes at most, and a word.
_LARGEST_ROW = 64


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


def find_records(source: Source, most: int | None = None) -> Contents:
    """The records of an outputs file whose file header has been checked. The bodies are not touched.

    Parameters
    ----------
    most
        So many there can be: more are damage. None: as many as fit into the file.
    """
    most = source.size // SMALLEST_RECORD if most is None else most
    try:
        return Contents(_read_index(source, most), is_finished=True, damage=None)
    except Torn:
        return _walk(source, most)
    except Corrupt as error:
        return _walk(source, most)._replace(damage=error)


def find_whole_records(source: Source) -> tuple[list[IndexEntry], int]:
    """The records before the first that is not whole (or the index), and where they end. The bodies are checked."""
    entries: list[IndexEntry] = []
    end = FIRST_RECORD
    try:
        for frame in walk_frames(source):
            if is_index(source, frame):
                break
            header = peek_frame_header(source, frame, ("component", "status"))
            check_body(source, frame)
            entries.append(entry_of(header, frame.offset))
            end = frame.end
    except WireError:
        pass  # what follows cannot be relied on: the caller runs those components again
    return entries, end


def _walk(source: Source, most: int) -> Contents:
    entries: list[IndexEntry] = []
    damage: WireError | None = None
    try:
        for number, frame in enumerate(walk_frames(source)):
            _check_count(number, most)
            try:
                if is_index(source, frame):
                    _check_rest(source, frame.end)
                    break
                header = peek_frame_header(source, frame, ("component", "status"))
                entries.append(entry_of(header, frame.offset))
            except Corrupt as error:
                # Its prefix was whole, so the record after it can be found.
                damage = damage or error
    except Torn:
        pass  # its writer has not come to the end, or never will: what is there is good
    except Corrupt as error:
        damage = damage or error
    return Contents(entries, is_finished=False, damage=damage)


def _check_count(number: int, most: int) -> None:
    if number > most:
        raise Corrupt(f"it holds more than the {most} records that it can have")


def _check_rest(source: Source, end_of_index: int) -> None:
    if source.size - end_of_index >= _TRAILER.size:
        raise Corrupt("its trailer is wrong")


def _read_index(source: Source, most: int) -> list[IndexEntry]:
    """Raises `Torn` when there is no trailer, `Corrupt` when it points to no index."""
    offset = _read_trailer(source)
    frame = read_frame(source, offset)
    if frame.end != source.size - _TRAILER.size or frame.header_length > _LARGEST_ROW * (most + 1):
        raise Corrupt("its trailer does not point to an index")
    frame_header_is_whole(source, frame)
    entries: list[IndexEntry] = []
    end = FIRST_RECORD
    for row in unpack_rows(source.read(frame.header_start, frame.header_length), "index", len(IndexEntry._fields)):
        entry = _to_entry(row)
        # Records lie one behind the other: so there are no more of them than fit into the file.
        if not end <= entry.offset <= offset - SMALLEST_RECORD or len(entries) == most:
            raise Corrupt("its index names a place where no record can be")
        entries.append(entry)
        end = entry.offset + SMALLEST_RECORD
    return entries


def is_index(source: Source, frame: Frame) -> bool:
    """Whether the header of a record is an index: nothing else begins like it."""
    return begins_with(source.read(frame.header_start, min(frame.header_length, _WORD)), "index")


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
            return IndexEntry(component, sys.intern(status), offset)
    raise Corrupt("a record or the index names no component, status or place")
