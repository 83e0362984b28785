"""CI runs the test command of the README as on a bare machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLAIN = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# Stands for the test command: says what it was given.
SAYS = """
import json, os, sys
print(json.dumps({"arguments": sys.argv[1:], "python": sys.executable, "environment": dict(os.environ)}))
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A checkout whose dev.py says what it was given."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/run", tmp_path / ".ci/run")
    (tmp_path / "dev.py").write_text(SAYS)
    return tmp_path


def what_ci_runs(tree: Path, **environment: str) -> dict[str, object]:
    said = subprocess.run(
        ["/bin/bash", tree / ".ci/run"],
        cwd="/",
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    answer: dict[str, object] = json.loads(said.stdout)
    return answer


def has_python_in_the_system() -> bool:
    found = shutil.which("python3", path=PLAIN)
    check = "import sys; sys.exit(sys.version_info < (3, 10))"
    return found is not None and subprocess.run([found, "-c", check], check=False).returncode == 0


def test_nothing_of_who_asks_stays_but_what_says_what_the_machine_is_like(tree: Path) -> None:
    kept = {"HOME": str(tree), "CI": "true", "https_proxy": "http://proxy.invalid", "OPENBLAS_CORETYPE": "Haswell"}
    led_astray = {"PYTHONPATH": "/x", "PYTHONHOME": "", "VIRTUAL_ENV": "/x", "HTMAP_DIR": "/x", "PIP_TARGET": "/x"}
    own = Path(sys.executable).parent
    answer = what_ci_runs(tree, PATH=f"{own}:{PLAIN}", **kept, **led_astray)
    environment = answer["environment"]
    assert isinstance(environment, dict)
    added_by_bash = {"PWD", "SHLVL", "_", "OLDPWD", "LC_CTYPE"}
    assert {name: environment[name] for name in environment.keys() - {"PATH", "LANG", *added_by_bash}} == kept
    assert answer["arguments"] == ["test"]


@pytest.mark.skipif(not has_python_in_the_system(), reason="the system has no Python of 3.10 or newer")
def test_the_python_is_the_systems(tree: Path) -> None:
    own = Path(sys.executable).parent
    answer = what_ci_runs(tree, PATH=f"{own}:{os.defpath}", HOME=str(tree))
    assert answer["python"] == shutil.which("python3", path=PLAIN)
