"""A new user who does what "First steps" says, in an empty folder, sees what it shows.

The page installs HTMap from the package index; pip is given the distributions of this tree to choose from.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.docs.page import ROOT, blocks
from tests.docs.session import Session
from tests.docs.test_pages import told

PAGE = ROOT / "docs" / "first-steps.md"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels of all distributions."""
    folder = tmp_path_factory.mktemp("wheels")
    for package in sorted((ROOT / "packages").iterdir()):
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
        subprocess.run(build, cwd=package, check=True, capture_output=True)
    return folder


@pytest.mark.timeout(300)
def test_first_steps_can_be_followed_to_the_letter(wheels: Path, tmp_path: Path) -> None:
    environment = {"PIP_FIND_LINKS": str(wheels), "HTMAP_BACKEND": "auto"}
    with Session(tmp_path, environment) as session:
        differences = list(session.differences(PAGE, blocks(PAGE)))
        assert "htmap_submit" in session.run_command("ls env/lib/python3*/site-packages")
    assert not differences, "\n\n".join(told(PAGE, each) for each in differences)
