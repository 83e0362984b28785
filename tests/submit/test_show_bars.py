"""Mirrors htmap.show.bars (and htmap.observe.statuses): statuses in a line, and in a bar."""

from __future__ import annotations

import pytest

from htmap import ComponentStatus, JobStatus
from htmap.observe.statuses import ACTIVE
from htmap.show.bars import component_bar, summary

NAMES = ["UNKNOWN", "UNMATERIALIZED", "IDLE", "RUNNING", "REMOVED", "COMPLETED", "HELD", "SUSPENDED", "ERRORED"]


def test_the_statuses_are_those_of_the_reference() -> None:
    assert sorted(status.value for status in ComponentStatus) == sorted(NAMES)
    assert all(str(ComponentStatus[name]) == ComponentStatus[name].value == name for name in NAMES)
    assert JobStatus is ComponentStatus


def test_a_status_is_over_or_something_may_still_happen() -> None:
    assert set(ComponentStatus) - ACTIVE == {
        ComponentStatus.COMPLETED,
        ComponentStatus.ERRORED,
        ComponentStatus.REMOVED,
    }


def test_a_table_shows_every_status_but_the_unknown_one() -> None:
    assert sorted(ComponentStatus.display_statuses(), key=str) == sorted(
        set(ComponentStatus) - {ComponentStatus.UNKNOWN}, key=str
    )


def test_a_summary_names_what_occurs() -> None:
    counts = {ComponentStatus.COMPLETED: 7, ComponentStatus.RUNNING: 3, ComponentStatus.IDLE: 0}
    assert summary(counts) == "3 RUNNING, 7 COMPLETED"
    assert summary({}) == "no components"


def test_a_bar_that_is_not_wanted_writes_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with component_bar("fit", 3, shown=False) as show:
        show({ComponentStatus.COMPLETED: 3})
    assert capfd.readouterr() == ("", "")


def test_a_bar_goes_to_standard_error_so_that_output_can_be_piped(capfd: pytest.CaptureFixture[str]) -> None:
    with component_bar("fit[1]", 4, shown=True) as show:
        show({ComponentStatus.RUNNING: 4})
        show({ComponentStatus.COMPLETED: 2, ComponentStatus.ERRORED: 1, ComponentStatus.HELD: 1})
    out, err = capfd.readouterr()
    assert out == ""
    assert "fit[1]" in err
    assert "3/4" in err
    assert "1 held" in err


def test_a_bar_ends_with_an_exception_too(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), component_bar("fit", 4, shown=True):
        raise ZeroDivisionError
    assert "fit" in capfd.readouterr().err
