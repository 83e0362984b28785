"""What components print."""

# ruff: noqa: T201

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.processes.exec.conftest import Job


def test_all_that_a_component_prints_is_in_its_record(job: Job) -> None:
    def function(name: str) -> None:
        print(f"Python {name}")
        subprocess.run(["echo", f"child {name}"], check=True)
        os.write(1, f"descriptor {name}\n".encode())
        ctypes.CDLL(None).puts(f"compiled {name}".encode())
        print(f"error {name}", file=sys.stderr)
        print("no newline", end="")

    job.write_function(function)
    job.write_inputs(("a",), ("b",))
    ended = job.run("0-1")
    assert (ended.exit_code, ended.stdout, ended.stderr) == (0, "", "")
    for component, name in enumerate("ab"):
        lines = {f"Python {name}", f"child {name}", f"descriptor {name}", f"compiled {name}", "no newline"}
        assert set(job.printed(component).split("\n")) - {""} <= lines | {f"no newlinecompiled {name}"}
        assert all(line in job.printed(component) for line in lines)
        assert job.printed(component, "stderr") == f"error {name}\n"


def test_output_can_be_watched_while_the_component_runs_and_is_gone_afterwards(job: Job) -> None:
    def function() -> str:
        print("first line")
        return Path("_htmap/0.stdout").read_text()

    job.call(function)
    assert job.results() == {0: "first line\n"}
    assert list((job.scratch / "_htmap").iterdir()) == []


def test_a_silent_component_has_no_streams_in_its_record(job: Job) -> None:
    header = job.call(lambda: None)
    assert "stdout" not in header
    assert "stderr" not in header


def close_descriptor() -> None:
    os.close(1)


def close_stream() -> None:
    sys.stdout.close()


def replace_streams() -> None:
    sys.stdout = sys.stderr = None


def close_everything() -> None:
    os.closerange(0, 256)


def change_directory() -> None:
    os.chdir("/")


def remove_files() -> None:
    shutil.rmtree("_htmap")


@pytest.mark.parametrize(
    "vandalize",
    [close_descriptor, close_stream, replace_streams, close_everything, change_directory, remove_files],
    ids=lambda function: function.__name__,
)
def test_what_a_component_does_to_its_surroundings_stays_with_it(job: Job, vandalize: Callable[[], None]) -> None:
    def function(do_it: bool) -> str:
        print("before")
        if do_it:
            vandalize()
        else:
            print("after")
        return str(Path.cwd())

    job.write_function(function)
    job.write_inputs((True,), (False,))
    ended = job.run("0-1")
    assert (ended.exit_code, ended.stdout, ended.stderr) == (0, "", "")
    assert job.results()[1] == os.path.realpath(job.scratch)
    assert job.printed(1) == "before\nafter\n"
    assert job.is_finished()


def test_a_text_that_cannot_be_encoded_can_be_printed(job: Job) -> None:
    job.call(lambda: print("\udcff é"))
    assert job.printed() == "\\udcff é\n"


def test_the_middle_of_endless_output_is_left_out(job: Job) -> None:
    def function() -> None:
        sys.stdout.write("first" + "x" * 17_000_000 + "last")

    job.call(function)
    text = job.printed()
    assert text.startswith("first")
    assert text.endswith("last")
    assert f"[HTMap left out {17_000_009 - 16 * 1024 * 1024} bytes here]" in text
    assert len(text) < 16 * 1024 * 1024 + 100


def test_the_runner_works_without_standard_descriptors(job: Job) -> None:
    job.write_function(lambda: print("hello"))
    job.write_inputs(())
    command = " ".join(job.command("0"))
    job.runner = ("sh", "-c", f"exec {command} <&- >&- 2>&-", "sh")
    assert job.run().exit_code == 0
    assert job.printed() == "hello\n"
