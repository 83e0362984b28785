"""Components that take their process with them."""

# ruff: noqa: T201 - what components print must not be lost

from __future__ import annotations

import ctypes
import os
import resource
import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.processes.exec.conftest import Job


def leave() -> None:
    os._exit(3)


def leave_in_peace() -> None:
    os._exit(0)


def be_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def be_terminated() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def crash() -> None:
    ctypes.string_at(0)


def abort() -> None:
    os.abort()


@pytest.mark.parametrize(
    ("die", "how", "hint"),
    [
        (leave, "ended itself with exit status 3", "os._exit()"),
        (leave_in_peace, "ended itself with exit status 0", "os._exit()"),
        (be_killed, "was killed by signal 9 (SIGKILL)", "request_memory"),
        (be_terminated, "was killed by signal 15 (SIGTERM)", "Rerun it"),
        (crash, "was killed by signal 11 (SIGSEGV)", "A compiled library crashed"),
        (abort, "was killed by signal 6 (SIGABRT)", "A compiled library crashed"),
    ],
)
def test_a_component_that_ends_its_process_gets_a_record_and_its_neighbours_run(
    job: Job, die: Callable[[], None], how: str, hint: str
) -> None:
    def function(shall_die: bool) -> str:
        print("last words")
        if shall_die:
            die()
        return "alive"

    job.write_function(function)
    job.write_inputs((False,), (True,), (False,), (True,))
    ended = job.run("0-3", preexec_fn=no_core_files)
    assert (ended.exit_code, ended.stderr) == (100, "")
    assert job.results() == {0: "alive", 2: "alive"}
    for component in (1, 3):
        header = job.records()[component].header
        exception = header["exception"]
        assert (exception["module"], exception["type"]) == ("htmap_exec.errors", "ComponentDied")
        assert exception["message"].startswith(f"The process that ran component {component} {how}")
        assert hint in exception["hint"]
        assert job.printed(component) == "last words\n"
        assert header["wall_s"] >= 0
        assert header["user_cpu_s"] >= 0
        assert header["peak_memory_kb"] > 1000
        assert header["node"]
    assert job.is_finished()
    assert list((job.scratch / "_htmap").iterdir()) == []


def test_the_stack_of_a_crash_is_in_its_stderr(job: Job) -> None:
    job.write_function(crash)
    job.write_inputs(())
    assert job.run(preexec_fn=no_core_files).exit_code == 100
    assert "in crash" in job.printed(0, "stderr")


def test_a_function_that_cannot_even_be_loaded_alive_fails_each_component(job: Job) -> None:
    class Deadly:
        def __reduce__(self) -> tuple[Callable[[int], None], tuple[int]]:
            return os._exit, (5,)

        def __call__(self) -> None:
            pass

    job.write_function(Deadly())
    job.write_inputs((), ())
    assert job.run("0-1").exit_code == 100
    assert [record.header["exception"]["type"] for record in job.records().values()] == ["ComponentDied"] * 2


def test_who_dies_between_components_does_not_take_the_next_one_with_it(job: Job) -> None:
    def function(leave_a_timer: bool) -> str:
        if leave_a_timer:
            # Goes off in the middle of the runner's own work, or in the next component.
            signal.signal(signal.SIGALRM, lambda *_: os._exit(9))
            signal.setitimer(signal.ITIMER_REAL, 1e-6)
        return "alive"

    job.write_function(function)
    job.write_inputs((False,), (False,), (True,), (False,))
    assert job.run("0-3").exit_code in (0, 100)
    results = job.results()
    assert results[0] == results[1] == "alive"
    assert sorted(job.records()) == [0, 1, 2, 3]


def test_a_result_for_which_there_is_no_room_becomes_a_small_record(job: Job) -> None:
    def function(size: int) -> bytes:
        return b"x" * size

    job.write_function(function)
    job.write_inputs((10,), (1_000_000,), (20,))
    ended = job.run("0-2", preexec_fn=lambda: limit_file_size(50_000))
    assert ended.exit_code == 100
    assert job.results() == {0: b"x" * 10, 2: b"x" * 20}
    exception = job.records()[1].header["exception"]
    assert exception["type"] == "RecordNotWritten"
    assert "What component 1 came to could not be written: File too large" in exception["message"]
    assert "request_disk" in exception["hint"]


def test_without_room_for_a_record_the_runner_says_so_and_can_go_on_later(job: Job) -> None:
    job.write_function(lambda size: "x" * size)
    job.write_inputs((10,), (1_000_000,), (20,))
    ended = job.run("0-2", preexec_fn=lambda: limit_file_size(700))
    assert ended.exit_code == 101
    assert ended.stderr.count("\n") == 1
    assert "component 1" in ended.stderr
    assert "request_disk" in ended.stderr
    assert list(job.results()) == [0]
    assert job.run("0-2").exit_code == 0
    assert sorted(job.results()) == [0, 1, 2]


def test_without_any_room_the_runner_says_so(job: Job) -> None:
    job.write_function(lambda: None)
    job.write_inputs(())
    ended = job.run(preexec_fn=lambda: limit_file_size(10))
    assert ended.exit_code == 101
    assert ended.stderr.startswith("htmap-exec: The outputs file ")
    assert "cannot be written: File too large." in ended.stderr
    assert ended.stderr.count("\n") == 1


def no_core_files() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def limit_file_size(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_fresh_processes_share_nothing_and_a_death_costs_one_component(job: Job) -> None:
    def function(component: int) -> tuple[int, int]:
        os.environ["SEEN"] = str(int(os.environ.get("SEEN", "0")) + 1)
        if component == 1:
            os._exit(3)
        return os.getpid(), int(os.environ["SEEN"])

    job.options = ["--fresh-process"]
    job.write_function(function)
    job.write_inputs((0,), (1,), (2,), (3,))
    assert job.run("0-3").exit_code == 100
    raised = [component for component, record in job.records().items() if record.header["status"] == "raised"]
    assert raised == [1]
    results = [result for component, result in job.results().items() if component != 1]
    assert len({pid for pid, _ in results}) == 3
    assert [seen for _, seen in results] == [1, 1, 1]
