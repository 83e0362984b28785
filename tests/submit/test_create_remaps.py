"""Mirrors htmap.create.remaps: where output files go instead of coming back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from htmap import TransferPath
from htmap.create.remaps import by_component, remap_entries, spelled_out
from htmap.exceptions import InvalidOption
from htmap.option_values import PerComponent

WEB = TransferPath("a b/$(component);=.csv", protocol="http", location="h")


def test_a_remap_is_an_entry_below_what_the_runner_sends_back(tmp_path: Path) -> None:
    place = TransferPath(tmp_path / "a = b, \\c %20.csv")
    assert remap_entries({"x, y": place, "d/e.csv": WEB}, "7") == (
        f"; _htmap_transfer/7/x, y = {tmp_path}/a = b, \\c %20.csv"
        "; _htmap_transfer/7/d/e.csv = http://h/a%20b/$(component)%3B=.csv"
    )


def test_a_relative_place_means_where_the_user_is_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert remap_entries({"x": TransferPath("y")}, "0").endswith(f" = {tmp_path}/y")


@pytest.mark.parametrize("is_fixed", [True, False])
def test_components_that_share_a_job_have_their_own_entries(tmp_path: Path, *, is_fixed: bool) -> None:
    remaps = {"x": TransferPath(tmp_path / "x$(Component)"), "y": TransferPath(tmp_path / "$(ClusterId)")}
    given: Any = remaps if is_fixed else PerComponent("output_remaps", (remaps,) * 12)
    entries = spelled_out(given, [1, 11])
    assert f"= {tmp_path}/x1; " in entries
    assert by_component(entries) == {
        component: f"; _htmap_transfer/{component}/x = {tmp_path}/x{component}"
        f"; _htmap_transfer/{component}/y = {tmp_path}/$(ClusterId)"
        for component in (1, 11)
    }


@pytest.mark.parametrize("name", ["", 1, "/x", "../x", "a/../x", "a=b", "a;b", 'a"b', "a\nb", " a", "a\\b"])
def test_a_name_that_cannot_be_remapped_is_refused(name: Any) -> None:
    with pytest.raises(InvalidOption, match=r"output_remaps takes the names|cannot remap"):
        remap_entries({name: WEB}, "0")


@pytest.mark.parametrize("name", ["a;b", 'a"b', "a\nb", "a ", "a\\"])
def test_a_place_that_cannot_be_written_down_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="cannot remap"):
        remap_entries({"x": TransferPath(tmp_path / name)}, "0")


@pytest.mark.parametrize("place", ["/x", Path("/x"), None, TransferPath("x", location="h")])
def test_a_place_is_a_transfer_path_that_says_how_to_get_there(place: Any) -> None:
    with pytest.raises(InvalidOption, match=r"to TransferPaths, not|give it a protocol"):
        remap_entries({"x": place}, "0")
