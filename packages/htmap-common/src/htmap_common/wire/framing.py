"""The frame around everything: a file header, then records that carry their own lengths and checksums.

In: header dicts and buffers (writers), a `Source` of untrusted bytes (readers). Out: buffers, `Frame`, `Record`.
On the other side: files of one record (`files`) and of many (`outputs`). ``docs/wire-format.md`` states the bytes.
No length is believed before the checksum that covers it was right and the bytes were there.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple

from .checksum import crc32, crc32_of
from .errors import Corrupt, NotOurFile, Torn, UnknownFormat, WrongKind
from .header import MAX_HEADER_SIZE, pack_header, peek, unpack_header
from .source import Buffer, Source

FORMAT = 1
MAGIC = b"\x89HTMAP\r\n"
MAX_ALIGN = 4096
RESERVED_KEYS = frozenset(("segments", "align", "index"))

_FILE_HEADER = struct.Struct(">8s16sII")
_PREFIX = struct.Struct(">IQIII")
_CRC_SIZE = 4
_PEEKED = 64 * 1024
FIRST_RECORD = _FILE_HEADER.size


class Kind(str, Enum):
    """What a file of ours is for."""

    FUNCTION = "function"
    INPUTS = "inputs"
    OUTPUTS = "outputs"
    MAP = "map"
    SUBMISSION = "submission"
    TAG = "tag"
    STATE = "state"


class Frame(NamedTuple):
    """Where a record lies, from its prefix."""

    offset: int
    header_length: int
    body_length: int
    header_crc: int
    body_crc: int

    @property
    def header_start(self) -> int:
        return self.offset + _PREFIX.size

    @property
    def body_start(self) -> int:
        return self.header_start + self.header_length

    @property
    def end(self) -> int:
        return self.body_start + self.body_length


class Record(NamedTuple):
    """One record, checked and decoded.

    Attributes
    ----------
    header
        Plain values.
    segments
        The opaque payloads. Views of one buffer, which belongs to whoever holds them when it was read from a file.
    offset, end
        Where it lies in the file, in bytes.
    """

    header: dict[str, Any]
    segments: tuple[memoryview, ...]
    offset: int
    end: int


def encode_file_header(kind: Kind) -> bytes:
    """The first 32 bytes of a file."""
    return with_crc(_FILE_HEADER.pack(MAGIC, kind.value.encode("ascii"), FORMAT, 0)[:-_CRC_SIZE])


def decode_file_header(source: Source) -> tuple[str, int]:
    """The kind and the format number of a file of ours, whether or not this version knows them."""
    start = bytes(source.read(0, min(source.size, FIRST_RECORD)))
    if start[: len(MAGIC)] != MAGIC[: len(start)]:
        raise NotOurFile
    if len(start) < FIRST_RECORD:
        raise Torn(f"it has {len(start)} bytes, its file header alone needs {FIRST_RECORD}")
    _, kind, number, crc = _FILE_HEADER.unpack(start)
    if crc32(start[:-_CRC_SIZE]) != crc:
        raise Corrupt("the checksum of its file header is wrong")
    try:
        return kind.rstrip(b"\0").decode("ascii"), number
    except UnicodeDecodeError as error:
        raise Corrupt("its kind is not ASCII") from error


def check_file_header(source: Source, kind: Kind) -> None:
    """Make sure that this is a file of this kind, in a format that this version reads."""
    found, number = decode_file_header(source)
    check_format(number)
    if found != kind.value:
        raise WrongKind(found, kind.value)


def check_format(number: int) -> None:
    """Make sure that this version reads this format."""
    if number != FORMAT:
        raise UnknownFormat(number, FORMAT)


class Run(NamedTuple):
    """Segments that lie one right behind the other already: thousands of small ones cost as much as one.

    Attributes
    ----------
    body
        All of them.
    lengths
        In bytes; they add up to the length of the body.
    """

    body: Buffer
    lengths: list[int]


def encode_record(
    offset: int, header: Mapping[str, Any], segments: Iterable[Buffer] | Run = (), *, align: int = 1
) -> list[Buffer]:
    """A record that is going to lie at this offset of its file.

    Parameters
    ----------
    header
        Plain values with string keys; ``segments`` and ``align`` are added here.
    segments
        C-contiguous buffers. They are not copied: they must not change until the result is written.
    align
        Each segment starts at a multiple of it: a power of two.
    """
    if align not in range(1, MAX_ALIGN + 1) or align & (align - 1):
        raise ValueError(f"align must be a power of two of at most {MAX_ALIGN}, not {align}.")
    if isinstance(segments, Run):
        if align != 1 or sum(segments.lengths) != memoryview(segments.body).nbytes:
            raise ValueError("A run of segments has no gaps between them.")
        views, lengths = [memoryview(segments.body).cast("B")], segments.lengths
    else:
        views = [memoryview(segment).cast("B") for segment in segments]
        lengths = [view.nbytes for view in views]
    shape: dict[str, Any] = {"segments": lengths} if lengths else {}
    if lengths and align > 1:
        shape["align"] = align
    packed = pack_header({**header, **shape})
    body = _pad(views, offset + _PREFIX.size + len(packed), align)
    body_crc = body_length = 0
    for piece in body:
        body_crc = crc32(piece, body_crc)
        body_length += len(piece)
    prefix = _PREFIX.pack(len(packed), body_length, crc32(packed), body_crc, 0)[:-_CRC_SIZE]
    return [with_crc(prefix) + packed, *body]


def check_header_keys(header: Mapping[str, Any]) -> None:
    """Refuse the keys that the frame itself uses."""
    if not RESERVED_KEYS.isdisjoint(header):
        raise ValueError(f"The header keys {sorted(RESERVED_KEYS)} belong to the frame of a record.")


def read_frame(source: Source, offset: int) -> Frame:
    """The prefix of the record at an offset; its header and body are known to lie within the file."""
    if source.size - offset < _PREFIX.size:
        raise Torn(f"it ends at byte {source.size}, within the prefix of the record at byte {offset}")
    prefix = source.read(offset, _PREFIX.size)
    header_length, body_length, header_crc, body_crc, crc = _PREFIX.unpack(prefix)
    if crc32(prefix[:-_CRC_SIZE]) != crc:
        raise Corrupt(f"there is no record at byte {offset}, or its checksum is wrong")
    if header_length > MAX_HEADER_SIZE:
        raise Corrupt(f"the header of the record at byte {offset} is larger than {MAX_HEADER_SIZE} bytes")
    frame = Frame(offset, header_length, body_length, header_crc, body_crc)
    if frame.end > source.size:
        raise Torn(f"it ends at byte {source.size}, the record at byte {offset} needs {frame.end}")
    return frame


def walk_frames(source: Source) -> Iterator[Frame]:
    """All records, one after another. Raises `Torn` or `Corrupt` where no record begins."""
    offset = FIRST_RECORD
    while offset < source.size:
        frame = read_frame(source, offset)
        yield frame
        offset = frame.end


def read_frame_header(source: Source, frame: Frame) -> dict[str, Any]:
    """The header of a record; its body is not touched."""
    packed = source.read(frame.header_start, frame.header_length)
    if crc32(packed) != frame.header_crc:
        raise Corrupt(f"the checksum of the header of the record at byte {frame.offset} is wrong")
    return unpack_header(packed)


def frame_header_is_whole(source: Source, frame: Frame) -> None:
    """Compare the header of a record with its checksum, without holding it in memory. Raises `Corrupt`."""
    if crc32_of(source, frame.header_start, frame.header_length) != frame.header_crc:
        raise Corrupt(f"the checksum of the header of the record at byte {frame.offset} is wrong")


def peek_frame_header(source: Source, frame: Frame, keys: Sequence[str]) -> dict[str, Any]:
    """The header of a record; of a large one only these keys, which our writers put first."""
    if frame.header_length <= _PEEKED:
        return read_frame_header(source, frame)
    frame_header_is_whole(source, frame)
    found = peek(source.read(frame.header_start, _PEEKED), keys)
    if found is None:
        raise Corrupt(f"the large header of the record at byte {frame.offset} does not begin with {' and '.join(keys)}")
    return found


def check_body(source: Source, frame: Frame) -> None:
    """Compare the body of a record with its checksum, without holding it in memory."""
    _compare_body(frame, crc32_of(source, frame.body_start, frame.body_length))


def read_record_at(source: Source, frame: Frame) -> Record:
    """A whole record."""
    header = read_frame_header(source, frame)
    spans = segment_spans(frame, header)
    body = source.read(frame.body_start, frame.body_length)
    _compare_body(frame, crc32(body))
    base = frame.body_start
    segments = tuple(body[start - base : end - base] for start, end in spans)
    return Record(header, segments, frame.offset, frame.end)


def segment_spans(frame: Frame, header: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Where the segments of a record start and end in the file."""
    lengths, align = header.get("segments", []), header.get("align", 1)
    if type(lengths) is not list or not all(type(length) is int and length >= 0 for length in lengths):
        raise Corrupt(f"the record at byte {frame.offset} has no proper list of segments")
    if type(align) is not int or align not in range(1, MAX_ALIGN + 1) or align & (align - 1):
        raise Corrupt(f"the record at byte {frame.offset} has no proper alignment")
    spans = _layout(lengths, frame.body_start, align)
    if frame.end != (spans[-1][1] if spans else frame.body_start):
        raise Corrupt(f"the segments of the record at byte {frame.offset} do not fill its body")
    return spans


def with_crc(start: bytes) -> bytes:
    """These bytes, followed by their CRC-32."""
    return start + crc32(start).to_bytes(_CRC_SIZE, "big")


def _compare_body(frame: Frame, crc: int) -> None:
    if crc != frame.body_crc:
        raise Corrupt(f"the checksum of the body of the record at byte {frame.offset} is wrong")


def _layout(lengths: Iterable[int], position: int, align: int) -> list[tuple[int, int]]:
    spans = []
    for length in lengths:
        start = -(-position // align) * align
        position = start + length
        spans.append((start, position))
    return spans


def _pad(views: Sequence[memoryview], position: int, align: int) -> list[Buffer]:
    """The segments with the NULs between them."""
    pieces: list[Buffer] = []
    for view, (start, end) in zip(views, _layout([view.nbytes for view in views], position, align), strict=True):
        if start > position:
            pieces.append(bytes(start - position))
        pieces.append(view)
        position = end
    return pieces
