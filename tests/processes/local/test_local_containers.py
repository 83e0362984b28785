"""Mirrors htmap.backend.local.containers; tests/integration runs them with real docker and apptainer."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.processes.local.place import Place

from htmap.backend.local import containers
from htmap.backend.local.containers import Image
from htmap.backend.local.program import Program
from htmap.exceptions import InvalidOption

SCRATCH = Path("/home/me/.htmap/local/scratch/7.3")


@pytest.fixture
def bin_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_text("#!/bin/sh\nexit 1\n")
        (folder / name).chmod(0o755)


@pytest.mark.parametrize(
    ("universe", "docker_image", "container_image", "found"),
    [
        ("", "", "", None),
        ("vanilla", "", "", None),
        ("Docker", "a:1", "", Image("docker", "a:1")),
        ("container", "", "docker://a:1", Image("container", "docker://a:1")),
        ("container", "", "/images/a.sif", Image("container", "/images/a.sif")),
    ],
)
def test_an_image_is_read_from_a_description(
    universe: str, docker_image: str, container_image: str, found: Image | None
) -> None:
    assert containers.image_of(universe, docker_image, container_image) == found


@pytest.mark.parametrize(
    ("universe", "docker_image", "container_image", "complaint"),
    [
        ("vanilla", "a:1", "", "docker_image with universe = vanilla"),
        ("", "", "/a.sif", "container_image with universe = vanilla"),
        ("docker", "", "", "needs docker_image"),
        ("container", "", "https://example.edu/a.sif", "fetches no images from URLs"),
    ],
)
def test_what_cannot_be_an_image_is_refused(
    universe: str, docker_image: str, container_image: str, complaint: str
) -> None:
    with pytest.raises(InvalidOption, match=complaint):
        containers.image_of(universe, docker_image, container_image)


@pytest.mark.parametrize(
    ("image", "wanted"),
    [
        (Image("docker", "a:1"), "only where there is docker,"),
        (Image("container", "docker://a:1"), "only where there is docker, apptainer or singularity,"),
        (Image("container", "/images/a.sif"), "only where there is apptainer or singularity,"),
    ],
)
def test_a_machine_without_a_runtime_refuses_with_a_sentence(image: Image, wanted: str, bin_: Path) -> None:
    with pytest.raises(InvalidOption, match=wanted) as refused:
        containers.check(image)
    assert "Choose a delivery method other than docker and container, or run the map on HTCondor" in str(refused.value)
    put(bin_, "docker", "apptainer")
    containers.check(image)
    containers.check(None)


def test_nothing_is_queued_when_it_is_refused(place: Place, bin_: Path) -> None:
    description = place.describe(universe="docker", docker_image="a:1")
    with pytest.raises(InvalidOption, match="only where there is docker"):
        place.backend.submit(description, "0a1b2c")
    assert place.backend.query(place.all, with_history=True) == []
    assert not list(bin_.iterdir())


def test_docker_runs_as_the_user_in_the_scratch_directory(bin_: Path) -> None:
    put(bin_, "docker", "apptainer")
    environment = {"PATH": "/here/only", "GREETING": "it's; $HOME"}
    command = containers.command(Image("docker", "a:1"), "name", SCRATCH, ["./x", "an argument"], environment)
    assert command[:2] == [str(bin_ / "docker"), "run"]
    assert f"--user={os.getuid()}:{os.getgid()}" in command
    assert f"--mount=type=bind,source={SCRATCH},target={SCRATCH}" in command
    assert [each for each in command if each.startswith("--env=")] == ["--env=GREETING"]
    assert command[-3:] == ["a:1", "./x", "an argument"]


def test_no_value_of_the_environment_stands_on_the_command_line_of_docker(
    bin_: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bin_, "docker")
    monkeypatch.setenv("DOCKER_HOST", "unix:///of/this/machine")
    environment = {"PATH": "/p", "TOKEN": "secret\nof two lines", "HOME": "/in/the/image"}
    program = Program(Path("./x"), ["./x"], environment, SCRATCH, ())
    wrapped = containers.wrap(program, Image("docker", "a:1"))
    assert not [each for each in wrapped.command if "secret" in each]
    assert {"--env=TOKEN", "--env=HOME=/in/the/image"} <= set(wrapped.command)
    assert wrapped.environment["TOKEN"] == environment["TOKEN"]
    assert wrapped.environment["DOCKER_HOST"] == "unix:///of/this/machine"
    assert wrapped.environment["PATH"] == os.environ["PATH"]


@pytest.mark.parametrize("runtime", ["apptainer", "singularity"])
@pytest.mark.parametrize("source", ["docker://a:1", "/images/a b.sif"])
def test_apptainer_runs_what_docker_cannot(runtime: str, source: str, bin_: Path) -> None:
    put(bin_, runtime)
    command = containers.command(Image("container", source), "name", SCRATCH, ["./x"], {})
    assert command[0] == str(bin_ / runtime)
    assert command[-3:] == [str(SCRATCH), source, "./x"]
    assert not containers.uses_docker(Image("container", source))


def test_a_container_is_named_for_its_job_and_its_queue() -> None:
    names = {containers.name_of(Path(root, "scratch", job)) for root in ("/a", "/b") for job in ("1.0", "1.1")}
    assert len(names) == 4
    assert all(name.startswith("htmap-") for name in names)
