"""A place for maps on the pool, and images for them.

In: the pool, the programs on PATH, root file systems of `testbed.root_filesystem`. Out: an empty HTMAP_DIR; images that
were built from ``containers/`` as a user would, on bases of our own: no hub can be asked in a test.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import cloudpickle
import pytest
from tests import delivered
from tests.kept_settings import kept_settings

import htmap
from testbed.pool import Pool

ROOT = Path(__file__).parents[2]


@pytest.fixture
def pool_home(pool: Pool, request: pytest.FixtureRequest) -> Iterator[Path]:  # noqa: ARG001 - the pool must run first
    """An HTMAP_DIR whose maps run on the pool."""
    folder = Path(tempfile.mkdtemp(prefix="htmap-"))
    with kept_settings() as settings:
        settings["HTMAP_DIR"] = str(folder)
        settings["BACKEND"] = "htcondor"
        for module in (delivered, request.module):
            cloudpickle.register_pickle_by_value(module)
        yield folder
        for module in (delivered, request.module):
            cloudpickle.unregister_pickle_by_value(module)
        htmap.clean(all=True)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def build_context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of ``containers/`` with wheels of our own runner in it, and what that needs."""
    folder = tmp_path_factory.mktemp("build") / "containers"
    shutil.copytree(ROOT / "containers", folder)
    wheels = folder / "wheels"
    for package in ("htmap-common", "htmap-exec"):
        build: list[str | Path] = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", wheels]
        said(build, cwd=ROOT / "packages" / package)
    said([sys.executable, "-m", "pip", "download", "-q", "-d", wheels, "--find-links", wheels, "htmap-exec"])
    return folder


def said(command: Sequence[str | Path], cwd: Path | None = None) -> str:
    """What a command prints; a failure shows all of it."""
    done = subprocess.run(
        command,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        # Debian's docker comes without the newer builder.
        env={**os.environ, "DOCKER_BUILDKIT": "0"},
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}"
    return done.stdout
