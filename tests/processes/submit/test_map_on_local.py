"""A map on the local backend outlives the supervisor."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cloudpickle
import psutil
import pytest
from tests.kept_settings import kept_settings

import htmap

TIMEOUT_S = 60


@pytest.fixture
def local_home(request: pytest.FixtureRequest) -> Iterator[Path]:
    """An HTMAP_DIR with a local queue; whatever runs in it is ended."""
    home = Path(tempfile.mkdtemp(prefix="htmap-"))
    with kept_settings() as settings:
        settings["HTMAP_DIR"] = str(home)
        settings["BACKEND"] = "local"
        cloudpickle.register_pickle_by_value(request.module)
        yield home
        cloudpickle.unregister_pickle_by_value(request.module)
        htmap.clean(all=True)
    for supervisor in supervisors(home):
        supervisor.kill()
        supervisor.wait()
    shutil.rmtree(home)


def supervisors(home: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            arguments = process.cmdline()
        except psutil.Error:
            continue
        if str(home / "local") in arguments and any("supervisor" in argument for argument in arguments):
            found.append(process)
    return found


def work(path: str) -> str:
    with Path(f"{path}.started").open("w"):
        pass
    time.sleep(0.5)
    return Path(path).name


def test_results_arrive_although_the_supervisor_is_killed_in_the_middle(local_home: Path, tmp_path: Path) -> None:
    m = htmap.map(work, [str(tmp_path / str(number)) for number in range(6)], quiet=True)
    deadline = time.monotonic() + TIMEOUT_S
    while not list(tmp_path.glob("*.started")):
        assert m.is_active
        assert time.monotonic() < deadline
    killed = supervisors(local_home)
    assert len(killed) == 1
    killed[0].kill()
    killed[0].wait()
    m.wait(TIMEOUT_S)
    assert list(m) == [str(number) for number in range(6)]
