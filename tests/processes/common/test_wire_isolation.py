"""The wire format on a bare node: pure-Python msgpack, a zip, nothing installed; and what importing it costs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import msgpack
import pytest

import htmap_common

HERE = Path(__file__).parents[2] / "common"
GOLDEN = HERE / "golden" / "format-1"
TESTS = [HERE / f"test_wire_{name}.py" for name in ("header", "files", "outputs", "golden")]


def run(*arguments: str | Path, **environment: str) -> str:
    command = [sys.executable, *arguments]
    variables = {**os.environ, **environment}
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120, env=variables)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_everything_holds_with_pure_python_msgpack() -> None:
    check = "import msgpack; print(msgpack.Unpacker.__module__)"
    assert run("-c", check, MSGPACK_PUREPYTHON="1") == "msgpack.fallback\n"
    options = ["-q", "-c", os.devnull, "--noconftest", "--import-mode=importlib", "-p", "no:cacheprovider"]
    assert " passed" in run("-m", "pytest", *options, *TESTS, MSGPACK_PUREPYTHON="1")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A zip with the sources of htmap_common and msgpack, and a main module that describes files."""
    path = tmp_path / "bundle.pyz"
    with zipfile.ZipFile(path, "w") as archive:
        for package in (htmap_common, msgpack):
            root = Path(package.__path__[0])
            for source in root.rglob("*.py"):
                archive.write(source, Path(root.name, source.relative_to(root)))
        archive.writestr("__main__.py", "import sys\nfrom htmap_common.__main__ import main\nsys.exit(main())\n")
    return path


def test_it_runs_from_a_zip_with_nothing_installed(bundle: Path) -> None:
    printed = run("-I", "-S", bundle, GOLDEN / "outputs")
    assert json.loads(printed)["finished"] is True


def test_importing_it_loads_little() -> None:
    code = "import sys, htmap_common.wire; print(*sorted({'pickle', 'json', 'pathlib', 'argparse'} & {*sys.modules}))"
    assert run("-I", "-c", code) == "\n"
