"""Environments, made by hatch and described in the root ``pyproject.toml``.

In: the name of an environment. Out: commands that ran in it. On the other side: hatch, in a virtual environment
that this module makes, and the package index through pip.
Everything lies in ``.venv``; it is made again when the pins, our distributions or the Python change, or when the
checkout has moved.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path

from testbed.cache import locked

ROOT = Path(__file__).resolve().parents[2]
CONSTRAINTS = ROOT / "constraints.txt"

_HOME = ROOT / ".venv"
_HATCH = _HOME / "hatch"
_HATCH_CONFIG = _HOME / "hatch.toml"  # empty; else the user's own configuration has a say
_STAMP = _HOME / "made-for"

GRACE_S = 20.0
"""How long a command may take to end when it is interrupted."""


class NoEnvironment(Exception):
    """An environment cannot be made; the message says what to do."""


class Environment:
    """One of hatch's environments, made and up to date.

    Parameters
    ----------
    name
        As in ``tool.hatch.envs``.
    python
        The interpreter to make it with. None: the one that runs this.
    """

    def __init__(self, name: str, python: Path | None = None) -> None:
        self._name = name
        self._python = python
        with _whole_home():
            # Before a command, hatch makes the environment and installs what is missing; this command does nothing.
            if self._hatch("--quiet", "-e", name, "run", "--", "python", "-c", "") != 0:
                raise NoEnvironment(f"The environment {name} could not be made: see the lines above.")

    def run(self, *command: str) -> int:
        """Run a command, with the root of the repository as its folder; its exit code."""
        return self._hatch("-e", self._name, "run", "--", *command)

    def _hatch(self, *arguments: str) -> int:
        return run([str(_HATCH / "bin" / "python"), "-m", "hatch", *arguments], self._hatch_variables())

    def _hatch_variables(self) -> dict[str, str]:
        hatch = {
            "HATCH_PYTHON": str(self._python or sys.executable),
            "HATCH_DATA_DIR": str(_HOME / "hatch-state"),
            "HATCH_CONFIG": str(_HATCH_CONFIG),
        }
        return {**variables(), **hatch}


def variables() -> dict[str, str]:
    """The variables of who called, less those that would lead Python or hatch elsewhere; and the pins."""
    foreign = ("PYTHON", "HATCH_", "VIRTUAL_ENV", "CONDA_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    # As an address: pip takes a space in this variable for the end of a path.
    pins = CONSTRAINTS.as_uri()
    return {**kept, "PIP_CONSTRAINT": pins, "PIP_BUILD_CONSTRAINT": pins, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


@contextlib.contextmanager
def _whole_home() -> Iterator[None]:
    """Hold the lock of ``.venv``, after making it anew if it was made for something else."""
    _HOME.mkdir(exist_ok=True)
    with locked(_HOME / "lock"):
        if not _STAMP.exists() or _STAMP.read_text() != _wanted():
            _make_home()
        yield


def _wanted() -> str:
    """What ``.venv`` must have been made for."""
    # The commands and dependencies of our own distributions are read when they are installed.
    told = [CONSTRAINTS, *sorted(ROOT.glob("packages/*/pyproject.toml"))]
    papers = hashlib.sha256(b"".join(paper.read_bytes() for paper in told)).hexdigest()
    return "\n".join([str(ROOT), sys.base_prefix, sys.version, papers, ""])


def _make_home() -> None:
    _STAMP.unlink(missing_ok=True)
    for path in _HOME.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
    print("Making .venv with hatch in it (once) ...", flush=True)
    _make_virtual_environment(_HATCH)
    install = [str(_HATCH / "bin" / "python"), "-m", "pip", "install", "-qq", "hatch"]
    if run(install, variables()) != 0:
        raise NoEnvironment("hatch could not be installed: see what pip says above. Is a package index reachable?")
    _HATCH_CONFIG.touch()
    _STAMP.write_text(_wanted())


def _make_virtual_environment(folder: Path) -> None:
    try:
        venv.create(folder, with_pip=True, symlinks=True)
    except (subprocess.CalledProcessError, ImportError) as error:
        raise NoEnvironment(
            f"{sys.executable} cannot make virtual environments (it lacks ensurepip): "
            "install the package python3-venv, or run this with another Python."
        ) from error


def run(command: Sequence[str], variables: dict[str, str], grace_s: float = GRACE_S) -> int:
    """Run a command in the root of the repository. If this process is interrupted, so is everything below it."""
    with subprocess.Popen(
        command, cwd=ROOT, env=variables, stdin=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            os.killpg(process.pid, signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(grace_s)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
