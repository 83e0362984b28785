"""What is tracked says nothing of the machine that it was written on, and the README tells the truth."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# In pieces, so that this file does not find itself.
FOLDERS = "|".join(["work", "root", "tmp/" + "dev"])
MACHINE_PATHS = re.compile(rf"(?<![\w.>/-])/(?:{FOLDERS})(?![\w-])")
REGISTRIES = re.compile("|".join(["py" + r"pi\.org", "python" + r"hosted\.", "debian" + r"\.org", "npm" + r"js\."]))


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = [ROOT / name for name in listed.split("\0") if name]
    assert files
    return [file for file in files if file.exists()]


def readme_commands() -> list[str]:
    """The lines of the block under the heading "Two commands", without their comments."""
    section = (ROOT / "README.md").read_text().partition("Two commands")[2]
    block = re.search(r"```\w*\n(.*?)```", section, re.DOTALL)
    assert block, "README.md shows no commands under Two commands"
    return [line.partition("#")[0].strip() for line in block[1].splitlines() if line.partition("#")[0].strip()]


@pytest.mark.parametrize("pattern", [MACHINE_PATHS, REGISTRIES], ids=["path", "registry"])
def test_no_file_names_a_place_of_one_machine(pattern: re.Pattern[str]) -> None:
    named = []
    for file in tracked_files():
        text = file.read_bytes().decode(errors="replace")
        named += [f"{file.relative_to(ROOT)}: {found[0]}" for found in pattern.finditer(text)]
    assert not named


def test_the_readme_shows_the_two_commands() -> None:
    assert readme_commands() == ["python3 dev.py example", "python3 dev.py test"]


def test_ci_runs_the_readmes_test_command() -> None:
    last = (ROOT / ".ci/run").read_text().splitlines()[-1]
    assert last.startswith("exec ")
    assert last.endswith(f" {readme_commands()[1]}")


def test_dev_explains_every_command_of_the_readme() -> None:
    said = subprocess.run(
        [sys.executable, ROOT / "dev.py", "--help"], capture_output=True, text=True, check=True
    ).stdout
    for command in readme_commands():
        assert command in said


def test_an_unknown_command_is_an_error() -> None:
    said = subprocess.run([sys.executable, ROOT / "dev.py", "tset"], capture_output=True, text=True, check=False)
    assert said.returncode != 0
    assert "python3 dev.py test" in said.stdout
