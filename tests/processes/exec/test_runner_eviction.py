"""Jobs that are interrupted, and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.processes.exec.conftest import Job

COMPONENTS = 6
STUCK = 3


@pytest.fixture
def traces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that outlives the scratch directory: each call leaves a line there."""
    return tmp_path_factory.mktemp("traces")


def prepare(job: Job, traces: Path) -> None:
    """Make a job that gets stuck in one component while there is no file ``go``."""

    def function(component: int) -> int:
        with (traces / str(component)).open("a") as trace:
            trace.write("called\n")
        if component == STUCK and not (traces / "go").exists():
            Path("stuck").touch()
            signal.pause()
        return component * 10

    job.write_function(function)
    job.write_inputs(*[(component,) for component in range(COMPONENTS)])


def calls(traces: Path) -> list[int]:
    return [(traces / str(component)).read_text().count("called") for component in range(COMPONENTS)]


@pytest.mark.parametrize("fresh", [False, True], ids=["one process", "fresh processes"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_an_evicted_job_goes_on_where_it_was(job: Job, traces: Path, number: signal.Signals, fresh: bool) -> None:
    job.options = ["--fresh-process"] * fresh
    prepare(job, traces)
    with job.start(f"0-{COMPONENTS - 1}", stderr=subprocess.PIPE) as running:
        job.wait_for_file("stuck")
        running.send_signal(number)
        assert running.wait(timeout=10) == -number
        assert running.stderr is not None
        assert running.stderr.read() == b""
    assert sorted(job.records()) == [0, 1, 2]
    assert not job.is_finished()

    (traces / "go").touch()
    assert job.run(f"0-{COMPONENTS - 1}").exit_code == 0
    assert job.results() == {component: component * 10 for component in range(COMPONENTS)}
    assert job.is_finished()
    assert calls(traces) == [1, 1, 1, 2, 1, 1]


def test_a_signal_to_the_whole_process_group_is_an_eviction_too(job: Job, traces: Path) -> None:
    prepare(job, traces)
    with job.start(f"0-{COMPONENTS - 1}", start_new_session=True) as running:
        job.wait_for_file("stuck")
        os.killpg(running.pid, signal.SIGTERM)
        assert running.wait(timeout=10) == -signal.SIGTERM
    assert sorted(job.records()) == [0, 1, 2]


def test_a_record_that_was_cut_off_is_made_again(job: Job, traces: Path) -> None:
    prepare(job, traces)
    (traces / "go").touch()
    assert job.run("0-2").exit_code == 0
    outputs = job.scratch / "outputs"
    with outputs.open("r+b") as file:
        file.truncate(job.records()[2].end - 1)
    assert job.run("0-5").exit_code == 0
    assert sorted(job.results()) == list(range(COMPONENTS))
    assert calls(traces) == [1, 1, 2, 1, 1, 1]


def test_a_job_that_is_done_runs_nothing_when_started_again(job: Job, traces: Path) -> None:
    prepare(job, traces)
    (traces / "go").touch()
    job.run("0-5")
    before = (job.scratch / "outputs").read_bytes()
    assert job.run("0-5").exit_code == 0
    assert (job.scratch / "outputs").read_bytes() == before
    assert calls(traces) == [1] * COMPONENTS


def test_a_failure_of_an_earlier_start_still_counts_for_the_exit_code(job: Job) -> None:
    job.write_function(lambda x: 1 / x)
    job.write_inputs((0,), (1,))
    assert job.run("0").exit_code == 100
    assert job.run("0-1").exit_code == 100
    assert job.results() == {1: 1.0}


def test_what_eviction_makes_a_component_raise_is_not_its_result(job: Job) -> None:
    def function() -> None:
        def raise_an_error(*_: object) -> None:
            raise RuntimeError("terminated")

        signal.signal(signal.SIGTERM, raise_an_error)
        Path("ready").touch()
        signal.pause()

    job.write_function(function)
    job.write_inputs((), ())
    with job.start("0-1") as running:
        job.wait_for_file("ready")
        running.terminate()
        assert running.wait(timeout=10) == -signal.SIGTERM
    assert job.records() == {}


def test_a_component_that_returns_in_spite_of_the_signal_keeps_its_result(job: Job) -> None:
    def function() -> str:
        signals: list[int] = []
        signal.signal(signal.SIGTERM, lambda number, _: signals.append(number))
        Path("ready").touch()
        while not signals:  # it may come before a signal.pause()
            time.sleep(0.01)
        return "just in time"

    job.write_function(function)
    job.write_inputs((), ())
    with job.start("0-1") as running:
        job.wait_for_file("ready")
        running.terminate()
        assert running.wait(timeout=10) == -signal.SIGTERM
    assert job.results() == {0: "just in time"}
