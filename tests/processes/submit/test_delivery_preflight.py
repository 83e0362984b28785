"""Mirrors htmap.delivery.preflight: an image that says it does not fit is refused before jobs are sent to it."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from htmap.delivery import preflight
from htmap.delivery.images import Image, Kind
from htmap.exceptions import InvalidSetting

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
OTHER = f"{sys.version_info.major}.{sys.version_info.minor + 1}"
STALE = r"image \S+ \(setting X\) has an htmap-exec of wire format 0, and this HTMap has wire format 1"


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Gives a function that puts a program on PATH, the only one there, which prints what it is told to."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def put(name: str, prints: object, exit_code: int = 0) -> None:
        program = folder / name
        program.write_text(f"#!/bin/sh\necho {shlex.quote(json.dumps(prints))}\nexit {exit_code}\n")
        program.chmod(0o755)

    return put


def docker_config(labels: dict[str, str] | None, *variables: str) -> dict[str, object]:
    return {"Labels": labels, "Env": ["PATH=/bin", *variables]}


def test_a_docker_image_of_another_wire_format_is_refused_with_both_numbers(on_path: Any) -> None:
    on_path("docker", docker_config({preflight.WIRE_FORMAT: "0"}))
    with pytest.raises(InvalidSetting, match=STALE):
        preflight.check_docker("X", "old:1")
    with pytest.raises(InvalidSetting, match=STALE):
        preflight.check("X", Image(Kind.REGISTRY, "docker://old:1"))


@pytest.mark.parametrize(
    "config", [docker_config({preflight.PYTHON: OTHER}), docker_config(None, f"PYTHON_VERSION={OTHER}.3")]
)
def test_a_docker_image_with_another_python_is_refused(config: dict[str, object], on_path: Any) -> None:
    on_path("docker", config)
    with pytest.raises(InvalidSetting, match=rf"has Python {OTHER}\S*, and this is Python {HERE}\."):
        preflight.check_docker("X", "other:1")


@pytest.mark.parametrize(
    "config",
    [
        docker_config(None),
        docker_config({preflight.WIRE_FORMAT: "1", preflight.PYTHON: HERE}),
        docker_config({preflight.PYTHON: ""}, f"PYTHON_VERSION={HERE}.9"),
        None,
        [],
    ],
)
def test_an_image_that_fits_or_says_nothing_passes(config: object, on_path: Any) -> None:
    on_path("docker", config)
    preflight.check_docker("X", "good:1")


def test_an_image_that_is_not_here_passes(on_path: Any) -> None:
    preflight.check_docker("X", "elsewhere:1")  # there is no docker
    on_path("docker", docker_config({preflight.WIRE_FORMAT: "0"}), exit_code=1)
    preflight.check_docker("X", "elsewhere:1")
    preflight.check("X", Image(Kind.URL, "https://example.edu/old.sif"))
    preflight.check("X", Image(Kind.PLACE, "/cvmfs/images/old"))


def test_a_sandbox_is_read_without_any_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    (tmp_path / ".singularity.d").mkdir()
    preflight.check("X", Image(Kind.PLACE, str(tmp_path)))
    (tmp_path / ".singularity.d/labels.json").write_text(json.dumps({preflight.WIRE_FORMAT: "0"}))
    with pytest.raises(InvalidSetting, match=STALE):
        preflight.check("X", Image(Kind.PLACE, str(tmp_path)))


@pytest.mark.parametrize("runtime", ["apptainer", "singularity"])
def test_a_sif_is_asked_through_the_runtime(runtime: str, on_path: Any, tmp_path: Path) -> None:
    on_path(runtime, {"data": {"attributes": {"labels": {preflight.WIRE_FORMAT: "0"}}}})
    image = tmp_path / "old.sif"
    image.touch()
    with pytest.raises(InvalidSetting, match=STALE):
        preflight.check("X", Image(Kind.FILE, str(image)))
    on_path(runtime, {"data": {"attributes": {}}})
    preflight.check("X", Image(Kind.FILE, str(image)))
