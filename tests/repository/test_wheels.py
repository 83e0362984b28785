"""The runner, installed alone from wheels into an empty environment, brings what it needs and runs a component."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cloudpickle
import pytest

from htmap_common.wire import Kind, OutputsReader, encode_file

ROOT = Path(__file__).parents[2]


def run(*command: object, cwd: Path | None = None) -> str:
    arguments = [str(each) for each in command]
    ended = subprocess.run(arguments, capture_output=True, text=True, timeout=300, check=False, cwd=cwd)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels of all distributions."""
    folder = tmp_path_factory.mktemp("wheels")
    for package in sorted((ROOT / "packages").iterdir()):
        run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=package)
    return folder


@pytest.fixture(scope="module")
def environment(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment in which nobody has installed anything but htmap-exec."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", folder)
    run(folder / "bin" / "python", "-m", "pip", "install", "--find-links", wheels, "htmap-exec")
    return folder


def test_every_distribution_has_its_wheel(wheels: Path) -> None:
    assert {path.name.split("-")[0] for path in wheels.glob("*.whl")} == {"htmap_common", "htmap_exec", "htmap_submit"}


def test_the_runner_brings_three_others(environment: Path) -> None:
    listed = json.loads(run(environment / "bin" / "python", "-m", "pip", "list", "--format=json"))
    assert {each["name"] for each in listed} - {"pip", "setuptools"} == {
        "htmap-exec",
        "htmap-common",
        "msgpack",
        "cloudpickle",
    }


def test_the_installed_runner_runs_a_component(environment: Path, tmp_path: Path) -> None:
    header = {"python": list(sys.version_info[:3]), "implementation": "cpython", "cloudpickle": cloudpickle.__version__}
    files = {
        "function": encode_file(Kind.FUNCTION, header, [cloudpickle.dumps(lambda x: x + 1)]),
        "shard": encode_file(Kind.INPUTS, {"first": 0, "count": 1}, [cloudpickle.dumps(((41,), {}))]),
    }
    for name, buffers in files.items():
        (tmp_path / name).write_bytes(b"".join(buffers))
    run(
        environment / "bin" / "htmap-exec",
        *("run", "--function", "function", "--components", "0", "--inputs", "shard", "--outputs", "outputs"),
        cwd=tmp_path,
    )
    with OutputsReader.open(tmp_path / "outputs") as outputs:
        record = outputs.record(outputs.entries[0])
        assert (record.header["status"], outputs.is_finished) == ("returned", True)
        assert cloudpickle.loads(record.segments[0]) == 42
