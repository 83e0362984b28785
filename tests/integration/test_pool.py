"""The pool that the other tests stand on: it runs jobs, and it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from testbed import pool as personal_pool

DEADLINE_S = 60.0

# A process that runs a pool of its own and says which, until it is killed.
OWNER = """
import os, signal
from testbed import pool
with pool.running(shared=False) as running:
    print(running.folder, flush=True)
    signal.pause()
"""


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.1)


@pytest.fixture
def schedd(pool: personal_pool.Pool) -> Any:  # noqa: ARG001 - the pool must run first
    import htcondor2  # noqa: PLC0415 - reads CONDOR_CONFIG when it is imported, which the pool sets

    return htcondor2.Schedd()


@pytest.fixture
def output_of(schedd: Any, tmp_path: Path) -> Callable[[str], str]:
    """Run a Python program as a job; what it prints."""

    def run(program: str) -> str:
        import htcondor2  # noqa: PLC0415

        script = tmp_path / "script"
        script.write_text(f"#!/usr/bin/env python3\n{program}\n")
        script.chmod(0o755)
        description = htcondor2.Submit(
            f"""
            executable = {script}
            output = {tmp_path}/output
            error = {tmp_path}/output
            request_memory = 64MB
            request_disk = 1MB
            queue
            """
        )
        cluster = schedd.submit(description).cluster()
        wait_until(lambda: not schedd.query(f"ClusterId == {cluster}", projection=["ProcId"]))
        return (tmp_path / "output").read_text().strip()

    return run


def test_a_job_runs_as_an_ordinary_user(output_of: Callable[[str], str]) -> None:
    assert os.getuid() != 0
    assert output_of("import os; print(os.getuid())") == str(os.getuid())


def test_a_node_has_the_python_of_the_tests_and_not_its_packages(output_of: Callable[[str], str]) -> None:
    assert output_of("import sys; print(sys.version)") == sys.version.strip()
    assert output_of("import htmap_exec").endswith("No module named 'htmap_exec'")


def test_the_daemons_are_of_the_version_that_was_asked_for(
    pool: personal_pool.Pool, request: pytest.FixtureRequest
) -> None:
    version = pool.condor.version()
    suite = request.config.option.condor
    if suite == "sid":
        assert tuple(map(int, version.split("."))) >= (25, 14)
    assert pool.run("condor_status", "-schedd", "-af", "CondorVersion").split()[1] == version


@pytest.fixture
def owner() -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process that runs a pool, and the folder of that pool."""
    environment = {**os.environ, "PYTHONPATH": str(Path(personal_pool.__file__).parents[1])}
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        yield process, Path(process.stdout.readline().strip())
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_pool_ends_with_the_process_that_asked_for_it(
    number: signal.Signals, owner: tuple[subprocess.Popen[str], Path], pool: personal_pool.Pool
) -> None:
    process, folder = owner
    daemons = daemons_below(guard_of(folder))
    process.send_signal(number)
    process.wait(DEADLINE_S)
    assert have_ended(daemons)
    wait_until(lambda: not folder.exists())
    assert daemons_below(pool.guard), "the pool of this test run has ended too"


def test_a_pool_ends_when_its_guard_is_killed(owner: tuple[subprocess.Popen[str], Path]) -> None:
    _, folder = owner
    daemons = daemons_below(guard_of(folder))
    os.kill(guard_of(folder), signal.SIGKILL)
    assert have_ended(daemons)


def guard_of(folder: Path) -> int:
    return int((folder / "guard").read_text())


def daemons_below(guard: int) -> list[psutil.Process]:
    daemons = psutil.Process(guard).children(recursive=True)
    names = set()
    for daemon in daemons:
        with contextlib.suppress(psutil.NoSuchProcess):  # daemons start programs that soon end
            names.add(daemon.name())
    assert "condor_schedd" in names
    return daemons


def have_ended(processes: list[psutil.Process]) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=DEADLINE_S)
    return not alive
