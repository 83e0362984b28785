"""Mirrors htmap_common.wire.functions: what a function file says is what was written, or it is damaged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from htmap_common.wire import Corrupt, Kind, SentFile, Thing, encode_file, encode_function, read_function, read_things

THINGS = [Thing("__main__", "Point", "ab", "cd", "ef"), Thing("", "local", "ab", "cd", "")]
FILES = [SentFile("/data/x", None, None, "data/x")]


def written(path: Path, buffers: list[Any]) -> Path:
    path.write_bytes(b"".join(buffers))
    return path


def test_a_function_file_comes_back(tmp_path: Path) -> None:
    extras = [("__main__", "helper", b"extra")]
    file = encode_function({"name": "f"}, THINGS, 2, FILES, ["fit.py"], [b"pickle", b"buffer"], extras)
    again = read_function(written(tmp_path / "function", file))
    assert (again.things, again.lists, again.files, again.argv) == (THINGS, 2, FILES, ["fit.py"])
    assert [bytes(segment) for segment in again.segments] == [b"pickle", b"buffer"]
    assert [(module, name, bytes(pickled)) for module, name, pickled in again.extras] == extras
    assert again.header["name"] == "f"
    assert read_things(tmp_path / "function") == THINGS


def test_a_file_of_the_first_release_holds_the_function_alone(tmp_path: Path) -> None:
    again = read_function(written(tmp_path / "function", encode_file(Kind.FUNCTION, {"name": "f"}, [b"pickle"])))
    assert (again.things, again.lists, again.files, again.argv, again.extras) == ([], 0, [], [], [])
    assert bytes(again.segments[0]) == b"pickle"


@pytest.mark.parametrize(
    "header",
    [
        {"things": 3},
        {"things": [["__main__", "Point"]]},
        {"things": [["__main__", "Point", "ab", "cd", 5]]},
        {"lists": "2"},
        {"files": {}},
        {"files": [["/data/x", 3, None, "x"]]},
        {"argv": [1]},
        {"extras": [["__main__", "helper"]]},
        {"extras": [[1, 2]]},
    ],
    ids=str,
)
def test_a_signed_header_that_makes_no_sense_is_damage(tmp_path: Path, header: dict[str, Any]) -> None:
    path = written(tmp_path / "function", encode_file(Kind.FUNCTION, header, [b"pickle"]))
    with pytest.raises(Corrupt):
        read_function(path)
