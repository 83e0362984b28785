"""Mirrors htmap.cli.waiting: it ends when nothing more can happen, and says why."""

from __future__ import annotations

import signal

import pytest
from tests.processes.cli.place import Place, wait_until

from htmap import ComponentStatus as Status
from htmap.cli.exits import Exit
from htmap.cli.waiting import ending_of


def test_maps_that_are_over_are_not_waited_for(finished: Place) -> None:
    ran = finished.run("wait", "double")
    assert (ran.code, ran.out, ran.err) == (0, "", "double: 4 COMPLETED: all components have returned.\n")
    ran = finished.run("wait", "double", "fail")
    assert ran.code == 4
    assert "fail: 5 ERRORED, 1 COMPLETED: `htmap errors fail` says why" in ran.err
    ran = finished.run("wait", "fail", "faill")
    assert ran.code == 3
    assert "Did you mean fail?" in ran.err


def test_in_a_terminal_there_is_a_bar_for_each_map(finished: Place) -> None:
    drawn = finished.in_terminal("wait", "double", "fail")
    assert "4/4" in drawn
    assert "6/6" in drawn
    assert "\x1b[" in drawn
    assert "\x1b[3" not in finished.in_terminal("wait", "double", NO_COLOR="1")


def test_what_goes_on_is_waited_for_until_the_time_is_up_or_it_ends(place: Place) -> None:
    gate = place.folder / "gate"
    place.python(f'htmap.map(wait_for, ["{gate}"], tag="gated")')
    ran = place.run("wait", "--all", "--timeout", "0.2")
    assert ran.code == 7
    assert "the time is up" in ran.err
    with place.start("wait", "--all") as process:
        wait_until(lambda: " 1 " in place.htmap("status"))
        assert process.poll() is None
        gate.touch()
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "gated: 1 COMPLETED: all components have returned.\n")


def test_holds_end_it_unless_somebody_will_release_them(place: Place) -> None:
    gate = place.folder / "gate"
    place.python(f'htmap.map(wait_for, ["{gate}"] * 3, tag="gated")')
    place.htmap("hold", "gated")
    ran = place.run("wait", "gated")
    assert ran.code == 5
    assert "htmap reasons gated" in ran.err
    ran = place.run("wait", "gated", "--holds-ok")
    assert (ran.code, ran.out) == (0, "")
    assert "3 HELD: all others have returned; `htmap release gated`" in ran.err
    with place.start("wait", "gated", "--through-holds") as process:
        gate.touch()
        place.htmap("release", "gated")
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_ctrl_c_ends_it_in_silence(place: Place) -> None:
    place.python(f'htmap.map(wait_for, ["{place.folder}/gate"], tag="gated")')
    ready = place.folder / "ready"
    with place.start("wait", "gated", READY=str(ready)) as process:
        wait_until(ready.exists)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err.strip()) == (130, "", "")


@pytest.mark.parametrize(
    ("counts", "patiently", "fail_fast", "through_holds"),
    [
        ({Status.COMPLETED: 3}, Exit.DONE, Exit.DONE, Exit.DONE),
        ({Status.COMPLETED: 3, Status.RUNNING: 0}, Exit.DONE, Exit.DONE, Exit.DONE),
        ({Status.COMPLETED: 3, Status.RUNNING: 1}, None, None, None),
        ({Status.UNMATERIALIZED: 1, Status.HELD: 1}, None, Exit.HELD, None),
        ({Status.SUSPENDED: 1}, None, None, None),
        ({Status.ERRORED: 1, Status.IDLE: 1}, None, Exit.ERRORED, None),
        ({Status.ERRORED: 1, Status.HELD: 1}, Exit.ERRORED, Exit.ERRORED, None),
        ({Status.HELD: 1, Status.COMPLETED: 1}, Exit.HELD, Exit.HELD, None),
        ({Status.HELD: 1, Status.REMOVED: 1}, Exit.HELD, Exit.HELD, None),
        ({Status.REMOVED: 1, Status.COMPLETED: 1}, Exit.REMOVED, Exit.REMOVED, Exit.REMOVED),
        ({Status.REMOVED: 1, Status.IDLE: 1}, None, Exit.REMOVED, None),
        ({Status.ERRORED: 1, Status.COMPLETED: 1}, Exit.ERRORED, Exit.ERRORED, Exit.ERRORED),
    ],
)
def test_a_map_has_ended_when_nothing_more_can_happen(
    counts: dict[Status, int], patiently: Exit | None, fail_fast: Exit | None, through_holds: Exit | None
) -> None:
    assert ending_of(counts, fail_fast=False, holds_ok=False) == patiently
    assert ending_of(counts, fail_fast=True, holds_ok=False) == fail_fast
    assert ending_of(counts, fail_fast=False, holds_ok=False, through_holds=True) == through_holds


@pytest.mark.parametrize(
    ("counts", "ending"),
    [
        ({Status.HELD: 2, Status.COMPLETED: 1}, Exit.DONE),
        ({Status.HELD: 1, Status.ERRORED: 1}, Exit.ERRORED),
        ({Status.HELD: 1, Status.REMOVED: 1}, Exit.REMOVED),
        ({Status.HELD: 1, Status.RUNNING: 1}, None),
    ],
)
def test_held_components_may_count_as_finished(counts: dict[Status, int], ending: Exit | None) -> None:
    assert ending_of(counts, fail_fast=False, holds_ok=True) == ending
