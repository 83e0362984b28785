"""The command line of the runner."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import htmap_exec
from htmap_common.wire import FORMAT
from htmap_exec.command_line import parse_components, parse_task
from htmap_exec.errors import RunnerFailure

if TYPE_CHECKING:
    from tests.processes.exec.conftest import Job

ARGUMENTS = ["--function", "function", "--components", "0", "--inputs", "inputs", "--outputs", "outputs"]


def test_the_version_is_told(job: Job) -> None:
    ended = job.run_command(*job.runner, "--version")
    assert (ended.exit_code, ended.stdout) == (0, f"htmap-exec {htmap_exec.__version__}\n")


def test_the_wire_format_is_told_as_a_bare_number(job: Job) -> None:
    ended = job.run_command(*job.runner, "--wire-format")
    assert (ended.exit_code, ended.stdout) == (0, f"{FORMAT}\n")


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_is_given(job: Job, option: str) -> None:
    ended = job.run_command(*job.runner, option)
    assert ended.exit_code == 0
    assert "htmap-exec run --function FILE" in ended.stdout


@pytest.mark.parametrize("arguments", [[], ["walk"], ["run", "--speed", "9"], ["run"]], ids=str)
def test_a_command_that_makes_no_sense_fails_with_a_sentence(job: Job, arguments: list[str]) -> None:
    ended = job.run_command(*job.runner, *arguments)
    assert ended.exit_code == 101
    assert ended.stderr.startswith("htmap-exec: ")
    assert "Try: htmap-exec --help" in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "components"),
    [("7", [7]), ("0-3", [0, 1, 2, 3]), ("5-9,12", [5, 6, 7, 8, 9, 12]), ("3,1", [3, 1]), ("1,0-2", [1, 0, 2])],
)
def test_lists_of_components_are_read(text: str, components: list[int]) -> None:
    assert parse_components(text) == components


@pytest.mark.parametrize("text", ["", "a", "1-", "-1", "1,,2", "1-2-3"])
def test_other_lists_are_refused(text: str) -> None:
    with pytest.raises(RunnerFailure, match="no list of components"):
        parse_components(text)


@pytest.mark.parametrize("missing", range(0, len(ARGUMENTS), 2), ids=lambda index: ARGUMENTS[index])
def test_an_option_that_is_missing_is_named(missing: int) -> None:
    arguments = ARGUMENTS[:missing] + ARGUMENTS[missing + 2 :]
    with pytest.raises(RunnerFailure, match=f"The value of {ARGUMENTS[missing]} is missing"):
        parse_task(arguments)


def test_an_option_without_its_value_is_named() -> None:
    with pytest.raises(RunnerFailure, match="The value of --outputs is missing"):
        parse_task(ARGUMENTS[:-1])
