"""Mirrors htmap.delivery.bundle: the zip at work, in an interpreter that has nothing installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from htmap.delivery import bundle
from htmap.store.mapdir import Home, MapDir


@pytest.fixture
def map_dir(home: Home) -> MapDir:
    return home.map("0a1b")


def executable(map_dir: MapDir) -> Path:
    return Path(bundle.descriptors("t", map_dir.path)["executable"])


def test_the_zip_runs_where_nothing_is_installed(map_dir: MapDir, tmp_path: Path) -> None:
    bundle.set_up("t", map_dir.path)
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(executable(map_dir)), "--self-test"],
        cwd=tmp_path,
        env={},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_an_interpreter_of_this_version_compiles_nothing_of_the_zip(map_dir: MapDir) -> None:
    bundle.set_up("t", map_dir.path)
    ask = (
        "import sys; sys.path.insert(0, sys.argv[1]); import htmap_exec.worker; print(*sys.modules.values(), sep='\\n')"
    )
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", ask, str(executable(map_dir))],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    modules = [line for line in ran.stdout.splitlines() if str(executable(map_dir)) in line]
    assert modules
    assert all(".pyc" in line for line in modules)
