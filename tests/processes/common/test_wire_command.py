"""Mirrors htmap_common.__main__: what the command prints of files, and that it unpickles nothing."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

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

GOLDEN = Path(__file__).parents[2] / "common" / "golden" / "format-1"


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
