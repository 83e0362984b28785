"""Mirrors htmap.store.sizes: what maps occupy, counted as rarely as will do."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from htmap.store.mapdir import Home, MapDir
from htmap.store.sizes import Sizes


@pytest.fixture
def place(tmp_path: Path) -> Home:
    made = Home(tmp_path)
    made.map("0a" * 8).path.mkdir(parents=True)
    return made


@pytest.fixture
def map_dir(place: Home) -> MapDir:
    made = place.map("0a" * 8)
    made.events.write_bytes(b"x" * 100)
    return made


def counted(place: Home, map_dir: MapDir) -> int:
    sizes = Sizes(place)
    size_bytes = sizes.of(map_dir)
    sizes.save()
    return size_bytes


def test_a_map_is_counted_once_while_its_log_says_nothing_new(place: Home, map_dir: MapDir) -> None:
    assert counted(place, map_dir) == 100
    (map_dir.path / "more").write_bytes(b"x" * 50)
    assert counted(place, map_dir) == 100


def test_a_map_whose_log_has_grown_is_counted_again_but_not_all_the_time(place: Home, map_dir: MapDir) -> None:
    assert counted(place, map_dir) == 100
    map_dir.events.write_bytes(b"x" * 150)
    now = time.time()
    remember(place, map_dir, log=100, at=now, took=60.0, size=100)
    assert counted(place, map_dir) == 100, "to count it took a minute, a moment ago"
    remember(place, map_dir, log=100, at=now - 10, took=0.001, size=100)
    assert counted(place, map_dir) == 150


@pytest.mark.parametrize("age", [7200.0, -7200.0])
def test_no_count_is_believed_for_ever(age: float, place: Home, map_dir: MapDir) -> None:
    remember(place, map_dir, log=100, at=time.time() - age, took=0.0, size=7)
    assert counted(place, map_dir) == 100


@pytest.mark.parametrize("garbage", [b"", b"{", b"[[1]]", b'[["a", [1, 2]]]', b"\xff", b"7"])
def test_a_damaged_cache_is_not_used(garbage: bytes, place: Home, map_dir: MapDir) -> None:
    place.sizes.write_bytes(garbage)
    assert counted(place, map_dir) == 100
    assert len(json.loads(place.sizes.read_bytes())) == 1


def test_maps_that_are_gone_are_forgotten(place: Home, map_dir: MapDir) -> None:
    remember(place, place.map("0b" * 8), log=1, at=time.time(), took=0.0, size=7)
    counted(place, map_dir)
    assert [uid for uid, _ in json.loads(place.sizes.read_bytes())] == [map_dir.uid]


def test_a_disk_that_refuses_is_no_reason_to_fail(place: Home, map_dir: MapDir) -> None:
    place.path.chmod(0o500)
    assert counted(place, map_dir) == 100
    place.path.chmod(0o700)
    assert not place.sizes.exists()


def remember(place: Home, map_dir: MapDir, *, log: int, at: float, took: float, size: int) -> None:
    place.sizes.write_text(json.dumps([[map_dir.uid, [log, at, took, size]]]))
