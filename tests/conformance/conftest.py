"""A place of its own for each conformance test, on the backend that was asked for.

In: ``--backend``. Out: an empty HTMAP_DIR that htmap is set to, in this process and in those that it starts.
On the other side: a supervisor of our own, or a schedd; whatever a test leaves there is ended here.
"""

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

_REMOVAL_TIMEOUT_S = 60.0


@pytest.fixture(scope="session", autouse=True)
def _queue(request: pytest.FixtureRequest, backend: str) -> None:
    """What the backend needs to be there."""
    if backend == "htcondor":
        request.getfixturevalue("pool")


@pytest.fixture(autouse=True)
def htmap_dir(backend: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An HTMAP_DIR for one test, with a short path: the names of sockets have a limit."""
    folder = Path(tempfile.mkdtemp(prefix="htmap-"))
    with kept_settings() as settings:
        for name, value in {"HTMAP_DIR": str(folder), "BACKEND": backend}.items():
            monkeypatch.setenv(name if name.startswith("HTMAP_") else f"HTMAP_{name}", value)
            settings[name] = value
        yield folder
    _remove_jobs(folder) if backend == "htcondor" else _end_processes(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def _functions_travel_by_value(request: pytest.FixtureRequest) -> Iterator[None]:
    """Treat a test file as a user's script: no execute node could import it."""
    cloudpickle.register_pickle_by_value(request.module)
    yield
    cloudpickle.unregister_pickle_by_value(request.module)


def _remove_jobs(folder: Path) -> None:
    import htcondor2  # reads CONDOR_CONFIG when it is imported, which the pool sets

    schedd = htcondor2.Schedd()
    ours = f'regexp("^{folder}(/|$)", UserLog)'
    if not schedd.query(ours, projection=["ClusterId"]):
        return
    schedd.act(htcondor2.JobAction.Remove, ours)
    deadline = time.monotonic() + _REMOVAL_TIMEOUT_S
    while schedd.query(ours, projection=["ClusterId"]):
        assert time.monotonic() < deadline, (
            f"jobs of {folder} are still in the queue {_REMOVAL_TIMEOUT_S:.0f} s after removal"
        )
        time.sleep(0.1)


def _end_processes(folder: Path) -> None:
    """The supervisor names the folder in its command line; its jobs work inside it."""
    for process in psutil.process_iter():
        try:
            if _works_in(process, folder):
                process.kill()
        except psutil.Error:
            continue  # ended meanwhile, or another user's


def _works_in(process: psutil.Process, folder: Path) -> bool:
    arguments = process.cmdline()
    return any(str(folder) in argument for argument in arguments) or Path(process.cwd()).is_relative_to(folder)
