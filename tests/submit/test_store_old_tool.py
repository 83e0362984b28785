"""Mirrors htmap.store.old_tool: maps of the HTMap before this one are recognized, left alone, and named so."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest
from tests.submit.fake_backend import FakeBackend

import htmap
from htmap.exceptions import TagAlreadyExists, TagNotFound
from htmap.store.mapdir import Home
from htmap.store.old_tool import is_map_of_old_tool, is_tag_of_old_tool

UID = "0b0f6a51-51c4-4b3e-9c6c-0d7c27b38ed5"


@pytest.fixture
def old_files(home: Home) -> dict[Path, bytes]:
    """What that tool leaves for a map with the tag ``survey``."""
    files = {home.tags / "survey": UID.encode(), home.maps / UID / "outputs" / "0.out": b"precious"}
    for name in ("func", "num_components", "cluster_ids", "events"):
        files[home.maps / UID / name] = b"1"
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return files


def test_old_maps_are_left_alone_by_all_that_is_done_to_all_maps(
    old_files: dict[Path, bytes], queue: FakeBackend
) -> None:
    ours = htmap.map(abs, [1], tag="ours", quiet=True)
    queue.run()
    ours.retag("renamed")
    assert htmap.get_tags() == ("renamed",)
    assert [each.tag for each in htmap.load_maps()] == ["renamed"]
    htmap.remove("survey")
    assert htmap.clean(all=True) == ["renamed"]
    assert {path: path.read_bytes() for path in old_files} == old_files


@pytest.mark.usefixtures("old_files")
def test_old_maps_are_named_as_what_they_are(queue: FakeBackend, home: Home) -> None:
    ours = htmap.map(abs, [1], tag="ours", quiet=True)
    for ask in (lambda: htmap.load("survey"), lambda: htmap.remove("survey", not_exist_ok=False)):
        with pytest.raises(TagNotFound, match="the HTMap before this one"):
            ask()
    for take in (lambda: htmap.map(abs, [1], tag="survey", quiet=True), lambda: ours.retag("survey")):
        with pytest.raises(TagAlreadyExists, match="the HTMap before this one"):
            take()
    assert len(queue.jobs) == 1
    assert "1 map of the HTMap before this one: left alone" in " ".join(htmap.status().split())
    found = json.loads(htmap.status_json())
    assert [name for name, entry in found.items() if "problem" in entry] == [str(home.maps)]


@pytest.mark.parametrize("content", ["", UID[:-1], f"{UID}\n", UID.replace("-", ""), "x" * 36])
def test_no_other_file_is_taken_for_an_old_tag(content: str, tmp_path: Path) -> None:
    (tmp_path / "tag").write_text(content)
    assert not is_tag_of_old_tool(tmp_path / "tag")
    assert not is_tag_of_old_tool(tmp_path / "none")
    (tmp_path / "tag").write_text(str(uuid.uuid4()))
    assert is_tag_of_old_tool(tmp_path / "tag")


def test_no_other_directory_is_taken_for_an_old_map(tmp_path: Path) -> None:
    for name in (UID, UID.replace("-", ""), f"{UID}.old"):
        (tmp_path / name).mkdir()
    assert [path.name for path in tmp_path.iterdir() if is_map_of_old_tool(path)] == [UID]
