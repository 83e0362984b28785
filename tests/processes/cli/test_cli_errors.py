"""Mirrors htmap.cli.errors and htmap.show.error_kinds: what became of components, and why."""

from __future__ import annotations

import json

from tests.processes.cli.place import SCRIPT, Place


def line_of(code: str) -> int:
    return next(number for number, line in enumerate(SCRIPT.splitlines(), 1) if code in line)


def test_errors_are_grouped_by_type_and_line(finished: Place) -> None:
    shown = finished.htmap("errors", "fail")
    assert shown.splitlines()[0] == "fail: 5 failed components, 2 kinds of error"
    assert (
        f"3 components: ValueError at work.py:{line_of('raise ValueError')}\n    x is 1\n    components 1, 3, 5"
        in shown
    )
    assert f"2 components: KeyError at work.py:{line_of('missing')}" in shown
    assert shown.index("ValueError") < shown.index("KeyError"), "the most frequent come first"
    assert "`htmap errors fail --component 1`" in shown


def test_errors_can_be_limited_and_read_by_programs(finished: Place) -> None:
    limited = finished.htmap("errors", "--all", "--limit", "1")
    assert "double: no component has failed." in limited
    assert "KeyError" not in limited
    assert "1 kind more" in limited
    found = json.loads(finished.htmap("errors", "fail", "double", "--json"))
    assert found["double"] == []
    assert [(each["kind"], each["components"]) for each in found["fail"]] == [
        ("ValueError", [1, 3, 5]),
        ("KeyError", [0, 2]),
    ]


def test_whole_reports_can_be_seen(finished: Place) -> None:
    report = finished.htmap("errors", "fail", "--component", "1")
    assert "Start error report for component 1 of map fail" in report
    assert "ValueError: x is 1" in report
    assert finished.htmap("errors", "fail", "--reports").count("Start error report") == 5
    assert finished.htmap("errors", "fail", "--reports", "--limit", "2").count("Start error report") == 2
    assert finished.htmap("errors", "fail", "--reports", "--limit", "0").count("Start error report") == 5
    assert finished.htmap("errors", "fail", "--limit", "0") == finished.htmap("errors", "fail")
    assert finished.run("errors", "fail", "--limit", "-1").code == 2
    assert finished.run("errors", "fail", "--component", "6").code == 3
    returned = finished.run("errors", "fail", "--component", "4")
    assert returned.code == 1
    assert "it has no error" in returned.err


def test_holds_that_are_none_are_said_in_words(finished: Place) -> None:
    assert "No components are held." in finished.htmap("reasons", "double")
    assert json.loads(finished.htmap("reasons", "double", "--json")) == {"double": []}


def test_components_are_listed_by_status(finished: Place) -> None:
    shown = finished.htmap("components", "fail")
    assert shown.splitlines() == ["fail: 6 components", "  COMPLETED: 4", "  ERRORED: 0-3,5"]
    assert finished.htmap("components", "fail", "--status", "errored").split() == ["0", "1", "2", "3", "5"]
    assert finished.htmap("components", "fail", "-s", "HELD") == ""
    assert json.loads(finished.htmap("components", "fail", "--json")) == {
        "fail": {"COMPLETED": [4], "ERRORED": [0, 1, 2, 3, 5]}
    }
    assert finished.run("components", "fail", "--status", "broken").code == 2


def test_why_components_have_not_returned_is_said(finished: Place) -> None:
    shown = finished.htmap("why", "fail").splitlines()
    assert shown[0] == "5 components are ERRORED: 0-3,5"
    assert finished.htmap("why", "fail", "4") == "Component 4 is COMPLETED.\n"
    assert finished.run("why", "fail", "9").code != 0
