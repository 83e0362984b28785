"""What a change must pass.

In: the tree. Out: 0, or 1 after the names of the checks that failed.
Cheap checks come first, and a failure does not keep the later ones from being seen. pytest comes last, and nothing is
printed after its closing line when all is well.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from devloop import containers
from devloop.environments import Environment
from devloop.saying import had, say
from testbed import condor, newer_python
from testbed.debian import DownloadFailed

_UNIT = ("tests/common", "tests/submit")
_PROCESSES = "tests/processes"
_REPOSITORY = "tests/repository"
_DOCUMENTATION = "tests/docs"
_PAGES = "tests/docs/test_pages.py"
_CONFORMANCE = "tests/conformance"
_INTEGRATION = "tests/integration"
FOLDERS = (*_UNIT, _PROCESSES, _REPOSITORY, _DOCUMENTATION, _CONFORMANCE, _INTEGRATION)

# Two cores are enough for this many processes; jobs of a pool mostly wait for its next cycle.
_COMPUTING, _WAITING = ("-n", "2"), ("-n", "4")


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
    return run_all(_reading(Environment("default")))


def unit_tests() -> int:
    """Run what starts no process: a minute of the processor at most."""
    return _pytest(Environment("default"), *_COMPUTING, *_UNIT)


def chosen_tests(arguments: list[str]) -> int:
    """Run pytest with arguments of the caller's."""
    return _pytest(Environment("default"), *arguments)


def documentation() -> int:
    """Build the documentation."""
    return run_all([_build_documentation()])


def everything() -> int:
    """Run every check but those with containers, on both backends, two versions of HTCondor and two of Python."""
    return run_all(_everything(Environment("default")))


def _everything(default: Environment) -> Iterator[Check]:
    yield from _reading(default)
    yield _build_documentation()
    here = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    here_too = (_REPOSITORY, _DOCUMENTATION, _CONFORMANCE)
    yield _tests(f"{here}: units, local backend", default, *_COMPUTING, *_UNIT, _PROCESSES, *here_too)
    newer = had("a newer Python", newer_python.find_or_install)
    if newer:
        environment = Environment("newer", newer)
        yield _tests(f"{newer}: units, local backend", environment, *_COMPUTING, *_UNIT, _PROCESSES, _CONFORMANCE)
    # Those need a pool with container runtimes: see devloop.containers.
    but_deliveries = f"--ignore-glob={containers.TESTS.format('*')}"
    on_a_pool = (*_WAITING, "--backend=htcondor", _CONFORMANCE, _INTEGRATION, but_deliveries)
    next_condor = had("the next HTCondor", lambda: condor.find_or_install(condor.NEXT_SUITE), excused=DownloadFailed)
    if next_condor:
        yield _tests(f"HTCondor {next_condor.version()}", default, f"--condor={condor.NEXT_SUITE}", *on_a_pool)
    yield _tests(f"HTCondor {condor.find_or_install().version()}", default, *on_a_pool, _PAGES)


def _reading(environment: Environment) -> Iterator[Check]:
    for script in ("lint", "types", "contracts"):
        yield Check(script, environment, (script,))


def _build_documentation() -> Check:
    return Check("documentation", Environment("docs"), ("build",))


def _tests(title: str, environment: Environment, *arguments: str) -> Check:
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
