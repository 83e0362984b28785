"""What ``dev.py test`` runs, and on which Python and which HTCondor: the proof of what HTMap promises.

In: the Pythons and the HTCondors that can be had. Out: checks, in their order.

    Python                     units | processes, local backend | the tree, its pages | a pool
    the one that runs this       x                x                      x              23.9.6
    the oldest in packages       x                x
    those between                x
    the newest in packages       x                x                                     the next HTCondor

A pool is the dearest of all (its jobs wait for cycles of daemons), so the two versions of HTCondor are shared out
between the Python that runs this, which is the oldest in CI, and the newest. What differs between Pythons shows itself
without a pool, in units and processes; a Python between the two ends gets the units alone. That is what fits into 25
minutes of two cores.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator

from devloop import checks, containers
from devloop.environments import Environment
from devloop.saying import had
from testbed import condor, pythons
from testbed.debian import DownloadFailed

# Two cores are enough for this many processes; jobs of a pool mostly wait for its next cycle.
_COMPUTING, _WAITING = ("-n", "2"), ("-n", "4")


def everything() -> Iterator[checks.Check]:
    """All checks but those with containers, for which see `devloop.containers`."""
    default = Environment("default")
    yield from checks.reading(default)
    yield checks.build_documentation()
    yield checks.release()
    yield _local(pythons.running(), default, folders_of(pythons.running(), [pythons.running()]))
    environments = {pythons.running(): default, **_others()}
    for version, environment in environments.items():
        if environment is not default:
            yield _local(version, environment, folders_of(version, environments))
    next_condor = had("the next HTCondor", lambda: condor.find_or_install(condor.NEXT_SUITE), excused=DownloadFailed)
    if next_condor:
        newest = max(environments)
        yield _on_pool(next_condor, newest, environments[newest], f"--condor={condor.NEXT_SUITE}")
    yield _on_pool(condor.find_or_install(), pythons.running(), default, checks.PAGES)


def folders_of(version: pythons.Version, all_versions: Collection[pythons.Version]) -> tuple[str, ...]:
    """What runs without a pool on one Python, if these can be had."""
    if version == pythons.running():
        return (*checks.UNITS, checks.PROCESSES, checks.REPOSITORY, checks.DOCUMENTATION, checks.CONFORMANCE)
    if version in {min(all_versions), max(all_versions)}:
        return (*checks.UNITS, checks.PROCESSES, checks.CONFORMANCE)
    return checks.UNITS


def _others() -> dict[pythons.Version, Environment]:
    """An environment for each other Python that can be had."""
    found = {}
    for version in pythons.others():
        moves = pythons.SUITES[version] == pythons.MOVING_SUITE
        find = functools.partial(pythons.find_or_install, version)
        python = had(_name(version), find, excused=DownloadFailed if moves else None)
        if python:
            found[version] = Environment(environment_name(version), python)
    return found


def environment_name(version: pythons.Version) -> str:
    """The name of the environment of another Python, as in ``tool.hatch.envs``."""
    return f"python-{version[0]}-{version[1]}"


def _local(version: pythons.Version, environment: Environment, folders: tuple[str, ...]) -> checks.Check:
    title = f"{_name(version)}: {'units' if folders == checks.UNITS else 'units, processes, local backend'}"
    return checks.tests(title, environment, *_COMPUTING, *folders)


def _on_pool(
    programs: condor.Condor, version: pythons.Version, environment: Environment, *arguments: str
) -> checks.Check:
    # Those need a pool with container runtimes.
    but_deliveries = f"--ignore-glob={containers.TESTS.format('*')}"
    folders = (checks.CONFORMANCE, checks.INTEGRATION, but_deliveries)
    title = f"HTCondor {programs.version()}, {_name(version)}"
    return checks.tests(title, environment, *_WAITING, "--backend=htcondor", *folders, *arguments)


def _name(version: pythons.Version) -> str:
    return f"Python {version[0]}.{version[1]}"
