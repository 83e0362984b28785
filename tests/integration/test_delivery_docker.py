"""Deliveries that run in docker images, on a pool that has docker. The base images are stand-ins for those of a hub."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests import delivered
from tests.integration.conftest import said
from tests.integration.test_delivery_transplant import drive_from_its_own_environment

import htmap
from htmap.delivery import preflight
from htmap.exceptions import InvalidSetting
from testbed import root_filesystem

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"

PYTHON = "htmap-test/python:1"  # stands for python:3.x-slim
OTHER_PYTHON = "htmap-test/other-python:1"
MINIMAL = "htmap-test/minimal:1"  # has no Python
RUNNER = "htmap-test/runner:1"  # built from containers/Containerfile


@pytest.fixture(scope="module", autouse=True)
def _bases() -> None:
    bases = {
        PYTHON: root_filesystem.with_python(),
        OTHER_PYTHON: root_filesystem.with_other_python(),
        MINIMAL: root_filesystem.without_python(),
    }
    for name, root in bases.items():
        assert root
        pack: list[str | Path] = ["tar", "--owner=0", "--group=0", "--numeric-owner", "-C", root, "-c", "."]
        with subprocess.Popen(pack, stdout=subprocess.PIPE) as packing:
            subprocess.run(["docker", "import", "-", name], stdin=packing.stdout, capture_output=True, check=True)


@pytest.fixture(scope="module")
def runner_image(build_context: Path) -> str:
    """The image of ``containers/Containerfile``, on our base."""
    build(build_context, RUNNER, PYTHON)
    return RUNNER


def build(context: Path, name: str, base: str, *options: str) -> str:
    arguments = {"BASE_IMAGE": base, "PYTHON_VERSION": HERE, "PIP_OPTIONS": "--no-index --find-links /tmp/build"}
    given = [f"--build-arg={key}={value}" for key, value in arguments.items()]
    return said(["docker", "build", "--tag", name, "--file", context / "Containerfile", *given, *options, context])


def choose(method: str, image: str) -> None:
    htmap.settings["DELIVERY_METHOD"] = method
    htmap.settings[f"{method}.IMAGE"] = image


@pytest.mark.parametrize(("method", "prefix"), [("docker", ""), ("container", "docker://")])
def test_an_image_runs_its_own_runner(method: str, prefix: str, runner_image: str, pool_home: Path) -> None:
    choose(method, prefix + runner_image)
    found = delivered.drive(pool_home)
    assert "bookworm" in found["release"]
    # That of the zip would be imported from the scratch directory.
    assert found["runner"].startswith("/usr/local/")


@pytest.mark.parametrize(("method", "prefix"), [("docker", ""), ("container", "docker://")])
def test_an_image_runs_on_the_local_backend_too(method: str, prefix: str, runner_image: str, pool_home: Path) -> None:
    htmap.settings["BACKEND"] = "local"
    choose(method, prefix + runner_image)
    found = delivered.drive(pool_home)
    assert "bookworm" in found["release"]
    assert found["runner"].startswith("/usr/local/")
    assert said(["docker", "ps", "--all", "--quiet", "--filter=label=htmap.queue"]) == ""


def test_a_container_is_paused_and_ends_with_its_map_on_the_local_backend(pool_home: Path) -> None:
    htmap.settings["BACKEND"] = "local"
    choose("docker", PYTHON)
    path = pool_home / "input"
    path.write_text("some text")
    m = htmap.starmap(delivered.work, [("checkpoint", htmap.TransferPath(path))], quiet=True)
    states = ["docker", "ps", "--all", "--filter=label=htmap.queue", "--format", "{{.State}}"]
    until(lambda: said(states) == "running\n")
    m.pause()
    until(lambda: said(states) == "paused\n")
    m.resume()
    until(lambda: said(states) == "running\n")
    m.remove()
    until(lambda: said(states) == "")


def until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + delivered.TIMEOUT_S
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_an_image_without_the_runner_gets_it_sent(pool_home: Path) -> None:
    choose("docker", PYTHON)
    assert ".pyz/" in delivered.drive(pool_home)["runner"]


def test_an_image_with_an_older_wire_format_is_refused_with_both_numbers(
    runner_image: str, build_context: Path, pool_home: Path
) -> None:
    old = "htmap-test/old:1"
    (build_context / "old").mkdir()
    (build_context / "old/Containerfile").write_text(f'FROM {runner_image}\nLABEL {preflight.WIRE_FORMAT}="0"\n')
    said(["docker", "build", "--tag", old, "--file", build_context / "old/Containerfile", build_context / "old"])
    for method, prefix in (("docker", ""), ("container", "docker://")):
        choose(method, prefix + old)
        with pytest.raises(InvalidSetting, match=r"wire format 0, and this HTMap has wire format 1"):
            htmap.map(abs, [1], quiet=True)
    assert list((pool_home / "maps").iterdir()) == []


def test_a_containerfile_does_not_build_what_it_would_mislabel(runner_image: str, build_context: Path) -> None:
    assert said(["docker", "run", "--rm", runner_image, "htmap-exec", "--self-test"]).startswith("htmap-exec ")
    with pytest.raises(AssertionError, match="--wire-format"):
        build(build_context, "htmap-test/wrong:1", PYTHON, "--build-arg=WIRE_FORMAT=2")


def test_the_scientific_example_adds_to_that_image(runner_image: str, build_context: Path) -> None:
    context = build_context / "scientific"
    wheels = context / "wheels"
    said([sys.executable, "-m", "pip", "download", "-q", "-d", wheels, "mdurl"])  # numpy would take its time
    arguments = {"BASE_IMAGE": runner_image, "PACKAGES": "mdurl", "PIP_OPTIONS": "--no-index --find-links /tmp/build"}
    given = [f"--build-arg={key}={value}" for key, value in arguments.items()]
    file = context / "Containerfile"
    said(["docker", "build", "--tag", "htmap-test/science:1", "--file", file, *given, context])
    said(["docker", "run", "--rm", "htmap-test/science:1", "python3", "-c", "import mdurl, htmap_exec"])


def test_an_image_with_another_python_says_both_versions(pool_home: Path) -> None:
    choose("docker", OTHER_PYTHON)
    assert f"The map was made by Python {HERE}, but this node runs Python 3." in delivered.error_of(pool_home)


def test_an_image_without_python_is_named_in_the_hold(pool_home: Path) -> None:
    choose("docker", MINIMAL)
    assert "The image has no python3. Choose an image with Python." in delivered.held(pool_home)


def test_an_image_that_does_not_exist_is_named_in_the_hold(pool_home: Path) -> None:
    choose("docker", "htmap-test/no-such-image:1")
    assert "htmap-test/no-such-image:1" in delivered.held(pool_home)


def test_a_transplant_runs_in_an_image_without_python(pool_home: Path) -> None:
    found = drive_from_its_own_environment(pool_home, MINIMAL)
    assert "bookworm" in str(found["release"])
