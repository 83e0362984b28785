"""Mirrors htmap_common.wire.description and htmap_common.__main__: what people and tools see of a file."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from htmap_common.wire import (
    Kind,
    OutputsReader,
    OutputsWriter,
    decode_file,
    describe,
    encode_file,
    read_header,
    read_record,
)
from htmap_common.wire.framing import with_crc

GOLDEN = Path(__file__).parent / "golden" / "format-1"


def run_command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "htmap_common", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def test_the_command_prints_one_document_per_file() -> None:
    files = sorted(GOLDEN.iterdir())
    done = run_command(*files)
    assert (done.returncode, done.stderr) == (0, "")
    decoder, rest = json.JSONDecoder(), done.stdout
    for file in files:
        document, end = decoder.raw_decode(rest)
        rest = rest[end:].lstrip()
        assert document == describe(file)
    assert rest == ""


def test_the_command_names_each_file_that_it_cannot_read_whole(tmp_path: Path) -> None:
    torn = tmp_path / "torn"
    torn.write_bytes((GOLDEN / "function").read_bytes()[:-1])
    done = run_command(torn, GOLDEN / "tag", tmp_path / "absent")
    assert done.returncode == 1
    assert '"uid": "0a1b2c"' in done.stdout
    first, second = done.stderr.splitlines()
    assert str(torn) in first
    assert "cut short" in first
    assert second == f"The file {tmp_path / 'absent'} cannot be read: No such file or directory."


def test_the_command_says_what_it_needs() -> None:
    done = run_command()
    assert done.returncode == 2
    assert "FILE" in done.stderr


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


class Bomb:
    """Leaves a directory behind when it is unpickled."""

    def __init__(self, crater: Path) -> None:
        self.crater = crater

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.crater),)


def test_nothing_is_unpickled_by_reading(tmp_path: Path) -> None:
    crater = tmp_path / "crater"
    bomb = pickle.dumps(Bomb(crater), protocol=5)
    single, outputs = tmp_path / "function", tmp_path / "outputs"
    header = {"component": 0, "status": "raised", "payload": [0, 1], "stdout": 0, "exception": {"message": bomb}}
    single.write_bytes(b"".join(encode_file(Kind.FUNCTION, header, [bomb])))
    with OutputsWriter.open(outputs) as writer:
        writer.append(header, [bomb])
    with OutputsWriter.open(outputs) as writer:
        writer.finish()

    read_header(single, Kind.FUNCTION)
    read_record(single, Kind.FUNCTION)
    decode_file(single.read_bytes(), Kind.FUNCTION)
    with OutputsReader.open(outputs) as reader:
        reader.header(reader.entries[0])
        payload = reader.record(reader.entries[0]).segments[0]
    assert run_command(single, outputs).returncode == 0
    assert not crater.exists()

    pickle.loads(payload)  # the bomb was a real one
    assert crater.exists()
