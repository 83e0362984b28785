"""Mirrors htmap.store.mapdir: every path below HTMAP_DIR."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from htmap.exceptions import InvalidSetting, StorageError
from htmap.settings import Settings
from htmap.store.mapdir import PER_FOLDER, Home, MapDir, folder_of, shard_name


def home_at(path: Path | str) -> Home:
    return Home.of(Settings({"HTMAP_DIR": path}))


def test_a_home_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    home = home_at(tmp_path / "a" / "htmap")
    os.umask(before)
    made = [path for path in home.path.rglob("*") if path.is_dir()]
    assert {home.tags, home.maps, home.runners} <= set(made)
    assert {stat.S_IMODE(path.stat().st_mode) for path in [home.path, home.path.parent, *made]} == {0o700}


def test_a_home_that_is_there_is_used_as_it_is(tmp_path: Path) -> None:
    home_at(tmp_path).tags.joinpath("t").touch()
    assert [path.name for path in home_at(tmp_path).tags.iterdir()] == ["t"]


def test_a_home_that_was_made_half_is_completed(tmp_path: Path) -> None:
    whole = sorted(home_at(tmp_path / "whole").path.rglob("*"))
    half = home_at(tmp_path / "half")
    for path in (path for path in half.path.rglob("*") if path.is_file()):
        path.unlink()
    for folder in (path for path in half.initial.iterdir() if path.is_dir()):
        folder.rmdir()
        again = sorted(home_at(tmp_path / "half").path.rglob("*"))
        assert [path.relative_to(tmp_path / "half") for path in again] == [
            path.relative_to(tmp_path / "whole") for path in whole
        ]


@pytest.mark.parametrize("nothing", ["", " "])
def test_an_empty_home_is_not_the_current_folder(nothing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidSetting, match="HTMAP_DIR is empty"):
        home_at(nothing)
    assert list(tmp_path.iterdir()) == []


def test_a_tilde_is_the_home_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert home_at("~/maps").path == tmp_path / "maps"
    with pytest.raises(InvalidSetting, match=r"HTMAP_DIR is '~nobody-of-that-name/x', but there is no such home"):
        home_at("~nobody-of-that-name/x")


def test_a_relative_home_means_where_the_user_is_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert home_at("here").path == tmp_path / "here"


UNUSABLE = ["a,b", "a;b", 'a"b', "a|b", "a\nb", "a\0b", "a\u2028b", "\udcff", "$(HOME)", "$ENV(HOME)", "$$[x]", "a\\"]


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_home_whose_name_means_something_to_htcondor_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match=r"HTMAP_DIR.* HTCondor cannot use a path with"):
        home_at(f"{tmp_path}/{name}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a b", "naïve ☃", "it's", "a=b", "$x", "a#b", "(x)"])
def test_a_home_may_have_an_unusual_name(name: str, tmp_path: Path) -> None:
    assert home_at(tmp_path / name).path.exists()


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=rf"Cannot use {tmp_path}/file as HTMAP_DIR"):
        home_at(tmp_path / "file")
    with pytest.raises(StorageError, match="is a file, not a directory: change the setting HTMAP_DIR"):
        home_at(tmp_path / "file" / "below")
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(StorageError, match="You may not write there"):
        home_at(tmp_path / "locked" / "htmap")


def test_a_map_knows_its_home_also_while_it_is_made_or_removed(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for map_dir in (home.map("0a"), home.staging("0a"), home.dying("0a")):
        assert map_dir.home == home
        assert MapDir(map_dir.path) == map_dir
    assert home.map("0a").uid == "0a"
    assert home.staging("0a").path.name.startswith(".")
    assert home.dying("0a").path.name.startswith(".")
    assert len({home.map("0a"), home.staging("0a"), home.dying("0a")}) == 3


def test_no_folder_holds_more_than_a_thousand_files() -> None:
    assert PER_FOLDER == 1000
    assert [folder_of(number) for number in (0, 999, 1000, 999_999, 1_000_000)] == ["000", "000", "001", "999", "1000"]
    assert [shard_name(number) for number in (0, 1000)] == ["inputs/000/000000", "inputs/001/001000"]


def test_every_path_of_a_map_is_of_its_own(tmp_path: Path) -> None:
    map_dir = Home(tmp_path).map("0a")
    submission = map_dir.submission(1)
    paths = [map_dir.map, map_dir.function, map_dir.lock, map_dir.events, map_dir.state, map_dir.shard(0)]
    paths += [submission.submission, submission.submit, submission.items, submission.output(7), submission.log(7)]
    paths += [map_dir.output_files(0), map_dir.output_files(1), submission.output(1007)]
    assert len(set(paths)) == len(paths)
    assert all(path.is_relative_to(map_dir.path) for path in paths)
    assert submission.output(1007) == tmp_path / "maps/0a/submissions/1/outputs/001/1007"


def test_only_whole_submissions_count(tmp_path: Path) -> None:
    map_dir = Home(tmp_path).map("0a")
    assert list(map_dir.submission_numbers()) == []
    for number in (0, 1, 3):
        map_dir.submission(number).path.mkdir(parents=True)
        map_dir.submission(number).submission.touch()
    map_dir.submission(2).path.mkdir()
    assert list(map_dir.submission_numbers()) == [0, 1]


def test_a_relative_home_is_fixed_at_its_first_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    relative = f"maps-{tmp_path.name}"
    settings = Settings({"HTMAP_DIR": relative})
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    assert Home.of(settings).path == tmp_path / relative
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert Home.of(settings).path == tmp_path / relative
    assert not (tmp_path / "elsewhere" / relative).exists()
