"""Mirrors htmap_exec.kept_files: functions that remove all that they find in their directory."""

# ruff: noqa: T201 - what is printed must not be lost

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.processes.exec.test_runner_installation import zip_runner

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.processes.exec.conftest import Job


def remove_files() -> None:
    for path in Path().iterdir():
        if path.is_file():
            path.unlink()


def remove_all() -> None:
    for path in Path().iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def remove_by_a_program() -> None:
    subprocess.run("rm -rf -- * .[!.]*", shell=True, check=True)  # noqa: S602 - as users do


def remove_the_directory() -> None:
    shutil.rmtree(Path.cwd())


WAYS = [remove_files, remove_all, remove_by_a_program, remove_the_directory]


@pytest.mark.parametrize("tidy", WAYS)
@pytest.mark.parametrize("options", [(), ("--fresh-process",)], ids=["one process", "fresh processes"])
def test_results_survive(job: Job, tidy: Callable[[], None], options: tuple[str, ...]) -> None:
    def function(component: int) -> int:
        print("tidying up")
        tidy()
        return component

    job.write_function(function)
    job.write_inputs((0,), (1,), (2,))
    job.write_inputs((3,), first=3, name="more")
    ended = job.run("0-3", inputs="inputs,more", options=options)
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert job.results() == {0: 0, 1: 1, 2: 2, 3: 3}
    assert job.is_finished()
    assert {job.printed(component) for component in range(4)} == {"tidying up\n"}


def test_a_failure_and_a_death_survive(job: Job) -> None:
    def function(component: int) -> int:
        remove_all()
        if component == 1:
            raise ValueError("no luck")
        if component == 2:
            os._exit(3)
        return component

    job.write_function(function)
    job.write_inputs((0,), (1,), (2,), (3,))
    assert job.run("0-3").exit_code == 100
    assert job.results() == {0: 0, 3: 3}
    types = [job.records()[component].header["exception"]["type"] for component in (1, 2)]
    assert types == ["ValueError", "ComponentDied"]


@pytest.mark.parametrize("tidy", WAYS)
def test_output_files_survive(job: Job, tidy: Callable[[], None]) -> None:
    def function(component: int) -> int:
        import htmap  # noqa: PLC0415 - as user code does

        folder = Path("folder")
        folder.mkdir()
        (folder / "deep.txt").write_text(f"deep {component}")
        Path("fit.csv").write_text(f"fit {component}")
        htmap.transfer_output_files("fit.csv", folder)
        tidy()
        return component

    job.write_function(function)
    job.write_inputs((0,), (1,))
    assert job.run("0-1").exit_code == 0
    for component in range(2):
        sent = job.scratch / "_htmap_transfer" / str(component)
        assert (sent / "fit.csv").read_text() == f"fit {component}"
        assert (sent / "folder/deep.txt").read_text() == f"deep {component}"
        assert job.records()[component].header["output_files"] == ["fit.csv", "folder"]


def test_a_checkpoint_survives_an_exception(job: Job) -> None:
    def function() -> str:
        import htmap  # noqa: PLC0415 - as user code does

        state = Path("state")
        if state.exists():
            return state.read_text()
        for number in range(3):
            state.write_text(f"so far {number}")
            htmap.checkpoint(state)
        remove_all()
        raise ValueError("no luck")

    assert job.call(function)["exception"]["message"] == "no luck"
    assert [path.name for path in (job.scratch / "_htmap_checkpoint/0").iterdir()] == ["3"]
    (job.scratch / "outputs").unlink()
    assert job.run().exit_code == 0
    assert job.results() == {0: "so far 2"}


@pytest.mark.parametrize("whole_group", [False, True], ids=["the runner", "all its processes"])
def test_a_checkpoint_survives_an_eviction(job: Job, whole_group: bool) -> None:
    def function() -> str:
        import htmap  # noqa: PLC0415 - as user code does

        state = Path("state")
        if state.exists():
            return state.read_text()
        state.write_text("so far")
        htmap.checkpoint(state)
        remove_all()
        Path("stuck").touch()
        signal.pause()
        return "from the beginning"

    job.write_function(function)
    job.write_inputs(())
    with job.start("0", stderr=subprocess.PIPE, start_new_session=True) as running:
        job.wait_for_file("stuck")
        os.killpg(running.pid, signal.SIGTERM) if whole_group else running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=10) == -signal.SIGTERM
    assert job.run().exit_code == 0
    assert job.results() == {0: "so far"}


@pytest.mark.parametrize("options", [(), ("--fresh-process",)], ids=["one process", "fresh processes"])
def test_what_was_handed_over_survives_a_death(job: Job, options: tuple[str, ...]) -> None:
    def function(component: int) -> int:
        import htmap  # noqa: PLC0415 - as user code does

        for number in range(50):
            Path("state").write_text(f"{component} {number}")
            htmap.checkpoint("state")
        Path("fit.csv").write_text(f"fit {component}")
        htmap.transfer_output_files("fit.csv")
        remove_all()
        if component == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return component

    job.write_function(function)
    job.write_inputs((0,), (1,), (2,))
    assert job.run("0-2", options=options).exit_code == 100
    assert job.results() == {0: 0, 2: 2}
    for component in range(3):
        assert (job.scratch / f"_htmap_transfer/{component}/fit.csv").read_text() == f"fit {component}"
    (state,) = (job.scratch / "_htmap_checkpoint").rglob("state")
    assert (state.parts[-4], state.read_text()) == ("1", "1 49")


def test_the_runner_itself_survives(job: Job) -> None:
    def function(component: int) -> Any:
        remove_all()
        if component == 0:
            os._exit(1)  # what is done then is loaded only then
        return component

    zip_runner(job.scratch / "runner.pyz")
    job.runner = (sys.executable, "-I", "-S", "runner.pyz")
    job.write_function(function)
    job.write_inputs((0,), (1,))
    ended = job.run("0-1")
    assert (ended.exit_code, ended.stderr) == (100, "")
    assert job.results() == {1: 1}


def test_what_the_queue_has_the_job_print_to_is_still_there(job: Job) -> None:
    job.write_function(remove_all)
    job.write_inputs(())
    with (job.scratch / "_condor_stdout").open("w") as stdout, (job.scratch / "_condor_stderr").open("w") as stderr:
        stderr.write("warnings of the container\n")
        stderr.flush()
        assert job.start("0", stdout=stdout, stderr=stderr).wait(timeout=30) == 0
    assert (job.scratch / "_condor_stdout").read_text() == ""
    assert (job.scratch / "_condor_stderr").read_text() == "warnings of the container\n"


def test_directories_that_came_with_the_job_go_back_with_it(job: Job) -> None:
    for name in ("_htmap_transfer", "_htmap_checkpoint"):
        (job.scratch / name).mkdir()
    job.write_function(remove_all)
    job.write_inputs(())
    assert job.run().exit_code == 0
    assert {"_htmap_transfer", "_htmap_checkpoint", "function", "inputs"} <= {
        path.name for path in job.scratch.iterdir()
    }


def test_a_file_put_into_the_place_of_ours_does_not_become_the_result(job: Job) -> None:
    def function(component: int) -> int:
        if component == 1:
            Path("outputs").unlink()
            Path("outputs").write_text("mine")
        return component

    job.write_function(function)
    job.write_inputs((0,), (1,), (2,))
    assert job.run("0-2").exit_code == 0
    assert job.results() == {0: 0, 1: 1, 2: 2}


def test_a_function_that_closes_all_descriptors_loses_nothing_else(job: Job) -> None:
    def function(component: int) -> int:
        os.closerange(3, 200)
        return component

    job.write_function(function)
    job.write_inputs((0,), (1,))
    assert job.run("0-1").exit_code == 0
    assert job.results() == {0: 0, 1: 1}


def test_a_checkpoint_of_very_many_files_does_not_use_up_the_descriptors(job: Job) -> None:
    def function() -> int:
        import htmap  # noqa: PLC0415 - as user code does

        Path("many").mkdir()
        for number in range(2000):
            (Path("many") / str(number)).touch()
        htmap.checkpoint("many")
        return len(list(Path("/proc/self/fd").iterdir()))

    job.call(function)
    assert job.results()[0] < 200
