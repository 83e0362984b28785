from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from htmap_common.wire import (
    Buffer,
    Corrupt,
    Kind,
    Run,
    SentFile,
    Shard,
    Torn,
    encode_file,
    encode_shard,
    read_shard,
    read_shard_header,
)

FILES = {5: [SentFile("/a b", None, None, "a b"), SentFile("raw", "http", "h", "raw")]}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "000000"


def written(path: Path, buffers: list[Buffer]) -> Shard:
    path.write_bytes(b"".join(buffers))
    return read_shard(path)


@given(first=st.integers(0, 10**6), calls=st.lists(st.lists(st.binary(max_size=9), min_size=1, max_size=3)))
def test_what_is_written_is_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, first: int, calls: list[list[bytes]]
) -> None:
    components = range(first, first + len(calls))
    segments = [segment for call in calls for segment in call]
    buffers = encode_shard(components, segments, {}, per_component=[len(call) for call in calls])
    shard = written(tmp_path_factory.mktemp("shard") / "000000", buffers)
    assert shard.components == components
    assert [list(shard.segments(component)) for component in components] == calls


def test_calls_without_buffers_are_written_in_one_piece(path: Path) -> None:
    shard = written(path, encode_shard(range(4, 7), Run(b"abbccc", [1, 2, 3]), {}))
    assert [bytes(*shard.segments(component)) for component in shard.components] == [b"a", b"bb", b"ccc"]


def test_the_header_alone_names_components_and_files(path: Path) -> None:
    content = b"".join(encode_shard(range(4, 7), [b"a", b"b", b"c"], FILES))
    path.write_bytes(content[:-1] + b"X")  # the calls are damaged
    header = read_shard_header(path)
    assert header.components == range(4, 7)
    assert header.files(5) == FILES[5]
    assert header.files(6) == []
    with pytest.raises(Corrupt):
        read_shard(path)


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"first": 0},
        {"first": "0", "count": 1},
        {"first": 0.0, "count": 1},
        {"first": -1, "count": 1},
        {"first": 0, "count": -1},
        {"first": True, "count": 1},
        {"first": 0, "count": None},
        {"first": 0, "count": 1, "per_component": [1, 1]},
        {"first": 0, "count": 1, "per_component": [0]},
        {"first": 0, "count": 1, "per_component": ["1"]},
        {"first": 0, "count": 1, "per_component": 1},
        {"first": 0, "count": 1, "files": []},
    ],
)
def test_a_header_that_makes_no_sense_is_damage(path: Path, header: dict[str, Any]) -> None:
    path.write_bytes(b"".join(encode_file(Kind.INPUTS, header, [b"call"])))
    for read in (read_shard, read_shard_header):
        with pytest.raises(Corrupt, match=str(path)):
            read(path)


@pytest.mark.parametrize("files", [1, [1], [[]], [["a", None, None]], [["a", 1, None, "a"]], [["a", None, None, b"a"]]])
def test_wrong_files_are_damage_of_their_component_only(path: Path, files: object) -> None:
    header = {"first": 0, "count": 2, "files": {"1": files}}
    shard = written(path, encode_file(Kind.INPUTS, header, [b"a", b"b"]))
    assert shard.header.files(0) == []
    with pytest.raises(Corrupt):
        shard.header.files(1)


def test_a_call_that_is_not_there_is_damage(path: Path) -> None:
    shard = written(path, encode_file(Kind.INPUTS, {"first": 0, "count": 2}, [b"a"]))
    assert list(shard.segments(0)) == [b"a"]
    with pytest.raises(Corrupt, match="no call of component 1"):
        shard.segments(1)


def test_a_shard_that_is_cut_short_is_said_to_be(path: Path) -> None:
    path.write_bytes(b"".join(encode_shard(range(1), [b"call"], {}))[:-1])
    with pytest.raises(Torn, match=str(path)):
        read_shard_header(path)
