"""What arrives of files and folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from htmap_common.trees import File, survey

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_a_tree_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    (tmp_path / "link").symlink_to("x")
    path = str(tmp_path / "x")
    assert survey(path).files == [File(path, "", is_single=True)]
    assert survey(f"{tmp_path}/link").files == [File(f"{tmp_path}/link", "", is_single=False)]


def test_parents_come_first_and_what_has_no_content_is_named(tmp_path: Path) -> None:
    (tmp_path / "top/a/b").mkdir(parents=True)
    (tmp_path / "top/a/b/x").touch()
    (tmp_path / "top/latest").symlink_to("a")
    (tmp_path / "top/gone").symlink_to("nowhere")
    tree = survey(str(tmp_path / "top"))
    assert tree.folders[0] == ""
    assert sorted(tree.folders) == ["", "a", "a/b", "latest", "latest/b"]
    assert all(tree.folders.index(each.rpartition("/")[0]) < tree.folders.index(each) for each in tree.folders[1:])
    assert sorted(file.place for file in tree.files) == ["a/b/x", "latest/b/x"]
    assert tree.left_out == ["gone is a link that leads nowhere."]
    assert (tree.has_links, tree.has_linked_folders, tree.has_specials) == (True, True, False)


def test_links_to_folders_of_links_have_an_end(tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / f"all/{number}").mkdir(parents=True)
        for name in ("one", "two"):
            (tmp_path / f"all/{number}/{name}").symlink_to(f"../{number + 1}")
    (tmp_path / "all/40").mkdir()
    with pytest.raises(ValueError, match=r"Links in .*/all lead to too many files, such as .*/all/"):
        survey(str(tmp_path / "all"), most_behind_links=1000)


def test_a_link_that_leads_back_up_is_no_way_in(tmp_path: Path) -> None:
    (tmp_path / "top/a").mkdir(parents=True)
    (tmp_path / "elsewhere/sub").mkdir(parents=True)
    (tmp_path / "elsewhere/x").touch()
    for link, target in {"top/a/up": "..", "top/out": "../elsewhere/sub", "elsewhere/sub/up": ".."}.items():
        (tmp_path / link).symlink_to(target)
    tree = survey(str(tmp_path / "top"))
    assert sorted(tree.folders) == ["", "a", "out"]
    assert sorted(tree.left_out) == [f"{place} is a link to a folder that it lies in." for place in ("a/up", "out/up")]
