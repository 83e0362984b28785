"""Mirrors htmap_common.wire.files, and what it needs of framing and source."""

from __future__ import annotations

import ctypes
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from htmap_common.wire import (
    Corrupt,
    Kind,
    NotOurFile,
    Torn,
    UnknownFormat,
    WireError,
    WrongKind,
    decode_file,
    encode_file,
    read_header,
    read_record,
    write_buffers,
)
from htmap_common.wire.header import MAX_HEADER_SIZE

HEADER = {"name": "fit", "python": [3, 11, 7]}
SEGMENTS = [b"first", b"", bytes(range(70))]
FILE = b"".join(encode_file(Kind.FUNCTION, HEADER, SEGMENTS, align=16))

SMALL = settings(max_examples=80, deadline=None)


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def with_crc(start: bytes) -> bytes:
    return start + struct.pack(">I", zlib.crc32(start))


def file_header(kind: bytes = b"function", number: int = 1) -> bytes:
    return with_crc(struct.pack(">8s16sI", b"\x89HTMAP\r\n", kind, number))


def record(packed: bytes, body: bytes = b"", header_length: int | None = None, body_length: int | None = None) -> bytes:
    """A record whose checksums are right, whatever its lengths and contents."""
    lengths = (
        len(packed) if header_length is None else header_length,
        len(body) if body_length is None else body_length,
    )
    return with_crc(struct.pack(">IQII", *lengths, zlib.crc32(packed), zlib.crc32(body))) + packed + body


@SMALL
@given(st.lists(st.binary(max_size=100), max_size=4), st.sampled_from([1, 2, 8, 64, 4096]))
def test_a_file_comes_back_as_it_was(segments: list[bytes], align: int) -> None:
    content = b"".join(encode_file(Kind.INPUTS, HEADER, segments, align=align))
    found = decode_file(content, Kind.INPUTS)
    assert HEADER.items() <= found.header.items()
    assert [bytes(segment) for segment in found.segments] == segments
    assert (found.offset, found.end) == (32, len(content))


@pytest.mark.parametrize("align", [1, 64, 4096])
def test_segments_start_at_multiples_of_the_alignment(align: int) -> None:
    segments = [b"<%d>" % number for number in range(5)]
    content = b"".join(encode_file(Kind.FUNCTION, HEADER, segments, align=align))
    assert [content.index(segment) % align for segment in segments] == [0] * 5


def test_payloads_are_not_copied_when_they_are_encoded() -> None:
    payload = bytearray(1000)
    pieces = encode_file(Kind.FUNCTION, HEADER, [payload])
    assert any(isinstance(piece, memoryview) and piece.obj is payload for piece in pieces)


def test_decoded_segments_are_views_of_the_buffer() -> None:
    assert decode_file(FILE, Kind.FUNCTION).segments[0].obj is FILE


# Small bodies lie where malloc puts them, large ones on pages.
@pytest.mark.parametrize(("size", "alignment"), [(100, 8), (3_000_000, 64)])
def test_segments_that_were_read_are_aligned_and_may_be_changed(tmp_path: Path, size: int, alignment: int) -> None:
    path = tmp_path / "function"
    with path.open("wb") as file:
        write_buffers(file.fileno(), encode_file(Kind.FUNCTION, {}, [b"pickle", bytes(size)], align=64))
    found = read_record(path, Kind.FUNCTION)
    path.unlink()
    segment = found.segments[1]
    segment[-1] = 7
    assert segment.nbytes == size
    assert ctypes.addressof(ctypes.c_char.from_buffer(segment)) % alignment == 0


def test_more_buffers_than_one_system_call_takes_are_written(tmp_path: Path) -> None:
    segments = [b"%d" % number for number in range(3000)]
    path = tmp_path / "inputs"
    with path.open("wb") as file:
        buffers = encode_file(Kind.INPUTS, {}, segments)
        assert write_buffers(file.fileno(), buffers) == sum(map(len, buffers))
    assert list(read_record(path, Kind.INPUTS).segments) == segments


def test_any_truncation_is_noticed() -> None:
    for size in range(len(FILE)):
        with pytest.raises(Torn):
            decode_file(FILE[:size], Kind.FUNCTION)


def test_any_flipped_bit_is_noticed() -> None:
    for bit in range(8 * len(FILE)):
        changed = bytearray(FILE)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(WireError):
            decode_file(changed, Kind.FUNCTION)


def test_nothing_may_follow_the_only_record() -> None:
    with pytest.raises(Corrupt, match="1 bytes follow"):
        decode_file(FILE + b"\0", Kind.FUNCTION)


@SMALL
@given(st.sampled_from(Kind), st.binary(max_size=200))
def test_random_bytes_raise_a_wire_error(kind: Kind, content: bytes) -> None:
    with pytest.raises(WireError):
        decode_file(content, kind)


@SMALL
@given(st.binary(max_size=40), st.binary(max_size=40), st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1))
def test_lengths_are_not_believed(packed: bytes, body: bytes, header_length: int, body_length: int) -> None:
    for lengths in ((header_length, body_length), (None, body_length), (header_length, None)):
        with pytest.raises(WireError):
            decode_file(file_header() + record(packed, body, *lengths), Kind.FUNCTION)


def test_a_header_beyond_the_limit_is_not_decoded() -> None:
    packed = b"\x81\xa1a\xc6" + struct.pack(">I", MAX_HEADER_SIZE) + bytes(MAX_HEADER_SIZE)
    with pytest.raises(Corrupt, match="larger"):
        decode_file(file_header() + record(packed), Kind.FUNCTION)


@SMALL
@given(
    st.none() | st.integers(-3, 2**64 - 1) | st.lists(st.integers(-3, 2**64 - 1) | st.text(max_size=2) | st.booleans()),
    st.none() | st.booleans() | st.integers(-5, 2**64 - 1) | st.floats() | st.text(max_size=2),
    st.binary(min_size=1, max_size=30),
)
def test_segments_that_do_not_fit_are_corrupt(segments: Any, align: Any, body: bytes) -> None:
    packed = msgpack.packb({"segments": segments, "align": align})
    content = file_header() + record(packed, body)
    try:
        found = decode_file(content, Kind.FUNCTION)
    except Corrupt:
        return
    assert b"".join(found.segments) in body


@pytest.mark.parametrize(
    ("header", "body"),
    [({}, b"x"), ({"segments": [2]}, b"x"), ({"segments": [1]}, b"xx"), ({"segments": [1, -1, 1]}, b"x")],
)
def test_segments_must_fill_the_body(header: dict[str, Any], body: bytes) -> None:
    with pytest.raises(Corrupt):
        decode_file(file_header() + record(msgpack.packb(header), body), Kind.FUNCTION)


def test_a_foreign_file_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "notes.txt", b"Dear diary, this is not a file of ours.")
    with pytest.raises(NotOurFile, match=r"notes\.txt is not a file of HTMap") as caught:
        read_record(path, Kind.TAG)
    assert caught.value.path == str(path)


def test_another_kind_is_refused() -> None:
    with pytest.raises(WrongKind) as caught:
        decode_file(FILE, Kind.MAP)
    assert (caught.value.found, caught.value.expected) == ("function", "map")


def test_a_later_format_is_refused_with_both_numbers() -> None:
    with pytest.raises(UnknownFormat) as caught:
        decode_file(file_header(number=2), Kind.FUNCTION)
    assert (caught.value.found, caught.value.known) == (2, 1)


def test_a_kind_of_a_later_version_is_refused() -> None:
    with pytest.raises(WrongKind):
        decode_file(file_header(b"hologram"), Kind.FUNCTION)
    with pytest.raises(Corrupt):
        decode_file(file_header(b"\xff"), Kind.FUNCTION)


def test_unknown_header_keys_are_allowed() -> None:
    content = file_header() + record(msgpack.packb({"colour": "green"}))
    assert decode_file(content, Kind.FUNCTION).header == {"colour": "green"}


def test_the_header_can_be_read_without_the_body(tmp_path: Path) -> None:
    path = write(tmp_path / "function", FILE[:-1] + b"?")
    assert read_header(path, Kind.FUNCTION)["name"] == "fit"
    with pytest.raises(Corrupt):
        read_record(path, Kind.FUNCTION)


@pytest.mark.parametrize("key", ["segments", "align", "index"])
def test_header_keys_of_the_frame_are_reserved(key: str) -> None:
    with pytest.raises(ValueError, match="belong to the frame"):
        encode_file(Kind.FUNCTION, {key: 1})


@pytest.mark.parametrize("align", [0, -1, 3, 8192])
def test_an_alignment_that_no_reader_takes_is_refused(align: int) -> None:
    with pytest.raises(ValueError, match="power of two"):
        encode_file(Kind.FUNCTION, {}, [b"x"], align=align)


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_record(tmp_path / "absent", Kind.TAG)
    with pytest.raises(IsADirectoryError):
        read_header(tmp_path, Kind.TAG)


def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises((OSError, Torn)):
        read_record(tmp_path / "pipe", Kind.TAG)
