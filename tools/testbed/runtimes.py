"""The container runtimes that a pool offers its jobs.

In: the variable TESTBED_RUNTIMES (names, separated by commas; absent: none) and PATH. Out: programs in the folder of
the pool, and settings for its configuration. On the other side: `devloop.containers`, which says what there is.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

from testbed.condor import Condor
from testbed.debian import TestbedError

VARIABLE = "TESTBED_RUNTIMES"

_SETTINGS = {
    "docker": "DOCKER = {folder}/bin/docker\n",
    "apptainer": "SINGULARITY = {folder}/bin/apptainer\nLIBEXEC = {folder}/libexec\n",
}


def offered() -> list[str]:
    """The names of the runtimes."""
    return [name for name in os.environ.get(VARIABLE, "").split(",") if name]


def settings_text(folder: Path) -> str:
    """What they add to the configuration of a pool."""
    return "".join(_SETTINGS[name].format(folder=folder) for name in offered())


def lay_out(folder: Path, condor: Condor) -> None:
    """Put their programs into the folder of a pool, where also its jobs find them."""
    for name in offered():
        program = shutil.which(name)
        if program is None:
            raise TestbedError(f"{VARIABLE} names {name}, which is not on PATH.")
        launcher = folder / "bin" / name
        # Daemons and jobs have an environment of their own, which does not say where docker listens.
        variables = f"export DOCKER_HOST={shlex.quote(os.environ.get('DOCKER_HOST', ''))}\n" if name == "docker" else ""
        launcher.write_text(f'#!/bin/sh\n{variables}exec {shlex.quote(program)} "$@"\n')
        launcher.chmod(0o755)
        if name == "apptainer":
            _lay_out_libexec(folder / "libexec", condor, launcher)


def _lay_out_libexec(libexec: Path, condor: Condor, apptainer: Path) -> None:
    """HTCondor's own programs, and the image with which it tries whether images work; Debian's package lacks it."""
    libexec.mkdir()
    for path in condor.libexec.iterdir():
        (libexec / path.name).symlink_to(path)
    image, sandbox = libexec / "exit_37.sif", condor.libexec / "singularity_test_sandbox"
    if not image.exists() and sandbox.is_dir():
        subprocess.run(
            [apptainer, "--quiet", "build", image, sandbox], stdin=subprocess.DEVNULL, capture_output=True, check=True
        )
