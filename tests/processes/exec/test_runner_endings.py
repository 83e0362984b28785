"""Mirrors htmap_exec.program_end and process_state: what a component leaves for the end, and for its neighbours."""

# ruff: noqa: T201 - what is printed at the end must not be lost

from __future__ import annotations

import atexit
import bz2
import gzip
import io
import multiprocessing
import os
import random
import signal
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.processes.exec.conftest import Job

LEFT: dict[str, Any] = {}
"""Where functions keep what is to outlive them."""


def failure_of(job: Job, component: int = 0) -> dict[str, Any]:
    exception: dict[str, Any] = job.records()[component].header["exception"]
    return exception


# --- the end of a program -------------------------------------------------------------------------------------------


def leave_a_handler() -> None:
    atexit.register(Path("done").write_text, "yes")


def leave_a_thread() -> None:
    release = threading.Event()

    def work() -> None:
        release.wait(0.2)
        Path("done").write_text("yes")

    threading.Thread(target=work).start()


def leave_an_executor() -> None:
    release = threading.Event()
    executor = LEFT["executor"] = ThreadPoolExecutor(1)
    executor.submit(release.wait, 0.2)
    executor.submit(Path("done").write_text, "yes")


def leave_a_process() -> None:
    multiprocessing.get_context("fork").Process(target=Path("done").write_text, args=("yes",)).start()


def leave_a_file() -> None:
    LEFT["file"] = Path("done").open("w")  # noqa: SIM115 - it is left open on purpose
    LEFT["file"].write("yes")


def leave_files_upon_files() -> None:
    LEFT["file"] = io.TextIOWrapper(io.BufferedWriter(io.FileIO("done", "w")))
    LEFT["file"].write("yes")


@pytest.mark.parametrize(
    "leave",
    [leave_a_handler, leave_a_thread, leave_an_executor, leave_a_process, leave_a_file, leave_files_upon_files],
)
@pytest.mark.parametrize("options", [(), ("--fresh-process",)], ids=["one process", "fresh processes"])
def test_what_is_left_for_the_end_is_done_when_the_result_counts(
    job: Job, leave: Callable[[], None], options: tuple[str, ...]
) -> None:
    job.write_function(leave)
    job.write_inputs(())
    assert job.run(options=options).exit_code == 0
    assert job.results() == {0: None}
    assert (job.scratch / "done").read_text() == "yes"


@pytest.mark.parametrize("opens", [gzip.open, bz2.open])
def test_compressed_files_get_their_end(job: Job, opens: Callable[..., Any]) -> None:
    def function() -> None:
        LEFT["file"] = opens("done", "wt")
        LEFT["file"].write("yes")

    job.call(function)
    with opens(job.scratch / "done", "rt") as file:
        assert file.read() == "yes"


def test_components_of_one_process_share_its_end(job: Job) -> None:
    def function(component: int) -> list[str]:
        atexit.register(Path(f"done{component}").touch)
        return sorted(path.name for path in Path().glob("done*"))

    job.write_function(function)
    job.write_inputs((0,), (1,), (2,))
    assert job.run("0-2").exit_code == 0
    assert job.results() == {0: [], 1: [], 2: []}
    assert len(list(job.scratch.glob("done*"))) == 3


def test_what_a_handler_prints_is_printed_by_the_component(job: Job) -> None:
    def function() -> None:
        atexit.register(print, "last words")

    job.call(function)
    assert job.printed() == "last words\n"


def test_what_a_handler_of_a_failed_component_prints_is_not_lost(job: Job) -> None:
    def function() -> None:
        print("before")
        atexit.register(print, "last words")
        raise ValueError("no luck")

    assert job.call(function)["exception"]["message"] == "no luck"
    assert job.printed() == "before\nlast words\n"


def test_a_handler_may_send_files(job: Job) -> None:
    def function() -> None:
        import htmap  # noqa: PLC0415 - as user code does

        Path("last.log").touch()
        atexit.register(htmap.transfer_output_files, "last.log")

    assert job.call(function)["output_files"] == ["last.log"]


def test_a_handler_that_raises_keeps_nobody_from_anything(job: Job) -> None:
    def function() -> int:
        atexit.register(Path("done").touch)
        atexit.register(int, "no number")
        return 1

    job.call(function)
    assert job.results() == {0: 1}
    assert (job.scratch / "done").exists()
    assert "ValueError: invalid literal" in job.printed(stream="stderr")


@pytest.mark.parametrize("status", [0, 1, 3])
def test_a_handler_that_ends_the_process_costs_the_result_and_is_named(job: Job, status: int) -> None:
    def function() -> int:
        atexit.register(os._exit, status)
        return 1

    job.call(function)
    failure = failure_of(job)
    assert failure["type"] == "ProgramDidNotEnd"
    assert failure["message"].startswith("Component 0 returned, but then a thread or an atexit handler that it left")
    assert f"exit status {status}" in failure["message"]


def hang_in_a_handler() -> None:
    atexit.register(threading.Event().wait)


def hang_in_a_thread() -> None:
    threading.Thread(target=threading.Event().wait).start()


def hang_in_a_handler_that_catches_all() -> None:
    def handler() -> None:
        while True:
            try:
                threading.Event().wait()
            except BaseException:  # noqa: BLE001, S112 - no signal and no exception may end it
                continue

    atexit.register(handler)


@pytest.mark.parametrize("hang", [hang_in_a_handler, hang_in_a_thread, hang_in_a_handler_that_catches_all])
def test_what_does_not_end_in_time_is_ended_and_named(job: Job, hang: Callable[[], None]) -> None:
    job.options = ["--end-within", "0.3"]
    header = job.call(hang)
    assert header["exception"]["type"] == "ProgramDidNotEnd"
    assert "was still at work after 0.3 s" in header["exception"]["message"]
    assert "end_within" in header["exception"]["hint"]
    assert "in wait" in job.printed(stream="stderr")  # where it hung


def test_only_the_last_component_pays_for_what_never_ends(job: Job) -> None:
    def function(component: int) -> int:
        if component == 0:
            hang_in_a_thread()
        return component

    job.options = ["--end-within", "0.3"]
    job.write_function(function)
    job.write_inputs((0,), (1,), (2,))
    assert job.run("0-2").exit_code == 100
    assert job.results() == {0: 0, 1: 1}
    assert failure_of(job, 2)["type"] == "ProgramDidNotEnd"


def test_an_exception_is_recorded_whatever_comes_after_it(job: Job) -> None:
    def function() -> None:
        hang_in_a_thread()
        raise ValueError("no luck")

    job.options = ["--end-within", "0.3"]
    assert job.call(function)["exception"]["message"] == "no luck"
    assert job.is_finished()


def test_a_child_that_comes_back_does_not_end_the_program(job: Job) -> None:
    def function() -> int:
        atexit.register(lambda: os.write(os.open("ends", os.O_WRONLY | os.O_CREAT | os.O_APPEND), b"x"))
        if os.fork() == 0:
            return 2
        os.wait()
        return 1

    job.call(function)
    assert job.results() == {0: 1}
    assert (job.scratch / "ends").read_text() == "x"


@pytest.mark.parametrize("number", [signal.SIGTERM])
def test_an_eviction_in_the_middle_of_the_end_leaves_no_result(job: Job, number: signal.Signals) -> None:
    def function() -> int:
        def handler() -> None:
            Path("ending").touch()
            if not Path("go").exists():
                signal.pause()

        atexit.register(handler)
        return 1

    job.write_function(function)
    job.write_inputs(())
    with job.start("0") as running:
        job.wait_for_file("ending")
        running.send_signal(number)
        assert running.wait(timeout=10) == -number
    assert job.records() == {}
    (job.scratch / "go").touch()
    assert job.run().exit_code == 0
    assert job.results() == {0: 1}


# --- what does not reach the next component -------------------------------------------------------------------------


def leave_things() -> None:
    signal.alarm(1)
    signal.setitimer(signal.ITIMER_PROF, 0.1)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
    os.chdir("/")
    os.umask(0o007)
    sys.argv[:] = ["mine", "--option"]
    sys.setrecursionlimit(123_456)
    warnings.simplefilter("error")
    import locale  # noqa: PLC0415 - as user code does

    locale.setlocale(locale.LC_ALL, "C.UTF-8")


def find_things() -> dict[str, Any]:
    import locale  # noqa: PLC0415 - as user code does

    umask = os.umask(0o022)
    warnings.warn("only a warning", stacklevel=1)
    return {
        "timers": [signal.getitimer(which) for which in (signal.ITIMER_REAL, signal.ITIMER_PROF)],
        "handlers": [signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGTERM)],
        "mask": signal.pthread_sigmask(signal.SIG_BLOCK, []),
        "directory": str(Path.cwd()),
        "umask": umask,
        "arguments": list(sys.argv),
        "recursion": sys.getrecursionlimit(),
        "locale": locale.setlocale(locale.LC_ALL),
    }


def test_a_component_does_not_find_what_another_left(job: Job) -> None:
    def function(component: int) -> dict[str, Any] | None:
        return leave_things() if component == 1 else find_things()  # type: ignore[func-returns-value]

    job.write_function(function)
    job.write_inputs((0,), (1,), (2,))
    assert job.run("0-2", env={**os.environ, "LC_ALL": "C"}).exit_code == 0
    found = job.results()
    assert found[2] == found[0]
    assert found[2]["timers"] == [(0.0, 0.0), (0.0, 0.0)]


def test_a_timer_stops_when_its_component_returns(job: Job) -> None:
    def function(component: int) -> int:
        if component == 0:
            signal.setitimer(signal.ITIMER_REAL, 0.1)
        else:
            time.sleep(0.3)  # through the moment at which it would ring
        return component

    job.write_function(function)
    job.write_inputs((0,), (1,))
    assert job.run("0-1").exit_code == 0
    assert job.results() == {0: 0, 1: 1}


def test_a_seed_does_not_make_the_random_numbers_of_the_next_component(job: Job) -> None:
    def function(shall_seed: bool) -> float:
        if shall_seed:
            random.seed(1)
        return random.random()

    job.write_function(function)
    job.write_inputs((True,), (False,), (True,), (False,))
    job.run("0-3")
    numbers = job.results()
    assert numbers[0] == numbers[2]
    assert len(set(numbers.values())) == 3
