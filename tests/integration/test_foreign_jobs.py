"""Jobs of others, and those of a map that have not materialized: which of them a schedd lets HTMap reach."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from htmap.backend.condor import CondorBackend
from htmap.backend.protocol import Action, JobSelection, JobStatus
from testbed.pool import Pool

DEADLINE_S = 60.0
OURS, OTHERS = "0123456789abcdef", "fedcba9876543210"
JOBS, AT_ONCE = 5, 2


@pytest.fixture
def schedd(pool: Pool) -> Any:  # noqa: ARG001 - the pool must run first
    import htcondor2  # noqa: PLC0415 - reads CONDOR_CONFIG when it is imported, which the pool sets

    return htcondor2.Schedd()


@pytest.fixture
def submitted(schedd: Any, tmp_path: Path) -> Iterator[Callable[..., int]]:
    """Queue jobs of a map that never start; gives their cluster."""
    clusters = []

    def submit(uid: str, *commands: str) -> int:
        description = tmp_path / "submit"
        never = ["executable = /bin/true", "transfer_executable = false", "requirements = false"]
        description.write_text("\n".join([*never, f'MY.HTMapUid = "{uid}"', *commands, f"queue {JOBS}", ""]))
        clusters.append(CondorBackend().submit(description, uid))
        return clusters[-1]

    yield submit
    for cluster in clusters:
        remove(schedd, f"ClusterId == {cluster}")


def remove(schedd: Any, constraint: str) -> None:
    import htcondor2  # noqa: PLC0415 - as above

    schedd.act(htcondor2.JobAction.Remove, constraint)


def as_queued(schedd: Any, cluster: int) -> list[tuple[int, int]]:
    """Status and memory of the jobs of a cluster."""
    ads = schedd.query(f"ClusterId == {cluster}", ["JobStatus", "RequestMemory"])
    return [(int(ad["JobStatus"]), int(ad.eval("RequestMemory"))) for ad in ads]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.1)


@pytest.mark.parametrize("procs", [None, [0, 3]], ids=["cluster", "procs"])
def test_jobs_of_others_with_our_numbers_are_left_alone(
    procs: list[int] | None, schedd: Any, submitted: Callable[..., int]
) -> None:
    cluster = submitted(OTHERS, "request_memory = 64")
    backend, taken_for_ours = CondorBackend(), JobSelection(OURS, {cluster: procs})
    before = as_queued(schedd, cluster)
    assert len(before) == JOBS
    assert backend.query(taken_for_ours) == []
    assert backend.edit(taken_for_ours, {"RequestMemory": "7777"}) == 0
    assert [backend.act(action, taken_for_ours, "of another map") for action in Action] == [0] * len(Action)
    assert as_queued(schedd, cluster) == before

    theirs = JobSelection(OTHERS, {cluster: procs})
    meant = JOBS if procs is None else len(procs)
    assert backend.edit(theirs, {"RequestMemory": "65"}) == meant
    assert backend.act(Action.HOLD, theirs, "by their map") == meant
    assert sorted(as_queued(schedd, cluster)) == sorted(
        [(JobStatus.HELD.value, 65)] * meant + [(JobStatus.IDLE.value, 64)] * (JOBS - meant)
    )
    assert backend.act(Action.REMOVE, theirs, "by their map") == meant
    remove(schedd, f"ClusterId == {cluster}")
    history = backend.query(taken_for_ours, with_history=True)
    assert history == [], "taken from the history of others"
    assert len(backend.query(theirs, with_history=True)) == meant


@pytest.mark.parametrize("has_number", [True, False])
def test_what_has_not_materialized_is_held_released_and_removed_too(
    has_number: bool, schedd: Any, submitted: Callable[..., int]
) -> None:
    cluster = submitted(OURS, f"max_idle = {AT_ONCE}")
    ours = JobSelection(OURS, {cluster: None} if has_number else None)
    backend = CondorBackend()
    wait_until(lambda: len(as_queued(schedd, cluster)) == AT_ONCE)

    backend.act(Action.HOLD, ours, "by the user")
    remove(schedd, f"ClusterId == {cluster} && ProcId == 0")
    wait_until(lambda: len(as_queued(schedd, cluster)) == AT_ONCE - 1)
    assert is_paused(schedd, cluster), "it would make a job in place of the one that was removed"

    backend.act(Action.RELEASE, ours, "by the user")
    wait_until(lambda: len(as_queued(schedd, cluster)) == AT_ONCE)

    backend.act(Action.REMOVE, ours, "by the user")
    wait_until(lambda: backend.query(ours) == [])


def is_paused(schedd: Any, cluster: int) -> bool:
    import htcondor2  # noqa: PLC0415 - as above

    whole = htcondor2.QueryOpts.IncludeClusterAd
    ads = schedd.query(f"ClusterId == {cluster} && ProcId =?= undefined", ["JobMaterializePaused"], opts=whole)
    return [bool(ad.get("JobMaterializePaused")) for ad in ads] == [True]
