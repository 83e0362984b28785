"""Mirrors htmap.store.trust: what others may have made, or may change, is not used."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import htmap
from htmap.backend.local.queue import Queue
from htmap.delivery import scripts
from htmap.exceptions import HTMapException, StorageError
from htmap.settings import Settings
from htmap.store import tags
from htmap.store.mapdir import Home
from htmap.store.records import MapRecord
from htmap.store.trust import check_trusted, is_trusted, make_trusted_directory


def home_in(path: Path) -> Home:
    return Home.of(Settings({"HTMAP_DIR": str(path)}))


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o775, 0o722])
def test_an_empty_directory_is_closed_to_others(tmp_path: Path, mode: int) -> None:
    place = tmp_path / "place"
    place.mkdir()
    place.chmod(mode)
    home_in(place)
    assert not place.stat().st_mode & 0o022


@pytest.mark.parametrize("part", ["", "tags", "maps", "runners", "initial", "local", "transplants"])
def test_a_directory_with_something_in_it_that_others_may_write_is_refused_with_the_remedy(
    tmp_path: Path, part: str
) -> None:
    place = home_in(tmp_path / "it's mine").path
    planted = place / part
    planted.mkdir(exist_ok=True)
    (planted / "planted").touch()
    planted.chmod(0o770)
    with pytest.raises(StorageError, match=r"because others may write to it, .*"):
        home_in(place)
    planted.chmod(0o700)
    home_in(place)


def test_what_belongs_to_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = home_in(tmp_path / "place").path
    (place / "file").touch()
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    if place.stat().st_uid == 0:
        pytest.skip("what is root's is trusted")
    for path in (place, place / "file"):
        assert not is_trusted(path)
        with pytest.raises(StorageError, match=r"belongs to another user .*HTMAP_DIR"):
            check_trusted(path)
    with pytest.raises(StorageError, match="belongs to another user"):
        make_trusted_directory(place)


def test_a_queue_a_tag_or_a_script_that_others_may_write_is_not_used(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    with Queue(home.local):
        pass
    (home.local / "queue.sqlite").chmod(0o666)
    with pytest.raises(StorageError, match=r"does not use .*/queue\.sqlite"):
        Queue(home.local)
    tags.claim(home, tags.Tag("t", "0" * 16, transient=False))
    (home.tags / "t").chmod(0o620)
    with pytest.raises(StorageError, match=r"does not use .*/t, "):
        tags.find(home, "t")
    map_dir = home.map("0" * 16).path
    scripts.make(map_dir, "text")
    script = scripts.place(map_dir, "text")
    script.write_text("planted")
    script.chmod(0o777)
    scripts.make(map_dir, "text")
    assert script.read_text() == "text"
    assert is_trusted(script)


def test_a_map_that_others_may_write_is_foreign(tmp_path: Path) -> None:
    home = home_in(tmp_path)
    (home.maps / ("a" * 16)).mkdir()
    (home.maps / ("b" * 16)).mkdir()
    (home.maps / ("b" * 16)).chmod(0o777)
    assert [each.uid for each in home.map_directories()] == ["a" * 16]
    assert home.foreign() == [home.maps / ("b" * 16)]
    (home.maps / ("b" * 16) / "map").touch(0o600)
    with pytest.raises(StorageError, match=r"does not use .*, because others may write"):
        MapRecord.load(home.maps / ("b" * 16) / "map")


def test_transplant_installs_that_others_may_write_are_not_used(tmp_path: Path, own_settings: Settings) -> None:
    own_settings["TRANSPLANT.DIR"] = str(tmp_path)
    planted = tmp_path / f"transplant-{'a' * 16}.tar.gz"
    planted.touch()
    planted.chmod(0o666)
    assert htmap.transplants() == ()
    assert issubclass(StorageError, HTMapException)
