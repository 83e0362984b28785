"""Mirrors htmap.results.errors and htmap.results.tracebacks: what went wrong, in words."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from tests.submit.conftest import MakeMap

from htmap import ComponentError
from htmap.maps.readable import ReadableMap
from htmap.results.tracebacks import format_exception
from htmap_common.wire import read_exception, read_outcome

EXCEPTION: dict[str, Any] = {
    "type": "ValueError",
    "module": "builtins",
    "message": "no luck with 7",
    "frames": [
        {"file": "/home/me/fit.py", "line": 3, "function": "fit", "code": "return try_it(x)", "locals": {"x": "7"}},
        {"file": "/home/me/fit.py", "line": 9, "function": "try_it", "code": "raise ValueError(x)", "locals": {}},
    ],
    "hint": "Choose another number.",
    "notes": ["while fitting"],
}

HEADER: dict[str, Any] = {
    "component": 3,
    "status": "raised",
    "python": [3, 11, 7],
    "cloudpickle": "3.1.2",
    "host": "node7",
    "executable": "/usr/bin/python3",
    "node": {"host": "node7", "cpu_count": 8},
    "scratch": ["data.csv", "_htmap/3.stdout"],
    "exception": EXCEPTION,
}


def error_of(m: ReadableMap, component: int, header: dict[str, Any], created: float = 0.0) -> ComponentError:
    outcome = read_outcome({"component": component, "status": "raised", **header})
    return ComponentError.from_outcome(m, component, outcome, created)


@pytest.fixture
def m(make_map: MakeMap) -> ReadableMap:
    return make_map(str, range(4), tag="fit")


# --- errors ---------------------------------------------------------------------------------------------------------


def test_a_report_says_what_happened_where_and_what_to_do(m: ReadableMap) -> None:
    report = error_of(m, 3, HEADER).report()
    for part in (
        "component 3 of map fit",
        "host: node7",
        "cpu count: 8",
        "version: 3.11.7",
        "executable: /usr/bin/python3",
        "data.csv",
        'File "/home/me/fit.py", line 9, in try_it',
        "raise ValueError(x)",
        "x = 7",
        "ValueError: no luck with 7",
        "What to do: Choose another number.",
    ):
        assert part in report
    assert report.index("line 3") < report.index("line 9") < report.index("ValueError: no luck")


def test_an_error_has_the_parts_that_the_reference_names(m: ReadableMap) -> None:
    error = error_of(m, 3, HEADER)
    assert (error.map, error.component, error.exception_msg) == (m, 3, "ValueError: no luck with 7")
    assert dict(error.node_info or ()) == {"host": "node7", "cpu_count": 8}
    assert dict(error.python_info or ()) == {
        "executable": "/usr/bin/python3",
        "version": "3.11.7",
        "cloudpickle": "3.1.2",
    }
    assert [str(path) for path in error.scratch_dir_contents or ()] == HEADER["scratch"]
    assert [frame.lineno for frame in error.stack_summary or ()] == [3, 9]
    assert repr(error) == "<ComponentError(map='fit', component=3, 'ValueError: no luck with 7')>"


@pytest.mark.parametrize(
    "header",
    [
        {"status": "raised"},
        {"status": "raised", "exception": {}},
        {"status": "raised", "exception": {"type": "X", "frames": [{}]}},
        {"status": "raised", "exception": None, "python": None, "scratch": None, "node": None},
        {"status": "raised", "exception": {"type": "X", "message": "two\nlines", "frames": [], "hint": None}},
    ],
)
def test_a_record_that_says_little_still_gives_a_report(header: dict[str, Any], m: ReadableMap) -> None:
    report = error_of(m, 0, header).report()
    assert "component 0 of map fit" in report
    assert "None" not in report.replace('File "None", line None, in None', "")


def test_a_component_without_an_output_gets_a_report_too(m: ReadableMap) -> None:
    error = ComponentError.without_output(m, 2, "The job was killed by signal 9 and left no output.")
    assert error.stack_summary is None
    report = error.report()
    assert "killed by signal 9" in report
    assert "map.stderr[2]" in report
    assert "map.rerun([2])" in report


def test_control_characters_are_spelled_out_for_terminals(m: ReadableMap) -> None:
    message = "a\x1b]0;title\x07 b\x9b2J\tc"
    exception = {"type": "X", "message": message, "frames": [], "notes": ["d\re"]}
    error = error_of(m, 0, {"exception": exception})
    assert error.exception_msg == f"X: {message}"
    assert r"X: a\x1b]0;title\x07 b\x9b2J" in error.report()
    assert "\tc" in error.report()
    assert format_exception(read_exception(exception)).endswith("b\\x9b2J\tc\nd\\x0de")


def test_a_remote_traceback_reads_like_pythons() -> None:
    text = format_exception(read_exception(EXCEPTION))
    assert text.startswith("Traceback on the execute node (most recent call last):\n")
    assert text.endswith("ValueError: no luck with 7\nwhile fitting")
    assert (
        format_exception(read_exception({})) == "Traceback on the execute node (most recent call last):\nunknown error"
    )


def test_code_is_what_ran_there_not_what_is_in_a_file_of_that_name_here(m: ReadableMap) -> None:
    frame = {"file": __file__, "line": 1, "function": "f", "code": None, "locals": None}
    report = error_of(m, 0, {"exception": {"type": "X", "frames": [frame]}}).report()
    assert "Mirrors htmap" not in report


def test_a_line_that_was_not_on_the_node_is_read_here_unless_it_has_changed(m: Any, tmp_path: Path) -> None:
    script = tmp_path / "fit.py"
    script.write_text("import htmap\n    return 1 / 0\n")
    frame = {"file": str(script), "line": 2, "function": "fit", "code": "", "locals": {}}
    header = {"exception": {"type": "ZeroDivisionError", "frames": [frame]}}
    since = script.stat().st_mtime
    assert "return 1 / 0" in error_of(m, 0, header, since + 1).report()
    assert "return 1 / 0" in format_exception(read_exception(header["exception"]), since + 1)
    assert "return 1 / 0" not in error_of(m, 0, header, since - 1).report()
    frame["file"] = str(tmp_path / "absent.py")
    assert "absent.py" in error_of(m, 0, header, since + 1).report()


# --- errors whole ---------------------------------------------------------------------------------------------------

CAUSE = {"type": "KeyError", "message": "'port'", "relation": "cause", "frames": [EXCEPTION["frames"][0]]}
WORKER = {"type": "_RemoteTraceback", "message": '\n"""\nTraceback\n  in fit_part\n"""', "relation": "cause"}
GROUP = {
    "type": "ExceptionGroup",
    "message": "two (2 sub-exceptions)",
    "members": [EXCEPTION, {**EXCEPTION, "chain": [CAUSE]}],
    "members_left_out": 7,
}


def test_what_led_to_an_exception_comes_before_it(m: Any) -> None:
    context = {**CAUSE, "type": "OSError", "relation": "context"}
    exception = {**EXCEPTION, "chain": [CAUSE, context]}
    error = error_of(m, 0, {"exception": exception})
    for text in (error.report(), format_exception(read_exception(exception))):
        first, second, third = (text.index(word) for word in ("OSError", "KeyError: 'port'", "ValueError: no luck"))
        assert first < second < third
        assert "During handling of the above exception" in text[first:second]
        assert "The above exception was the direct cause" in text[second:third]
    assert error.led_to_it() == ["caused by KeyError: 'port'", "while handling OSError: 'port'"]


def test_the_traceback_of_a_worker_process_is_shown_as_it_is(m: Any) -> None:
    error = error_of(m, 0, {"exception": {**EXCEPTION, "chain": [WORKER]}})
    assert "In a worker process:\nTraceback\n  in fit_part\n\nThe above exception" in error.report()
    assert error.led_to_it() == ["caused by a traceback in a worker process"]


def test_the_members_of_a_group_are_shown_with_what_led_to_them(m: Any) -> None:
    error = error_of(m, 0, {"exception": GROUP})
    report = error.report()
    for line in (
        "ExceptionGroup: two (2 sub-exceptions)",
        "  +---------------- 2 ----------------",
        "  | KeyError: 'port'",
        "  | ValueError: no luck with 7",
        "  | while fitting",
        "  + and 7 more",
    ):
        assert line in report.splitlines()
    assert error.led_to_it() == [f"member {number}: ValueError: no luck with 7" for number in (1, 2)]


def test_frames_that_are_left_out_are_counted_in_their_place() -> None:
    text = format_exception(read_exception({**EXCEPTION, "frames_left_out": 90}))
    assert text.index("line 3") < text.index("[90 frames left out]") < text.index("line 9")


def make_huge(place: Path) -> None:
    place.touch()
    os.truncate(place, 10**10)


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, make_huge])
def test_only_regular_files_of_bounded_size_are_opened_for_a_line(m: Any, tmp_path: Path, make: Any) -> None:
    place = tmp_path / "source"
    make(place)
    frame = {"file": str(place), "line": 3, "function": "boom", "code": "", "locals": {}}
    report = error_of(
        m, 0, {"exception": {"type": "ValueError", "message": "my words", "frames": [frame]}}, 2**40
    ).report()
    assert "my words" in report
