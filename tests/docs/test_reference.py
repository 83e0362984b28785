"""The reference names everything, and links that nothing else checks lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.docs.page import ROOT

import htmap

API = ROOT / "docs" / "reference" / "api.md"
READMES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("packages/*/README.md")]


def test_the_api_page_has_every_public_name() -> None:
    text = API.read_text(encoding="utf-8")
    missing = [name for name in htmap.__all__ if not re.search(rf"htmap\.{name}\b", text)]
    assert not missing, f"add them to {API.relative_to(ROOT)}"


def test_the_api_page_has_everything_that_a_map_can_do() -> None:
    text = API.read_text(encoding="utf-8")
    public = [name for name in dir(htmap.Map) if not name.startswith("_")]
    missing = [name for name in public if f":: htmap.Map.{name}\n" not in text]
    assert not missing, f"add them to {API.relative_to(ROOT)}"


@pytest.mark.parametrize("readme", READMES, ids=lambda readme: str(readme.relative_to(ROOT)))
def test_links_of_a_readme_lead_somewhere(readme: Path) -> None:
    # Sphinx sees to those of the pages in docs.
    text = readme.read_text(encoding="utf-8")
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
    dead = [target for target in targets if not (readme.parent / target).exists()]
    assert not dead
