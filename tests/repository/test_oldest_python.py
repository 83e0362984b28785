"""No packages have Python 3.10 any more, so nothing is run on it: what it lacks is found by reading the code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


# Each came with 3.11: a module, a name of typing, another name, a function.
NEWER = ["import tomllib", "from typing import Self", "from datetime import UTC", "sys.exception()"]


def test_a_use_of_what_the_library_of_3_10_lacks_is_seen(tmp_path: Path) -> None:
    code = "\n".join(["import sys", *NEWER, ""])
    said = said_by("mypy", "--no-incremental", "--config-file", ROOT / "pyproject.toml", tmp_path, code=code)
    assert [number for number in range(1, 2 + len(NEWER)) if f"module.py:{number}: error:" in said] == [2, 3, 4, 5]


@pytest.mark.parametrize(
    "code",
    ["try:\n    pass\nexcept* OSError:\n    pass\n", "def first[T](each: list[T]) -> T:\n    return each[0]\n"],
    ids=["except*", "type parameters"],
)
def test_syntax_that_3_10_does_not_have_is_seen(code: str, tmp_path: Path) -> None:
    said = said_by("ruff", "check", "--no-cache", "--config", ROOT / "pyproject.toml", tmp_path, code=code)
    assert "Python 3.10" in said


@pytest.mark.parametrize("package", ["common", "exec", "submit"])
def test_each_distribution_promises_3_10(package: str) -> None:
    papers = (ROOT / f"packages/htmap-{package}/pyproject.toml").read_text()
    assert 'requires-python = ">=3.10"' in papers


def said_by(tool: str, *arguments: str | Path, code: str) -> str:
    """What a tool says of a module with this code; it must complain."""
    module = Path(arguments[-1]) / "module.py"
    module.write_text(code)
    done = subprocess.run(
        [sys.executable, "-m", tool, *arguments[:-1], module], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout
