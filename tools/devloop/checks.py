"""Checks: commands that a change must pass.

In: the tree. Out: 0, or 1 after the names of the checks that failed. Which of them make up the full run is said in
`devloop.everything`.
Cheap checks come first, and a failure does not keep the later ones from being seen. pytest comes last, and nothing is
printed after its closing line when all is well.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from devloop.environments import Environment
from devloop.saying import say

UNITS = ("tests/common", "tests/submit")
PROCESSES = "tests/processes"
REPOSITORY = "tests/repository"
DOCUMENTATION = "tests/docs"
PAGES = "tests/docs/test_pages.py"
CONFORMANCE = "tests/conformance"
INTEGRATION = "tests/integration"
FOLDERS = (*UNITS, PROCESSES, REPOSITORY, DOCUMENTATION, CONFORMANCE, INTEGRATION)


class Runs(Protocol):
    """Something that runs a command and tells its exit code: an `Environment`."""

    def run(self, *command: str) -> int: ...


@dataclass(frozen=True)
class Check:
    """One command of an environment, with a title for people."""

    title: str
    environment: Runs
    command: tuple[str, ...]


def lint() -> int:
    """Read the code without running it."""
    return run_all(reading(Environment("default")))


def unit_tests(arguments: list[str]) -> int:
    """Run what starts no process: a minute of the processor at most."""
    return _pytest(Environment("default"), "-n", "2", *arguments, *UNITS)


def chosen_tests(arguments: list[str]) -> int:
    """Run pytest with arguments of the caller's."""
    return _pytest(Environment("default"), *arguments)


def documentation() -> int:
    """Build the documentation."""
    return run_all([build_documentation()])


def reading(environment: Environment) -> Iterator[Check]:
    """The checks that read the code without running it."""
    for script in ("lint", "types", "contracts"):
        yield Check(script, environment, (script,))


def build_documentation() -> Check:
    """The documentation builds without a warning."""
    return Check("documentation", Environment("docs"), ("build",))


def release() -> Check:
    """What is published can be built, and does in an empty environment what the first steps say."""
    return Check("release", Environment("release"), ("check",))


def tests(title: str, environment: Environment, *arguments: str) -> Check:
    """A run of pytest."""
    return Check(title, environment, ("pytest", *arguments))


def _pytest(environment: Environment, *arguments: str) -> int:
    return environment.run("pytest", *arguments)


def run_all(checks: Iterable[Check]) -> int:
    """Run checks one after another; 0 if all pass, else 1 after their titles."""
    start = time.monotonic()
    failed = []
    for check in checks:
        say(f"{check.title}   (after {time.monotonic() - start:.0f} s)")
        if check.environment.run(*check.command) != 0:
            failed.append(check.title)
    if failed:
        say(f"FAILED: {'; '.join(failed)}")
    return 1 if failed else 0
