"""What the runner makes of components that return."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cloudpickle
import numpy as np

from htmap_common import TransferPath
from htmap_common.wire import Kind

if TYPE_CHECKING:
    from tests.processes.exec.conftest import Job


def test_every_component_of_a_job_gets_a_record_with_its_result(job: Job) -> None:
    job.write_function(lambda x, y: x + y)
    job.write_inputs(*[(i, 100) for i in range(10)])
    ended = job.run("2-4,7")
    assert ended.exit_code == 0
    assert job.results() == {2: 102, 3: 103, 4: 104, 7: 107}
    assert job.is_finished()
    assert (ended.stdout, ended.stderr) == ("", "")


def test_components_may_come_from_several_shards(job: Job) -> None:
    job.write_function(lambda x: x * 2)
    job.write_inputs((0,), (1,), name="a")
    job.write_inputs((10,), (11,), first=10, name="b")
    assert job.run("1,10-11", inputs="b,a").exit_code == 0
    assert job.results() == {1: 2, 10: 20, 11: 22}


def test_only_the_names_of_files_count(job: Job) -> None:
    job.write_function(lambda: "found")
    job.write_inputs((), name="0.inputs")
    assert job.run(inputs="/home/someone/maps/abc/inputs/0.inputs").exit_code == 0
    assert job.results() == {0: "found"}


def test_keyword_arguments_arrive(job: Job) -> None:
    def function(*args: int, **kwargs: int) -> tuple[tuple[int, ...], dict[str, int]]:
        return args, kwargs

    job.write_function(function)
    job.write("inputs", Kind.INPUTS, {"first": 0, "count": 1}, [cloudpickle.dumps(((1,), {"a": 2}))])
    assert job.run().exit_code == 0
    assert job.results() == {0: ((1,), {"a": 2})}


def test_the_header_says_what_a_component_cost_and_where_it_ran(job: Job) -> None:
    def burn() -> None:
        end = time.process_time() + 0.1
        while time.process_time() < end:
            pass

    before = time.time()
    header = job.call(burn)
    assert header["python"] == list(sys.version_info[:3])
    assert header["cloudpickle"]
    assert header["host"] == platform.node()
    assert header["attempt"] == 1
    assert before - 1 <= header["started"] <= time.time()
    assert header["wall_s"] >= header["user_cpu_s"] - 0.01
    assert header["user_cpu_s"] + header["system_cpu_s"] >= 0.09
    assert header["peak_memory_kb"] > 1000
    assert "exception" not in header


def test_a_component_is_not_charged_for_the_memory_of_the_one_before(job: Job) -> None:
    job.write_function(lambda size: len(bytearray(size)))
    job.write_inputs((200_000_000,), (1,))
    job.run("0-1")
    large, small = (job.records()[component].header["peak_memory_kb"] for component in (0, 1))
    assert large > 190_000
    assert small < 100_000


def test_the_attempt_is_the_one_that_htcondor_counts(job: Job) -> None:
    job.write_function(lambda: None)
    job.write_inputs(())
    (job.scratch / ".job.ad").write_text("NumJobStarts = 7\nNumShadowStarts = 3\n")
    job.run(env={**os.environ, "_CONDOR_JOB_AD": str(job.scratch / ".job.ad")})
    assert job.records()[0].header["attempt"] == 3


def test_large_arrays_travel_beside_the_pickle_and_aligned(job: Job) -> None:
    def double(array: Any) -> Any:
        array *= 2  # may be written to, as if it had been made here
        return {"array": array, "small": array[:3]}

    job.write_function(double)
    job.write_inputs((np.arange(100_000.0),))
    assert job.run().exit_code == 0
    record = job.records()[0]
    first, count = record.header["payload"]
    assert count == 2
    assert len(record.segments[first]) < 10_000
    assert len(record.segments[first + 1]) == 800_000
    assert record.header["align"] == 64
    result = job.results()[0]
    assert np.array_equal(result["array"], np.arange(100_000.0) * 2)
    assert np.array_equal(result["small"], [0, 2, 4])


def test_many_small_arrays_stay_inside_the_pickle(job: Job) -> None:
    header = job.call(lambda: [np.zeros(10) for _ in range(1000)])
    assert header["payload"] == [0, 1]
    assert "align" not in header


def test_user_code_finds_where_it_runs(job: Job) -> None:
    def look() -> tuple[str, str, str, bool]:
        here = str(Path.cwd())
        return os.environ["HTMAP_ON_EXECUTE"], os.environ["HTMAP_COMPONENT"], here, here in sys.path

    job.write_function(look)
    job.write_inputs((), (), first=5)
    job.run("5-6")
    scratch = os.path.realpath(job.scratch)
    assert job.results() == {5: ("1", "5", scratch, True), 6: ("1", "6", scratch, True)}


def test_a_module_that_was_sent_along_can_be_imported(job: Job) -> None:
    def function() -> str:
        import sent_along  # type: ignore[import-not-found]  # noqa: PLC0415 - a user's

        return str(sent_along.__name__)

    (job.scratch / "sent_along.py").write_text("")
    job.runner = (sys.executable, "-c", "from htmap_exec.__main__ import main; main()")
    job.call(function)
    assert job.results() == {0: "sent_along"}


def test_transfer_paths_become_paths_of_the_files_that_arrived(job: Job) -> None:
    def function(paths: Any) -> list[tuple[str, str]]:
        return [(type(path).__name__, str(path)) for path in paths]

    local = TransferPath("/home/me/my data.csv")
    remote = TransferPath("d/my data.csv", protocol="http", location="example.org")
    unsent = TransferPath("/home/me/other.csv")
    job.write_function(function)
    job.write_inputs(
        ([local, remote, unsent],),
        ([local],),
        files={
            "0": [["/home/me/my data.csv", None, None, "my data.csv"], ["d/my data.csv", "http", "example.org", "1-x"]],
            "1": [["/home/me/my data.csv", None, None, "for one"]],
        },
    )
    assert job.run("0-1").exit_code == 0
    scratch = os.path.realpath(job.scratch)
    assert job.results()[0] == [
        ("PosixPath", f"{scratch}/my data.csv"),
        ("PosixPath", f"{scratch}/1-x"),
        ("TransferPath", "/home/me/other.csv"),
    ]
    assert job.results()[1] == [("PosixPath", f"{scratch}/for one")]


def test_daemons_that_are_left_behind_do_not_keep_the_job_from_ending(job: Job) -> None:
    def function() -> str:
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        return "done"

    job.call(function)
    assert job.results() == {0: "done"}


def test_child_processes_that_are_left_behind_do_not_keep_the_job_from_ending(job: Job) -> None:
    def function() -> int:
        return subprocess.Popen(["sleep", "1000"]).pid

    job.call(function)
    os.kill(job.results()[0], 9)


def test_a_forked_child_that_comes_back_leaves_no_record_of_its_own(job: Job) -> None:
    def function(how: str) -> int:
        pid = os.fork()
        if pid:
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if how == "return":
            return -1
        if how == "exit":
            sys.exit(7)
        raise ValueError

    job.write_function(function)
    job.write_inputs(("return",), ("exit",), ("raise",))
    assert job.run("0-2").exit_code == 0
    assert job.results() == {0: 0, 1: 7, 2: 1}


def test_peak_memory_counts_the_programs_that_a_component_runs(job: Job) -> None:
    def function(megabytes: int) -> None:
        if megabytes:
            subprocess.run([sys.executable, "-c", f"bytearray({megabytes}_000_000)"], check=True)

    job.write_function(function)
    job.write_inputs((0,), (100,), (0,), (200,))
    assert job.run("0-3").exit_code == 0
    peaks_mb = [job.records()[component].header["peak_memory_kb"] / 1024 for component in range(4)]
    assert max(peaks_mb[0], peaks_mb[2]) < 60
    assert 95 <= peaks_mb[1] < 140
    assert 190 <= peaks_mb[3] < 235
