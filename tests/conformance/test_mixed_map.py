"""A map in all states at once: every method answers, sensibly and at once."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path

import pytest

import htmap
from htmap import ComponentStatus as Status
from htmap.backend.protocol import Action, JobSelection
from htmap.exceptions import (
    CannotRerunComponents,
    ExpectedError,
    MapComponentError,
    MapComponentHeld,
    MapComponentRemoved,
    TimeoutError,
)

TIMEOUT_S = 120
GOOD, BAD, HELD, REMOVED, RUNNING = range(5)
AT_ONCE_S = 5


def behave(component, go):
    import time

    print(f"this is {component}")
    if component == GOOD:
        return "good"
    if component == BAD:
        raise ValueError("bad")
    while not Path(go).exists():
        time.sleep(0.02)
    return "went on"


@pytest.fixture
def mixed(tmp_path):
    """The map, and the file that lets its waiting components go on."""
    htmap.settings["LOCAL.SLOTS"] = 4
    go = tmp_path / "go"
    m = htmap.starmap(behave, [(component, str(go)) for component in range(5)], tag="mixed", quiet=True)
    until(lambda: m.component_statuses[2:] == [Status.RUNNING] * 3)
    (cluster,) = m.opened.components.clusters()
    for action, component in ((Action.HOLD, HELD), (Action.REMOVE, REMOVED)):
        assert m.opened.backend.act(action, JobSelection(m.opened.directory.uid, {cluster: [component]}), "a test") == 1
    wanted = [Status.COMPLETED, Status.ERRORED, Status.HELD, Status.REMOVED, Status.RUNNING]
    until(lambda: m.component_statuses == wanted)
    return m, go


def until(is_true) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_every_method_answers_at_once(mixed) -> None:
    m, _ = mixed
    started = time.monotonic()
    assert len(m) == 5
    assert m.components == (0, 1, 2, 3, 4)
    assert not m.is_done
    assert m.is_active
    assert m.status() == "Map mixed (5 components): 1 HELD, 1 ERRORED, 1 RUNNING, 1 REMOVED, 1 COMPLETED"
    grouped = m.components_by_status()
    assert {status: components for status, components in grouped.items() if components} == {
        Status.COMPLETED: (GOOD,),
        Status.ERRORED: (BAD,),
        Status.HELD: (HELD,),
        Status.REMOVED: (REMOVED,),
        Status.RUNNING: (RUNNING,),
    }
    assert set(grouped) == set(Status)
    assert m[GOOD] == m.get(GOOD) == "good"
    for component, error in {
        BAD: MapComponentError,
        HELD: MapComponentHeld,
        REMOVED: MapComponentRemoved,
        RUNNING: TimeoutError,
    }.items():
        with pytest.raises(error, match=f"omponent {component} of map mixed"):
            m[component]
    assert m.get_err(BAD).exception_msg == "ValueError: bad"
    with pytest.raises(ExpectedError):
        m.get_err(GOOD)
    with pytest.raises(MapComponentHeld):
        m.get_err(HELD)
    with pytest.raises(MapComponentRemoved):
        m.get_err(REMOVED)
    assert list(m.errors) == [BAD]
    (report,) = m.error_reports()
    assert "ValueError: bad" in report
    assert list(m.holds) == [HELD]
    assert "a test" in m.hold_report()
    available = m.iter_as_available()
    assert next(available) == "good"
    for _ in range(3):
        with pytest.raises((MapComponentError, MapComponentHeld, MapComponentRemoved)):
            next(available)
    with pytest.raises(MapComponentError):
        m.wait()
    with pytest.raises(MapComponentHeld):
        m.wait(errors_ok=True)
    with pytest.raises(TimeoutError):
        m.wait(timeout=dt.timedelta(seconds=0.05), errors_ok=True, holds_ok=True)
    assert len(list(m.iter_inputs())) == 5
    assert m.stdout[GOOD] == "this is 0\n"
    assert m.stdout[BAD] == "this is 1\n"
    assert [each >= 0 for each in m.memory_usage] == [True] * 5
    assert m.runtime[RUNNING] == dt.timedelta(0)
    assert m.local_data > 0
    assert "mixed" in m._repr_html_()
    with pytest.raises(CannotRerunComponents, match="Components 2,4"):
        m.rerun()
    assert time.monotonic() - started < AT_ONCE_S


def test_it_can_be_brought_to_a_good_end(mixed) -> None:
    m, go = mixed
    go.touch()
    m.release()
    until(lambda: not m.is_active)
    m.rerun([REMOVED])
    m.wait(TIMEOUT_S, errors_ok=True)
    assert [m.get(component) for component in (GOOD, HELD, REMOVED, RUNNING)] == ["good"] + ["went on"] * 3
    assert htmap.load("mixed").components_by_status()[Status.ERRORED] == (BAD,)
