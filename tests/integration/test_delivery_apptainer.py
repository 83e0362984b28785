"""Deliveries that run in apptainer images, on a pool that has apptainer. The base image is a stand-in for a hub's."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests import delivered
from tests.integration.conftest import said

import htmap
from htmap.delivery import preflight
from htmap.exceptions import InvalidSetting
from testbed import root_filesystem


@pytest.fixture(scope="module")
def sandbox(build_context: Path) -> Path:
    """The image of ``containers/htmap-exec.def`` on our base, as a directory that nodes share with us."""
    root = root_filesystem.with_python()
    assert root
    # Apptainer gives each file the owner that it has, which an ordinary user may do with their own only.
    base = Path(shutil.copytree(root, build_context.parent / "base", symlinks=True))
    folder = build_context.parent / "sandbox"
    # Relative to the folder with the definition, where the wheels are bound to a place inside.
    arguments = {"BOOTSTRAP": "localimage", "BASE_IMAGE": base, "PIP_OPTIONS": "--no-index --find-links /mnt"}
    given: list[str | Path] = [f"--build-arg={key}={value}" for key, value in arguments.items()]
    # If this machine has the program fakeroot, our base lacks what it needs.
    options = ["--fakeroot", "--ignore-fakeroot-command", "--sandbox", f"--bind={build_context}/wheels:/mnt"]
    said(["apptainer", "build", *options, *given, folder, "htmap-exec.def"], cwd=build_context)
    return folder


@pytest.fixture(scope="module")
def sif(sandbox: Path) -> Path:
    """The same as one file, with a name that a shell would misread."""
    file = sandbox.parent / "it's an $image; of ours.sif"
    said(["apptainer", "build", file, sandbox])
    return file


def choose(method: str, image: str | Path) -> None:
    htmap.settings["DELIVERY_METHOD"] = method
    htmap.settings[f"{method}.IMAGE"] = str(image)


@pytest.mark.parametrize("method", ["singularity", "container"])
def test_a_file_is_sent_and_runs_its_own_runner(method: str, sif: Path, pool_home: Path) -> None:
    choose(method, sif)
    found = delivered.drive(pool_home)
    assert "bookworm" in found["release"]
    assert found["runner"].startswith("/usr/local/")


@pytest.mark.parametrize("method", ["singularity", "container"])
def test_a_sandbox_runs_where_it_is(method: str, sandbox: Path, pool_home: Path) -> None:
    choose(method, sandbox)
    assert delivered.drive(pool_home)["runner"].startswith("/usr/local/")


@pytest.mark.parametrize("method", ["singularity", "container"])
def test_a_file_runs_on_the_local_backend_too(method: str, sif: Path, pool_home: Path) -> None:
    htmap.settings["BACKEND"] = "local"
    choose(method, sif)
    assert delivered.drive(pool_home)["runner"].startswith("/usr/local/")


def test_an_image_without_the_runner_gets_it_sent(pool_home: Path) -> None:
    base = root_filesystem.with_python()
    assert base
    choose("singularity", base)
    assert ".pyz/" in delivered.drive(pool_home)["runner"]


def test_an_image_with_an_older_wire_format_is_refused_with_both_numbers(
    sandbox: Path, tmp_path: Path, pool_home: Path
) -> None:
    labels = sandbox / ".singularity.d/labels.json"
    before = labels.read_text()
    old = tmp_path / "old.sif"
    try:
        labels.write_text(json.dumps({**json.loads(before), preflight.WIRE_FORMAT: "0"}))
        said(["apptainer", "build", old, sandbox])
        for image in (sandbox, old):
            choose("singularity", image)
            with pytest.raises(InvalidSetting, match=r"wire format 0, and this HTMap has wire format 1"):
                htmap.map(abs, [1], quiet=True)
    finally:
        labels.write_text(before)
    assert list((pool_home / "maps").iterdir()) == []


def test_an_image_that_does_not_exist_is_spoken_of_in_the_hold(pool_home: Path) -> None:
    choose("singularity", "/cvmfs/no/such/image")  # which might be there, on nodes
    assert "The container runtime could not run the image: is it there" in delivered.held(pool_home)


def test_an_image_without_python_is_named_in_the_hold(pool_home: Path) -> None:
    choose("singularity", root_filesystem.without_python())
    assert "The image has no python3" in delivered.held(pool_home)
