"""The import contracts hold, and each of them bites: a violation planted in a copy of the tree turns it red."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "htmap_common": "packages/htmap-common/src",
    "htmap_exec": "packages/htmap-exec/src",
    "htmap": "packages/htmap-submit/src",
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The tree, as far as contracts are about it."""
    for source in PACKAGES.values():
        shutil.copytree(ROOT / source, tmp_path / source, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def check_contracts(tree: Path) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join(str(tree / source) for source in PACKAGES.values())
    lint_imports = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [lint_imports, "--no-logo", "--no-cache"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": paths, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def plant(tree: Path, module: str, line: str) -> None:
    """Add a line to a module, which is made if it is not there."""
    package = module.partition(".")[0]
    file = tree / PACKAGES[package] / f"{module.replace('.', '/')}.py"
    with file.open("a") as source:
        source.write(f"\n{line}\n")


def test_every_contract_holds(copy: Path) -> None:
    checked = check_contracts(copy)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("htmap_common.planted", "import htmap_exec", "Both sides know the wire formats"),
        ("htmap_common.planted", "import htmap", "Both sides know the wire formats"),
        ("htmap_exec.planted", "import htmap", "Both sides know the wire formats"),
        ("htmap.store.planted", "import htmap_exec", "Both sides know the wire formats"),
        ("htmap_exec.planted", "import psutil", "The runner needs a bare Python"),
        ("htmap_common.planted", "import rich", "The runner needs a bare Python"),
        ("htmap_common.planted", "import cloudpickle", "Reading files of ours needs no unpickling"),
        ("htmap_common.wire.files", "import htmap_common.program.names", "does without the program"),
        ("htmap.observe.planted", "import htcondor2", "Only htmap.backend.condor talks"),
        ("htmap.backend.local.planted", "import classad2", "Only htmap.backend.condor talks"),
        ("htmap.backend.local.planted", "import htmap.backend.condor", "The backends do not know each other"),
        ("htmap.backend.condor", "import htmap.backend.local", "The backends do not know each other"),
        ("htmap.store.atomic", "import htmap.store.tags", "imports run in no circle"),
        ("htmap.options", "import htmap.create", "imports run in no circle"),
        ("htmap_exec.usage", "import htmap_exec.worker", "imports run in no circle"),
        ("htmap_common.wire.checksum", "import htmap_common.wire.files", "imports run in no circle"),
        ("htmap.store.planted", "import htmap.options", "imports run one way"),
        ("htmap.observe.planted", "import htmap.create", "imports run one way"),
        ("htmap.a_room_of_no_layer", "", "imports run one way"),
    ],
)
def test_a_planted_violation_is_seen(copy: Path, module: str, line: str, contract: str) -> None:
    plant(copy, module, line)
    checked = check_contracts(copy)
    assert checked.returncode == 1, checked.stdout
    broken = [row for row in checked.stdout.splitlines() if " BROKEN" in row]
    assert any(contract in row for row in broken), checked.stdout


@pytest.mark.parametrize("package", ["htmap_exec", "htmap_common"])
def test_the_runner_imports_nothing_that_a_bare_python_lacks(package: str) -> None:
    allowed = {*sys.stdlib_module_names, "htmap_common", "htmap_exec", "msgpack", "cloudpickle"}
    allowed.add("annotationlib")  # of Python 3.14
    allowed.add("isal")  # goes on without it: tests/common/test_wire_checksum.py
    sources = list((ROOT / PACKAGES[package]).rglob("*.py"))
    assert sources
    foreign = {(file.name, name) for file in sources for name in imported_by(file) if name not in allowed}
    assert not foreign


def imported_by(file: Path) -> set[str]:
    """Top-level names of the modules that a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add((node.module or "").partition(".")[0])
    return names


@pytest.mark.parametrize("line", ["import pickle", "import cloudpickle", "from pickle import loads", "import shelve"])
@pytest.mark.parametrize("module", ["htmap.store.planted", "htmap_exec.planted", "htmap_common.planted"])
def test_user_objects_are_unpickled_behind_two_doors_only(copy: Path, module: str, line: str) -> None:
    plant(copy, module, line)
    ruff = Path(sys.executable).with_name("ruff")
    options = ["--no-cache", "--select", "TID251", "--output-format", "concise"]
    checked = subprocess.run([ruff, "check", *options], cwd=copy, capture_output=True, text=True, check=False)
    assert checked.returncode == 1, checked.stdout
    assert "planted.py" in checked.stdout
    assert checked.stdout.count("TID251") == 1
