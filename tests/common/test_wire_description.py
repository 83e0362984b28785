"""Mirrors htmap_common.wire.description and htmap_common.__main__: what people and tools see of a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from htmap_common.wire import (
    Kind,
    describe,
    encode_file,
)
from htmap_common.wire.framing import with_crc

GOLDEN = Path(__file__).parent / "golden" / "format-1"


def test_a_sound_file_is_described() -> None:
    description = describe(GOLDEN / "inputs")
    assert description["kind"] == "inputs"
    assert description["format"] == 1
    assert description["damage"] == []
    (record,) = description["records"]
    assert record["header"]["segments"] == [8, 8, 64]
    assert (record["offset"], record["end"]) == (32, description["size"])
    assert "finished" not in description


def test_an_outputs_file_says_whether_it_is_finished() -> None:
    assert describe(GOLDEN / "outputs")["finished"] is True
    unfinished = describe(GOLDEN / "outputs-unfinished")
    assert (unfinished["finished"], unfinished["damage"]) == (False, [])


def test_only_values_that_json_knows_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "state"
    header = {"bytes": [b"abc"], "numbers": {"a": float("nan"), "b": float("-inf")}, "odd": "\udcff"}
    path.write_bytes(b"".join(encode_file(Kind.STATE, header)))
    shown = describe(path)["records"][0]["header"]
    assert shown == {"bytes": ["<3 bytes>"], "numbers": {"a": "nan", "b": "-inf"}, "odd": "\udcff"}
    assert json.loads(json.dumps(shown, allow_nan=False)) == shown


def damaged(tmp_path: Path, content: bytes) -> dict[str, Any]:
    path = tmp_path / "damaged"
    path.write_bytes(content)
    description = describe(path)
    assert all(str(path) in sentence and sentence.endswith(".") for sentence in description["damage"])
    return description


def test_what_is_readable_of_a_damaged_file_is_shown(tmp_path: Path) -> None:
    description = damaged(tmp_path, (GOLDEN / "outputs").read_bytes()[:-1])
    assert [record["header"]["component"] for record in description["records"]] == [4, 5]
    assert len(description["damage"]) == 1


def test_a_changed_payload_is_reported_beside_its_header(tmp_path: Path) -> None:
    description = damaged(tmp_path, (GOLDEN / "outputs").read_bytes().replace(b"oops", b"????"))
    assert description["finished"] is True
    assert [record["header"]["component"] for record in description["records"]] == [4, 5]
    assert "body of the record" in description["damage"][0]


def test_a_changed_header_hides_only_its_own_record(tmp_path: Path) -> None:
    description = damaged(tmp_path, (GOLDEN / "outputs").read_bytes().replace(b"returned", b"????????", 1))
    assert ["header" in record for record in description["records"]] == [False, True]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is cut short"),
        (b"hello, world", "is not a file of HTMap"),
        ((GOLDEN / "tag").read_bytes() + b"x", "1 bytes follow its only record"),
        (with_crc((GOLDEN / "tag").read_bytes()[:24] + b"\0\0\0\x09"), "has format 9"),
    ],
)
def test_damage_is_a_sentence(content: bytes, sentence: str, tmp_path: Path) -> None:
    assert sentence in damaged(tmp_path, content)["damage"][0]


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(GOLDEN.iterdir())), st.data())
def test_any_change_of_any_file_is_described(
    tmp_path_factory: pytest.TempPathFactory, golden: Path, data: st.DataObject
) -> None:
    content = bytearray(golden.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at : at + data.draw(st.integers(1, 4))] = data.draw(st.binary(max_size=4))
    description = damaged(tmp_path_factory.getbasetemp(), bytes(content))
    json.dumps(description, allow_nan=False)
    if content != golden.read_bytes():
        assert description["damage"] or description.get("finished") is False
