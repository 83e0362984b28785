"""The pictures in the documentation are what their scripts draw."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from tests.docs.page import ROOT

SCRIPTS = sorted((ROOT / "docs" / "pictures").glob("*.py"))

each_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)


@each_script
def test_a_picture_is_what_its_script_draws(script: Path) -> None:
    drawn = runpy.run_path(str(script))["svg"]()
    assert script.with_suffix(".svg").read_text(encoding="utf-8") == drawn, f"python {script.relative_to(ROOT)}"
    ET.fromstring(drawn)  # noqa: S314 - ours


def test_every_picture_has_a_script() -> None:
    assert {script.stem for script in SCRIPTS} == {picture.stem for picture in ROOT.glob("docs/pictures/*.svg")}
    assert SCRIPTS


def test_the_rooms_in_the_picture_are_those_of_the_code() -> None:
    floors = runpy.run_path(str(ROOT / "docs/pictures/rooms.py"))["FLOORS"]
    contracts = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("Inside htmap, imports run one way")[2]
    layers = re.findall(r'"([^"]*)"', contracts.partition("layers = [")[2].partition("]")[0])
    in_code = [re.findall(r"\w+", layer) for layer in layers if layer != "(__main__)"]
    assert [sorted(name for name, *_ in floor) for floor in floors] == [sorted(floor) for floor in in_code]


def test_where_to_look_there_is_a_file() -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8").partition("## Where to look")[2]
    named = [
        name for row in page.split("\n") if row.startswith("|") for name in re.findall(r"`(\w+/\S*|\w+\.py)`", row)
    ]
    places = [*ROOT.glob("packages/*/src"), ROOT / "packages/htmap-submit/src/htmap"]
    assert len(named) > 30
    assert [name for name in named if not any((place / name).exists() for place in places)] == []
