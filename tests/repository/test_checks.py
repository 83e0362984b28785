"""``dev.py test`` runs every check, and fails if one does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from devloop import checks, containers, everything
from testbed import pythons


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
    tests = Path(__file__).parents[1]
    folders = {f"tests/{file.relative_to(tests).parts[0]}" for file in tests.rglob("test_*.py")}
    assert folders == set(checks.FOLDERS)


def test_every_folder_is_run_on_the_python_that_runs_the_checks_or_on_a_pool() -> None:
    here = everything.folders_of(pythons.running(), pythons.SUITES)
    assert {*here, checks.INTEGRATION} == set(checks.FOLDERS)


def test_the_oldest_and_the_newest_python_run_all_that_depends_on_python() -> None:
    had = [(3, 9), pythons.running(), (3, 98), (3, 99)]
    runs = {version: everything.folders_of(version, had) for version in had}
    assert runs[3, 9] == runs[3, 99] == (*checks.UNITS, checks.PROCESSES, checks.CONFORMANCE)
    assert runs[3, 98] == checks.UNITS


@pytest.mark.parametrize("version", pythons.SUITES)
def test_each_python_of_debian_has_an_environment(version: pythons.Version) -> None:
    papers = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert f"[tool.hatch.envs.{everything.environment_name(version)}]\n" in papers
