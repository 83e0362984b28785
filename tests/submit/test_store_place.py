"""Mirrors htmap.store.place: whether a map is where it was."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from htmap.store.mapdir import Home, MapDir
from htmap.store.place import Place, place_of


@pytest.fixture
def then(tmp_path: Path) -> MapDir:
    map_dir = Home(tmp_path / "then").map("0a1b")
    map_dir.path.mkdir(parents=True)
    map_dir.map.touch()
    return map_dir


def test_a_map_that_was_left_alone_is_here(then: MapDir) -> None:
    assert place_of(then, then.events) is Place.HERE


def test_another_path_to_the_same_directory_is_here(then: MapDir, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "then")
    assert place_of(Home(tmp_path / "link").map("0a1b"), then.events) is Place.HERE


def test_a_copy_has_an_original(then: MapDir, tmp_path: Path) -> None:
    shutil.copytree(tmp_path / "then", tmp_path / "now")
    assert place_of(Home(tmp_path / "now").map("0a1b"), then.events) is Place.ORIGINAL


def test_what_was_moved_has_none(then: MapDir, tmp_path: Path) -> None:
    (tmp_path / "then").rename(tmp_path / "now")
    assert place_of(Home(tmp_path / "now").map("0a1b"), then.events) is Place.MOVED
