"""Maps above the threshold trickle into the queue; what is done to them is done to all of them."""

from __future__ import annotations

import time

import pytest

import htmap
from htmap import ComponentStatus as Status

TIMEOUT_S = 120
IN_QUEUE = {Status.IDLE, Status.RUNNING}


@pytest.fixture(autouse=True)
def _low_threshold() -> None:
    htmap.settings["LATE_MATERIALIZATION.THRESHOLD"] = 4
    htmap.settings["LATE_MATERIALIZATION.MAX_IDLE"] = 2


def until(is_true) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_all_components_return(backend) -> None:
    m = htmap.map(lambda x: -x, range(30), quiet=True)
    seen = set(m.component_statuses)
    m.wait(TIMEOUT_S)
    assert list(m) == [-x for x in range(30)]
    if backend == "htcondor":
        assert Status.UNMATERIALIZED in seen


def test_hold_and_release_reach_what_is_not_in_the_queue_yet() -> None:
    m = htmap.map(lambda x: -x, range(12), map_options=htmap.MapOptions(on_exit_hold="false"), quiet=True)
    m.hold()
    until(lambda: not set(m.component_statuses) & IN_QUEUE)
    held = m.components_by_status()[Status.HELD]
    assert m.hold_report().count("hold by the user") == (1 if held else 0)
    m.release()
    m.wait(TIMEOUT_S)
    assert list(m) == [-x for x in range(12)]


def test_remove_takes_all_of_it(htmap_dir) -> None:
    m = htmap.map(lambda x: __import__("time").sleep(60), range(12), quiet=True)
    until(lambda: set(m.component_statuses) & IN_QUEUE)
    backend, jobs = m.opened.backend, m._all_jobs()
    m.remove()
    until(lambda: backend.query(jobs) == [])
    assert list((htmap_dir / "maps").iterdir()) == []


def test_what_is_removed_before_it_materialized_is_removed() -> None:
    from htmap.backend.protocol import Action

    m = htmap.map(lambda x: __import__("time").sleep(60), range(12), quiet=True)
    until(lambda: set(m.component_statuses) & IN_QUEUE)
    m.opened.backend.act(Action.REMOVE, m._all_jobs(), "a test")
    until(lambda: set(m.component_statuses) == {Status.REMOVED})
    assert not m.is_active
