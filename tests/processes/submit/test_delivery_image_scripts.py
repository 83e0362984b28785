"""Mirrors htmap.delivery.image_runner and .singularity: what their shell scripts do on a node and in an image."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from htmap.delivery import image_runner, singularity
from htmap.language.words import split_arguments
from htmap.settings import Settings
from htmap.store.mapdir import Home, MapDir


@pytest.fixture
def map_dir(home: Home) -> MapDir:
    return home.map("0a1b")


def recorder(folder: Path, name: str) -> None:
    """A program that writes its arguments down, one a line."""
    program = folder / name
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$0" "$@" >arguments\n')
    program.chmod(0o755)


def run_script(script: str, cwd: Path, path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    file = cwd / "script"
    file.write_text(script)
    return subprocess.run(
        ["/bin/sh", file, *words], cwd=cwd, env={"PATH": str(path)}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("runtime", ["apptainer", "singularity"])
def test_the_job_starts_whichever_runtime_there_is(
    runtime: str, own_settings: Settings, map_dir: MapDir, tmp_path: Path
) -> None:
    image = tmp_path / "it's an; image.sif"
    image.touch()
    own_settings["SINGULARITY.IMAGE"] = str(image)
    found = singularity.descriptors("t", map_dir.path)
    runner = image_runner.place(map_dir.path)
    assert found["transfer_input_files"] == f"{runner},{image}"
    assert found["requirements"] == "TARGET.HasSingularity"
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    recorder(bin_, runtime)
    words = split_arguments(found["arguments"].replace("$(runner_arguments)", "run 'a b'"))
    assert run_script(singularity.SCRIPT, tmp_path, bin_, *words).returncode == 0
    said = (tmp_path / "arguments").read_text().splitlines()
    assert said[0] == str(bin_ / runtime)
    assert said[said.index("--pwd") + 2 :] == ["./it's an; image.sif", f"./{runner.name}", "run", "a b"]


def test_a_node_without_a_runtime_says_so(tmp_path: Path) -> None:
    done = run_script(singularity.SCRIPT, tmp_path, tmp_path, "image", "runner")
    assert done.returncode == 103
    assert done.stderr == "htmap: This node has neither apptainer nor singularity.\n"


@pytest.fixture
def image_bin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of programs that the image in question has."""
    monkeypatch.setattr(image_runner, "HEAD", image_runner.HEAD.replace("/usr/local/bin:/usr/bin:/bin", "/nowhere"))
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def baked(folder: Path, wire_format: int) -> None:
    program = folder / "htmap-exec"
    program.write_text(f'#!/bin/sh\n[ "$1" = --wire-format ] && echo {wire_format} || echo baked "$@"\n')
    program.chmod(0o755)


def run_in_image(folder: Path, map_dir: MapDir) -> subprocess.CompletedProcess[str]:
    image_runner.make(map_dir.path)
    runner = image_runner.place(map_dir.path)
    assert stat.S_IMODE(runner.stat().st_mode) == 0o700
    return subprocess.run(
        ["/bin/sh", runner, "--version"], env={"PATH": str(folder)}, capture_output=True, text=True, check=False
    )


def test_the_runner_of_the_image_is_used_if_it_fits(image_bin: Path, map_dir: MapDir) -> None:
    baked(image_bin, 1)
    assert run_in_image(image_bin, map_dir).stdout == "baked --version\n"


@pytest.mark.parametrize("wire_format", [0, 2])
def test_the_runner_that_travels_is_used_otherwise(wire_format: int, image_bin: Path, map_dir: MapDir) -> None:
    baked(image_bin, wire_format)
    (image_bin / "python3").symlink_to(os.path.realpath("/proc/self/exe"))
    assert run_in_image(image_bin, map_dir).stdout.startswith("htmap-exec ")


def test_an_image_without_python_says_so(image_bin: Path, map_dir: MapDir) -> None:
    done = run_in_image(image_bin, map_dir)
    assert (done.returncode, done.stderr) == (127, "htmap: This image has no python3: choose one that has.\n")
