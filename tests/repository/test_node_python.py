"""The Python that nodes of the tests have sees no package that the machine has."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from testbed import node_python

PLANTED = "planted_in_the_system"
SEES_IT = f"import importlib.util; print(importlib.util.find_spec({PLANTED!r}) is not None)"


def printed(python: Path, code: str, **environment: str) -> str:
    return subprocess.run(
        [python, "-c", code], capture_output=True, text=True, check=True, timeout=60, env={**os.environ, **environment}
    ).stdout.strip()


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """An interpreter as the machine's own, whose site-packages has a package that the real one does not have."""
    system = tmp_path / "usr"
    library = system / "lib" / Path(sysconfig.get_path("stdlib")).name
    library.mkdir(parents=True)
    for entry in Path(sysconfig.get_path("stdlib")).iterdir():
        if entry.name not in {"site-packages", "dist-packages"}:
            (library / entry.name).symlink_to(entry)
    (system / "bin").mkdir()
    python = system / "bin/python3"
    python.write_bytes(node_python.base().read_bytes())
    python.chmod(0o755)
    # Where a package goes is the interpreter's to say: Debian's has ways of its own.
    for folder in printed(python, "import site; print(*site.getsitepackages(), sep='\\n')").splitlines():
        assert Path(folder).is_relative_to(system)
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / f"{PLANTED}.py").touch()
    return python


def test_a_package_in_the_systems_site_packages_is_not_seen(planted: Path, tmp_path: Path) -> None:
    assert printed(planted, SEES_IT) == "True"
    assert printed(node_python.make(tmp_path / "node", planted) / "python3", SEES_IT) == "False"


def test_a_package_below_the_home_is_not_seen(tmp_path: Path) -> None:
    home = tmp_path / "home"
    where = printed(node_python.base(), "import site; print(site.getusersitepackages())", HOME=str(home))
    assert Path(where).is_relative_to(home)
    Path(where).mkdir(parents=True)
    (Path(where) / f"{PLANTED}.py").touch()
    assert printed(node_python.base(), SEES_IT, HOME=str(home)) == "True"
    assert printed(node_python.make(tmp_path / "node") / "python3", SEES_IT, HOME=str(home)) == "False"


def test_variables_of_who_asks_lead_it_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", str(tmp_path / "nowhere"))
    python = node_python.make(tmp_path / "node") / "python3"
    monkeypatch.delenv("PYTHONHOME")
    assert printed(python, "import sys; print(sys.version)") == sys.version.strip()
