"""``dev.py test`` runs every check, and fails if one does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from devloop import checks, containers


class Environment:
    """Ends each command with the exit code that the command names."""

    def __init__(self) -> None:
        self.ran: list[int] = []

    def run(self, *command: str) -> int:
        self.ran.append(int(command[0]))
        return self.ran[-1]


def checks_that_end_with(*codes: int) -> tuple[Environment, list[checks.Check]]:
    environment = Environment()
    return environment, [checks.Check(f"check {code}", environment, (str(code),)) for code in codes]


def test_a_failure_is_named_and_the_later_checks_still_run(capsys: pytest.CaptureFixture[str]) -> None:
    environment, planned = checks_that_end_with(0, 3, 0)
    assert checks.run_all(planned) == 1
    assert environment.ran == [0, 3, 0]
    assert capsys.readouterr().out.splitlines()[-1] == "### FAILED: check 3"


def test_nothing_is_printed_after_the_last_check_when_all_is_well(capfd: pytest.CaptureFixture[str]) -> None:
    class Pytest:
        def run(self, *_: str) -> int:
            os.write(1, b"1 passed\n")
            return 0

    assert checks.run_all([checks.Check("tests", Pytest(), ())]) == 0
    assert capfd.readouterr().out.splitlines()[-1] == "1 passed"


def test_a_run_that_finds_no_test_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    _, planned = checks_that_end_with(pytest.ExitCode.NO_TESTS_COLLECTED)
    assert checks.run_all(planned) == 1
    assert "FAILED" in capsys.readouterr().out


def test_every_test_of_a_delivery_is_run() -> None:
    files = {f"tests/integration/{file.name}" for file in Path(__file__).parents[1].glob("integration/test_delivery_*")}
    assert files == {containers.TESTS.format(subject) for subject in containers.SUBJECTS}


def test_every_folder_of_tests_is_run() -> None:
    folders = {f"tests/{file.parent.name}" for file in Path(__file__).parents[1].glob("*/test_*.py")}
    assert folders <= set(checks.FOLDERS)
