"""What is done to a map happens to its jobs, and the event log says so."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import htmap
from htmap import ComponentStatus as Status
from htmap.backend.protocol import Action
from htmap.exceptions import (
    CannotRerunComponents,
    InvalidOption,
    MapComponentError,
    MapComponentHeld,
    MapComponentRemoved,
    MapWasRemoved,
    TagAlreadyExists,
    TagNotFound,
)
from htmap.observe.events import EventLog
from htmap.observe.fold import JobState, JobTable, MapState, fold

TIMEOUT_S = 120


def until(is_true: Callable[[], bool]) -> None:
    """Wait for something, at most for a while."""
    deadline = time.monotonic() + TIMEOUT_S
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def has(m: htmap.Map, status: Status) -> Callable[[], bool]:
    """All components are in that status."""
    return lambda: set(m.component_statuses) == {status}


def work_until(path) -> str:
    """Note the start of each run in a file; go on until another file is there."""
    import time

    with open(f"{path}.runs", "a") as runs:
        runs.write("x")
    while not Path(path).exists():
        time.sleep(0.02)
    return "done"


@pytest.fixture
def work(tmp_path) -> str:
    return str(tmp_path / "go")


def runs(work: str) -> int:
    path = Path(f"{work}.runs")
    return len(path.read_text()) if path.exists() else 0


def has_run(work: str, times: int) -> Callable[[], bool]:
    return lambda: runs(work) == times


def test_hold_and_release(work) -> None:
    m = htmap.map(work_until, [work], quiet=True)
    until(has(m, Status.RUNNING))
    m.hold()
    until(has(m, Status.HELD))
    with pytest.raises(MapComponentHeld, match="component 0|Component 0"):
        m.get(0)
    with pytest.raises(MapComponentHeld):
        m.wait(TIMEOUT_S)
    assert m.holds[0].code == 1
    assert "HTMap" in m.holds[0].reason
    assert "release" in m.hold_report()
    m.release()
    until(has(m, Status.RUNNING))
    assert m.holds == {}
    Path(work).touch()
    assert m.get(0, TIMEOUT_S) == "done"


def test_what_was_just_held_is_shown_as_held(work) -> None:
    m = htmap.map(work_until, [work] * 3, quiet=True)
    m.hold()
    assert has(m, Status.HELD)()
    assert list(m.holds) == [0, 1, 2]


def test_pause_and_resume(work) -> None:
    m = htmap.map(work_until, [work], quiet=True)
    until(has(m, Status.RUNNING))
    m.pause()
    until(has(m, Status.SUSPENDED))
    Path(work).touch()
    m.resume()
    until(lambda: m.component_statuses[0] in (Status.RUNNING, Status.COMPLETED))
    assert m.get(0, TIMEOUT_S) == "done"


def test_vacate_starts_a_component_again(work) -> None:
    m = htmap.map(work_until, [work], quiet=True)
    until(lambda: runs(work) == 1)
    until(has(m, Status.RUNNING))
    m.vacate()
    until(lambda: runs(work) == 2)
    Path(work).touch()
    assert m.get(0, TIMEOUT_S) == "done"


def test_a_job_that_is_evicted_three_times_runs_again_only_what_was_in_progress(tmp_path) -> None:
    in_progress = (12, 27, 41)

    def note(component):
        import time

        runs = Path(tmp_path, f"{component}.runs")
        with runs.open("a") as file:
            file.write("x")
        while component in in_progress and runs.read_text() == "x":
            time.sleep(0.02)
        return component**2

    m = htmap.map(note, range(50), map_options=htmap.MapOptions(chunksize=50), quiet=True)
    for component in in_progress:
        work = str(tmp_path / str(component))
        until(has_run(work, 1))
        until(has(m, Status.RUNNING))
        m.vacate()
        until(has_run(work, 2))
    m.wait(TIMEOUT_S)
    assert list(m) == [component**2 for component in range(50)]
    counted = [runs(str(tmp_path / str(component))) for component in range(50)]
    assert counted == [2 if component in in_progress else 1 for component in range(50)]


def test_a_map_that_was_removed_is_gone(work, htmap_dir) -> None:
    m = htmap.map(work_until, [work, work], tag="gone", quiet=True)
    until(lambda: runs(work) >= 1)
    m.remove()
    assert not m.exists
    assert htmap.get_tags() == ()
    assert list((htmap_dir / "maps").iterdir()) == []
    for use in (m.status, m.remove, m.wait, lambda: m.get(0), m.components_by_status, m.hold, m.rerun):
        with pytest.raises(MapWasRemoved, match="gone"):
            use()
    with pytest.raises(TagNotFound):
        htmap.load("gone")
    again = htmap.map(abs, [-1], tag="gone", quiet=True)
    assert again.get(0, TIMEOUT_S) == 1
    assert not m.exists


def test_components_removed_behind_our_back_are_not_waited_for(work) -> None:
    m = htmap.map(work_until, [work], quiet=True)
    until(lambda: runs(work) == 1)
    m.opened.backend.act(Action.REMOVE, m._all_jobs(), "a test")
    until(has(m, Status.REMOVED))
    assert not m.is_active
    with pytest.raises(MapComponentRemoved, match="rerun"):
        m.get(0)
    with pytest.raises(MapComponentRemoved):
        m.wait(TIMEOUT_S)
    Path(work).touch()
    m.rerun()
    assert m.get(0, TIMEOUT_S) == "done"


def test_rerun_replaces_results(tmp_path) -> None:
    counter = tmp_path / "counter"

    def count(x):
        with open(f"{counter}{x}", "a") as file:
            file.write("x")
        return os.stat(f"{counter}{x}").st_size

    m = htmap.map(count, range(3), map_options=htmap.MapOptions(chunksize=2), quiet=True)
    m.wait(TIMEOUT_S)
    assert list(m) == [1, 1, 1]
    m.rerun([0, 2])
    m.wait(TIMEOUT_S)
    assert list(m) == [2, 1, 2]
    m.rerun()
    m.wait(TIMEOUT_S)
    assert list(m) == [3, 2, 3]
    assert list(htmap.load(m.tag)) == [3, 2, 3]


def test_a_failure_can_be_rerun(tmp_path) -> None:
    def need(path):
        return Path(path).read_text()

    m = htmap.map(need, [str(tmp_path / "there")], quiet=True)
    with pytest.raises(MapComponentError, match="FileNotFoundError"):
        m.get(0, TIMEOUT_S)
    (tmp_path / "there").write_text("now")
    m.rerun(m.errors)
    assert m.get(0, TIMEOUT_S) == "now"


def test_active_components_cannot_be_rerun(work) -> None:
    m = htmap.map(work_until, [work], quiet=True)
    with pytest.raises(CannotRerunComponents, match="Components 0"):
        m.rerun()
    Path(work).touch()
    m.wait(TIMEOUT_S)


def test_memory_and_disk_can_be_changed(work) -> None:
    m = htmap.map(work_until, [work], quiet=True)
    m.set_memory(64)
    m.set_disk(2048)
    with pytest.raises(InvalidOption):
        m.set_memory("much")
    Path(work).touch()
    assert m.get(0, TIMEOUT_S) == "done"
    m.set_memory(128)


def test_a_map_gets_another_tag() -> None:
    m = htmap.map(abs, [-1], quiet=True)
    assert m.is_transient
    old = m.tag
    m.retag("renamed")
    assert m.tag == "renamed"
    assert not m.is_transient
    assert htmap.get_tags() == ("renamed",)
    other = htmap.map(abs, [-2], tag=old, quiet=True)
    with pytest.raises(TagAlreadyExists):
        other.retag("renamed")
    assert htmap.load("renamed").get(0, TIMEOUT_S) == 1
    assert htmap.load(old).get(0, TIMEOUT_S) == 2


def test_clean_removes_transient_maps_only() -> None:
    kept = htmap.map(abs, [-1], tag="kept", quiet=True)
    passing = htmap.map(abs, [-2], quiet=True)
    kept.wait(TIMEOUT_S)
    passing.wait(TIMEOUT_S)
    assert htmap.clean() == [passing.tag]
    assert htmap.get_tags() == ("kept",)
    assert htmap.clean(all=True) == ["kept"]
    assert htmap.load_maps() == ()


def test_states_follow_one_another_alike_on_every_backend(work) -> None:
    m = htmap.map(work_until, [work], quiet=True)
    until(lambda: runs(work) == 1)
    until(has(m, Status.RUNNING))
    m.hold()
    until(has(m, Status.HELD))
    m.release()
    until(lambda: runs(work) == 2)
    until(has(m, Status.RUNNING))
    m.pause()
    until(has(m, Status.SUSPENDED))
    m.resume()
    until(has(m, Status.RUNNING))
    m.vacate()
    until(lambda: runs(work) == 3)
    until(has(m, Status.RUNNING))
    Path(work).touch()
    m.wait(TIMEOUT_S)
    assert states_in(m) == [
        *("IDLE", "RUNNING"),
        *("IDLE", "HELD"),
        *("IDLE", "RUNNING"),
        *("SUSPENDED", "RUNNING"),
        *("IDLE", "RUNNING"),
        "RETURNED",
    ]


def states_in(m: htmap.Map) -> list[str]:
    """The states that the log of a map of one job goes through."""
    state = MapState([JobTable.of_size(1)])
    seen: list[str] = []
    for event in EventLog(m.opened.directory.events).read():
        fold(state, [event])
        now = JobState(state.tables[0].states[0]).name
        if [now] != seen[-1:]:
            seen.append(now)
    return seen
