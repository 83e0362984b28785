"""Mirrors htmap.create.places: a place that cannot take an output file is found out before anything runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from htmap import TransferPath
from htmap.create.places import folders_to_make, folders_to_make_again, make_folders
from htmap.exceptions import InvalidOption
from htmap.language.description import parse
from htmap.language.items import item_line
from htmap.option_values import PerComponent

WEB = TransferPath("x", protocol="http", location="h")


def test_folders_that_are_not_there_are_made_each_once(tmp_path: Path) -> None:
    remaps = {
        "x": TransferPath(tmp_path / "a/$(Component)/x"),
        "y": TransferPath(tmp_path / "a/y/$(component)"),
        "z": TransferPath(tmp_path / "$(ProcId)/z"),
    }
    folders = folders_to_make(remaps, 3)
    assert [str(folder.relative_to(tmp_path)) for folder in folders] == ["a", "a/0", "a/y", "a/1", "a/2"]
    assert not folders[0].exists()
    made = make_folders(folders)
    assert all(folder.is_dir() for folder in folders)
    assert made == folders[::-1]
    assert folders_to_make(remaps, 3) == make_folders(folders) == []


@pytest.mark.parametrize("text", ["_htmap_transfer/$(component)/x = {}/$(component)/x", "$(option_output_remaps)"])
def test_folders_are_looked_at_again_for_a_rerun(tmp_path: Path, text: str) -> None:
    entries = (
        f"_htmap_transfer/7/x = {tmp_path}/7/x; _htmap_transfer/7/y = http://h/y; _htmap_transfer/7/z = /$(ProcId)/z"
    )
    remaps = f'"_htmap_outputs = /gone/0; {text.format(tmp_path)}"'
    description = parse(f"transfer_output_remaps = {remaps}\nqueue component,option_output_remaps from items\n")
    items = [item_line(["7", entries])]
    (folder,) = folders_to_make_again(description, items)
    assert folder == tmp_path / "7"
    make_folders([folder])
    (folder / "x").mkdir()  # perhaps an output that was a folder
    assert folders_to_make_again(description, items) == []
    (folder / "x").rmdir()
    folder.rmdir()
    folder.touch()
    with pytest.raises(InvalidOption, match="is not a folder"):
        folders_to_make_again(description, items)


def test_a_relative_place_means_where_the_user_is_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert folders_to_make({"x": TransferPath("a/x")}, 1) == [tmp_path / "a"]
    assert folders_to_make({"x": TransferPath("x")}, 1) == []


@pytest.mark.parametrize(
    ("remaps", "components"),
    [
        ({"x": TransferPath("/there/x")}, 2),
        ({"x": WEB}, 2),
        ({"x": TransferPath("/there/x"), "y": TransferPath("/there/x")}, 1),
        ({"x": TransferPath("/there/$(component)"), "y": TransferPath("/there/$(component)")}, 9),
        (PerComponent("output_remaps", ({"x": TransferPath("/there/x")}, {"y": TransferPath("/there/x")})), 2),
        (
            PerComponent(
                "output_remaps", ({"x": TransferPath("/there/1")}, {"x": TransferPath("/there/$(component)")})
            ),
            2,
        ),
    ],
)
def test_a_place_for_several_outputs_is_refused(remaps: Any, components: int) -> None:
    with pytest.raises(InvalidOption, match=r"sends [xy] to .*another output goes too: .*Put \$\(component\) into"):
        folders_to_make(remaps, components)


def test_places_of_their_own_are_taken(tmp_path: Path) -> None:
    own = PerComponent("output_remaps", ({"x": WEB}, {}, {"x": TransferPath(tmp_path / "x")}))
    assert folders_to_make(own, 3) == []
    assert (
        folders_to_make({"x": TransferPath(tmp_path / "$(ClusterId).$(component)"), "y": WEB / "$(component)"}, 3) == []
    )
    assert folders_to_make(None, 3) == []


def test_a_folder_is_no_place_for_a_file_but_one_of_the_same_name_may_grow(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    with pytest.raises(InvalidOption, match=r"sends a/x to .*results, but that is a folder: write .* / 'x'"):
        folders_to_make({"a/x": TransferPath(tmp_path / "results")}, 1)
    assert folders_to_make({"a/results": TransferPath(tmp_path / "results")}, 1) == []


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere/x")
    os.mkfifo(tmp_path / "fifo")
    for place, why in {
        "file/x": "file is not a folder",
        "file/a/b/x": "Not a directory",
        "gone": "a link that leads nowhere",
        "fifo": "neither a file nor a folder",
        "y" * 300: "File name too long",
    }.items():
        with pytest.raises(InvalidOption, match=f"sends x to .*, but .*{why}"):
            folders_to_make({"x": TransferPath(tmp_path / place)}, 1)
    for place, word in {"~/r/x": "expanduser", "$HOME/x": "expandvars", "*/x": "glob"}.items():
        with pytest.raises(InvalidOption, match=f"there is no folder .*{word}"):
            folders_to_make({"x": TransferPath(place)}, 1)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_what_is_protected_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch(0o400)
    (tmp_path / "folder").mkdir(0o500)
    for place in ("file", "folder/x", "folder/a/x"):
        with pytest.raises(InvalidOption, match="you may not write"):
            folders_to_make({"x": TransferPath(tmp_path / place)}, 1)
