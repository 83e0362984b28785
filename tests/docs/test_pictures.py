"""The pictures in the documentation are what their scripts draw."""

from __future__ import annotations

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
