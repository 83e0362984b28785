"""Mirrors htmap_common.wire.outputs and htmap_common.wire.index."""

from __future__ import annotations

import contextlib
import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from htmap_common.wire import (
    Corrupt,
    Kind,
    NotOurFile,
    OutputsReader,
    OutputsWriter,
    Record,
    WireError,
    WrongKind,
    encode_file,
)
from htmap_common.wire.framing import encode_file_header, encode_record, with_crc
from htmap_common.wire.index import encode_index

COMPONENTS = (7, 8, 9)


def append(writer: OutputsWriter, component: int) -> None:
    writer.append({"component": component, "status": "returned"}, [b"result %d" % component, b"more"], align=16)


def components(writer_or_reader: OutputsWriter | OutputsReader) -> list[int]:
    return [entry.component for entry in writer_or_reader.entries]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outputs"


@pytest.fixture
def unfinished(path: Path) -> bytes:
    """The bytes of a file with three records, before it is finished."""
    with OutputsWriter.open(path) as writer:
        for component in COMPONENTS:
            append(writer, component)
    return path.read_bytes()


@pytest.fixture
def finished(unfinished: bytes, path: Path) -> bytes:
    """The bytes of the same file after it was finished."""
    with OutputsWriter.open(path) as writer:
        writer.finish()
    content = path.read_bytes()
    assert content.startswith(unfinished)
    return content


def ends(path: Path) -> list[int]:
    """Where each record ends."""
    with OutputsReader.open(path) as reader:
        return [reader.record(entry).end for entry in reader.entries]


def read_what_is_whole(path: Path) -> tuple[dict[int, Record], bool]:
    """The records that can be read, and whether anything at all says that something is amiss."""
    whole: dict[int, Record] = {}
    with OutputsReader.open(path) as reader:
        is_noticed = not reader.is_finished or reader.damage is not None
        for entry in reader.entries:
            try:
                whole[entry.component] = reader.record(entry)
            except WireError:
                is_noticed = True
    return whole, is_noticed


def test_records_come_back_as_they_were(finished: bytes, path: Path) -> None:
    assert path.read_bytes() == finished
    with OutputsReader.open(path) as reader:
        assert (reader.is_finished, reader.damage) == (True, None)
        assert components(reader) == list(COMPONENTS)
        for entry in reader.entries:
            record = reader.record(entry)
            assert record.header == reader.header(entry)
            assert (record.header["component"], record.offset) == (entry.component, entry.offset)
            assert list(record.segments) == [b"result %d" % entry.component, b"more"]


def test_records_can_be_read_before_the_file_is_finished(path: Path) -> None:
    with OutputsWriter.open(path) as writer:
        for component in COMPONENTS:
            append(writer, component)
            with OutputsReader.open(path) as reader:
                assert components(reader) == components(writer)
                assert (reader.is_finished, reader.damage) == (False, None)


def test_a_file_without_records_can_be_finished(path: Path) -> None:
    with OutputsWriter.open(path) as writer:
        writer.finish()
    with OutputsReader.open(path) as reader:
        assert (reader.entries, reader.is_finished) == ([], True)


def test_segments_of_a_record_outlive_the_reader(finished: bytes, path: Path) -> None:
    assert finished
    with OutputsReader.open(path) as reader:
        record = reader.record(reader.entries[1])
    path.unlink()
    assert bytes(record.segments[0]) == b"result 8"


def test_a_truncated_file_loses_only_what_is_cut_off(finished: bytes, path: Path) -> None:
    whole_ends = ends(path)
    for size in range(32, len(finished)):
        path.write_bytes(finished[:size])
        with OutputsReader.open(path) as reader:
            assert (reader.is_finished, reader.damage) == (False, None)
            assert len(reader.entries) == sum(end <= size for end in whole_ends)
        assert len(read_what_is_whole(path)[0]) == sum(end <= size for end in whole_ends)


def test_a_file_without_a_whole_file_header_cannot_be_read(finished: bytes, path: Path) -> None:
    for size in range(32):
        path.write_bytes(finished[:size])
        with pytest.raises(WireError, match="outputs"):
            OutputsReader.open(path)


def test_a_writer_goes_on_after_truncation_at_any_byte(finished: bytes, path: Path) -> None:
    whole_ends = ends(path)
    for size in range(len(finished) + 1):
        path.write_bytes(finished[:size])
        with OutputsWriter.open(path) as writer:
            kept = components(writer)
            assert len(kept) == sum(end <= size for end in whole_ends)
            for component in COMPONENTS[len(kept) :]:
                append(writer, component)
            writer.finish()
        assert path.read_bytes() == finished


def test_any_flipped_bit_of_a_finished_file_is_noticed_and_costs_one_record(finished: bytes, path: Path) -> None:
    for bit in range(8 * 32, 8 * len(finished)):
        changed = bytearray(finished)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        whole, is_noticed = read_what_is_whole(path)
        assert is_noticed, f"bit {bit}"
        assert len(whole) >= 2, f"bit {bit}"


def test_any_flipped_bit_of_the_file_header_is_noticed(finished: bytes, path: Path) -> None:
    for bit in range(8 * 32):
        changed = bytearray(finished)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        with pytest.raises(WireError):
            OutputsReader.open(path)
        with pytest.raises(WireError):
            OutputsWriter.open(path)
        assert path.read_bytes() == changed


def test_any_flipped_bit_of_an_unfinished_file_is_noticed(unfinished: bytes, path: Path) -> None:
    for bit in range(8 * 32, 8 * len(unfinished)):
        changed = bytearray(unfinished)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        whole, _ = read_what_is_whole(path)
        assert len(whole) < len(COMPONENTS), f"bit {bit}"


def test_a_damaged_header_in_an_unfinished_file_hides_only_its_own_record(unfinished: bytes, path: Path) -> None:
    path.write_bytes(unfinished.replace(b"component\x08", b"component\x09"))
    with OutputsReader.open(path) as reader:
        assert components(reader) == [7, 9]
        assert isinstance(reader.damage, Corrupt)
        assert reader.damage.path == str(path)


def test_garbage_between_records_hides_what_follows(unfinished: bytes, path: Path) -> None:
    end = ends(path)[0]
    path.write_bytes(unfinished[:end] + bytes(100) + unfinished[end:])
    with OutputsReader.open(path) as reader:
        assert components(reader) == [7]
        assert isinstance(reader.damage, Corrupt)


def test_a_writer_drops_damaged_records_and_what_follows(unfinished: bytes, path: Path) -> None:
    end = ends(path)[0]
    path.write_bytes(unfinished.replace(b"result 8", b"result ?"))
    with OutputsWriter.open(path) as writer:
        assert components(writer) == [7]
    assert path.read_bytes() == unfinished[:end]


def test_a_writer_goes_on_with_a_finished_file(finished: bytes, path: Path) -> None:
    with OutputsWriter.open(path) as writer:
        assert components(writer) == list(COMPONENTS)
        append(writer, 10)
        writer.finish()
    assert len(path.read_bytes()) > len(finished)
    assert list(read_what_is_whole(path)[0]) == [*COMPONENTS, 10]


@pytest.mark.parametrize(
    ("content", "error"),
    [(b"something of the user's", NotOurFile), (b"".join(encode_file(Kind.TAG, {})), WrongKind)],
)
def test_a_writer_leaves_foreign_files_alone(content: bytes, error: type[WireError], path: Path) -> None:
    path.write_bytes(content)
    with pytest.raises(error, match="outputs"):
        OutputsWriter.open(path)
    assert path.read_bytes() == content


def test_outputs_are_private(unfinished: bytes, path: Path) -> None:
    assert unfinished
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"component": 1},
        {"component": -1, "status": "returned"},
        {"component": "1", "status": "returned"},
        {"component": 1, "status": "returned", "segments": []},
        {"component": 1, "status": "returned", "x": {1: 2}},
    ],
)
def test_a_header_that_is_refused_leaves_the_file_as_it_was(
    header: dict[str, object], unfinished: bytes, path: Path
) -> None:
    with OutputsWriter.open(path) as writer:
        with pytest.raises(ValueError, match="header"):
            writer.append(header)
        assert path.read_bytes() == unfinished
        assert components(writer) == list(COMPONENTS)


def test_a_file_of_ours_as_a_result_is_not_taken_for_the_file_itself(finished: bytes, path: Path) -> None:
    path.unlink()
    with OutputsWriter.open(path) as writer:
        writer.append({"component": 0, "status": "returned"}, [finished])
    with OutputsReader.open(path) as reader:
        assert (components(reader), reader.is_finished) == ([0], False)


@pytest.mark.parametrize(
    "index",
    [[[7]], [7], [["7", "returned", 32]], [[7, "returned", 1]], [[-7, "returned", 32]], [[7, "returned", "32"]], {}],
)
def test_an_index_that_makes_no_sense_is_reported_and_not_used(index: object, unfinished: bytes, path: Path) -> None:
    offset = len(unfinished)
    trailer = encode_index([], offset)[-1]
    path.write_bytes(b"".join([unfinished, *encode_record(offset, {"index": index}), trailer]))
    with OutputsReader.open(path) as reader:
        assert components(reader) == list(COMPONENTS)
        assert not reader.is_finished
        assert isinstance(reader.damage, Corrupt)


@pytest.mark.parametrize("offset", [0, 31, 32, 100, 10**6, 2**64 - 1])
def test_a_trailer_that_points_elsewhere_is_reported_and_not_used(offset: int, unfinished: bytes, path: Path) -> None:
    trailer = with_crc(offset.to_bytes(8, "big") + b"HTMAPEND" + bytes(4))
    path.write_bytes(b"".join([unfinished, *encode_index([], len(unfinished))[:-1], trailer]))
    with OutputsReader.open(path) as reader:
        assert components(reader) == list(COMPONENTS)
        assert not reader.is_finished
        assert isinstance(reader.damage, Corrupt)


def test_bytes_between_the_index_and_its_trailer_are_reported(finished: bytes, path: Path) -> None:
    path.write_bytes(finished[:-24] + b"?" + finished[-24:])
    with OutputsReader.open(path) as reader:
        assert (components(reader), reader.is_finished) == (list(COMPONENTS), False)
        assert isinstance(reader.damage, Corrupt)


def test_a_trailer_with_an_unknown_meaning_is_reported(finished: bytes, path: Path) -> None:
    path.write_bytes(finished[:-8] + with_crc(finished[-24:-8] + b"\0\0\0\1")[-8:])
    with OutputsReader.open(path) as reader:
        assert (components(reader), reader.is_finished) == (list(COMPONENTS), False)
        assert isinstance(reader.damage, Corrupt)


@pytest.mark.parametrize("wrong", [{"offset": 50}, {"component": 8}, {"status": "raised"}])
def test_an_entry_that_points_to_no_record_is_found_out(wrong: Any, unfinished: bytes, path: Path) -> None:
    with OutputsReader.open(path) as reader:
        entry = reader.entries[0]._replace(**wrong)
    path.write_bytes(b"".join([unfinished, *encode_index([entry], len(unfinished))]))
    with OutputsReader.open(path) as reader:
        assert reader.is_finished
        with pytest.raises(WireError):
            reader.header(reader.entries[0])
        with pytest.raises(WireError):
            reader.record(reader.entries[0])


@pytest.mark.parametrize("offset", [0, 31, 10**6])
def test_an_index_of_places_where_no_record_can_be_is_damaged(offset: int, unfinished: bytes, path: Path) -> None:
    with OutputsReader.open(path) as reader:
        entries = reader.entries
    for wrong in ([entries[0]._replace(offset=offset)], [*entries, entries[-1]], entries[::-1]):
        path.write_bytes(b"".join([unfinished, *encode_index(wrong, len(unfinished))]))
        with OutputsReader.open(path) as reader:
            assert (components(reader), reader.is_finished) == (list(COMPONENTS), False)
            assert isinstance(reader.damage, Corrupt)


def test_an_index_may_say_more_one_day(unfinished: bytes, path: Path) -> None:
    with OutputsReader.open(path) as reader:
        entries = reader.entries
    index = b"".join(encode_record(len(unfinished), {"index": [list(entry) for entry in entries], "more": {"x": [1]}}))
    trailer = encode_index([], len(unfinished))[-1]
    path.write_bytes(b"".join([unfinished, index, trailer]))
    with OutputsReader.open(path) as reader:
        assert (reader.entries, reader.is_finished) == (entries, True)


def test_a_file_with_more_records_than_it_can_have_is_damaged(finished: bytes, unfinished: bytes, path: Path) -> None:
    for content in (finished, unfinished):
        path.write_bytes(content)
        with OutputsReader.open(path, most=len(COMPONENTS)) as reader:
            assert components(reader) == list(COMPONENTS)
            assert reader.damage is None
        with OutputsReader.open(path, most=1) as reader:
            assert reader.damage is not None


FILLINGS = [
    b"\x80",
    b"\x90",
    b"\x93\x01\x02\x03",
    b"\x93\x00\xa0\x20",
    b"\x81\xa1a\x01",
    b"\xe0",
    b"\xdd\x7f\xff\xff\xff",
]


@pytest.mark.parametrize("filling", FILLINGS)
@pytest.mark.parametrize("as_index", [True, False])
def test_a_header_takes_no_more_memory_than_a_small_multiple_of_its_file(
    filling: bytes, unfinished: bytes, path: Path, *, as_index: bool
) -> None:
    count = 500_000 // len(filling)
    key = b"\x81\xa5index" if as_index else b"\x83\xa9component\x01\xa6status\xa8returned\xa4more"
    header = key + b"\xdd" + count.to_bytes(4, "big") + filling * count
    at = len(unfinished)
    prefix = with_crc(struct.pack(">IQII", len(header), 0, zlib.crc32(header), 0))
    trailer = encode_index([], at)[-1] if as_index else b""
    path.write_bytes(b"".join([unfinished, prefix, header, trailer]))
    tracemalloc.start()
    try:
        with OutputsReader.open(path) as reader:
            for entry in reader.entries:
                with contextlib.suppress(WireError):
                    reader.header(entry)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # A list of numbers is decoded whole: each byte can be a number of its own.
    # Of dictionaries it is 25 times, and on 3.14 a little more.
    assert peak < (50 if filling == b"\xe0" and not as_index else 30) * len(header)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=100), st.data())
def test_random_contents_raise_nothing_but_wire_errors(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "outputs-random"
    whole = b"".join(encode_record(32, {"component": 1, "status": "returned"}, [b"x" * 20]))
    at = data.draw(st.integers(0, len(whole)))
    path.write_bytes(encode_file_header(Kind.OUTPUTS) + whole[:at] + content + whole[at:])
    read_what_is_whole(path)
    with OutputsWriter.open(path) as writer:
        before = components(writer)
        append(writer, 5)
        writer.finish()
    assert list(read_what_is_whole(path)[0]) == [*before, 5]
