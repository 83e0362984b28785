"""Mirrors htmap.show: tables that fit, JSON and CSV that parse."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import cast

import pytest

from htmap import ComponentStatus as Status
from htmap.maps.readable import ReadableMap
from htmap.results.errors import ComponentError
from htmap.show import units
from htmap.show.error_kinds import grouped, kinds_text
from htmap.show.lines import BrokenMap, MapLine, MapUsage, in_order
from htmap.show.status_machine import as_json, status_dict, status_rows
from htmap.show.status_text import status_table
from htmap.show.table import Column, render, shortened
from htmap_common.wire import read_outcome

FIT = MapLine(
    "fit-1",
    {Status.COMPLETED: 7, Status.HELD: 3},
    MapUsage(2048, 120 * 1024**2, 90, 36_061, 120, 39_600),
    created=2.0,
    age_s=3.5 * 86_400,
)
OTHER = MapLine("a-map-with-a-rather-long-tag", {Status.IDLE: 12}, MapUsage(10, 0, 0, 0), created=1.0, age_s=9.0)
BROKEN = BrokenMap("garbled", "The tag 'garbled' is damaged: remove it.")


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KB"),
        (1536, "1.5 KB"),
        (20 * 1024, "20 KB"),
        (3 * 1024**2, "3.0 MB"),
        (1024**4 * 5, "5.0 TB"),
        (1024**5, "1024.0 TB"),
    ],
)
def test_sizes_are_short(size: int, shown: str) -> None:
    assert units.size(size) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00:00"), (59.6, "0:01:00"), (3723, "1:02:03"), (93_790, "26:03:10")]
)
def test_durations_are_in_hours(seconds: float, shown: str) -> None:
    assert units.duration(seconds) == shown


def test_counts_have_their_noun() -> None:
    assert [units.count(number, "map") for number in (0, 1, 1200)] == ["0 maps", "1 map", "1,200 maps"]
    assert units.count(2, "directory", "directories") == "2 directories"


def test_a_table_shows_statuses_that_occur_and_amounts_for_people() -> None:
    header, fit, other, together = status_table([FIT, OTHER]).splitlines()
    assert header.split("  ")[0] == "Tag"
    assert together == "2 maps: 3 HELD, 12 IDLE, 7 COMPLETED"
    assert " HELD  IDLE  RUNNING  COMPLETED  Age  Local Data  Max Memory  Max Wall  Total Wall  Total CPU" in header
    times = ["0:02:00", "11:00:00", "10:01:01"]
    assert fit.split() == ["fit-1", "3", "0", "0", "7", "3", "d", "2.0", "KB", "120", "MB", *times]
    assert other.split()[-5:] == ["B", "-", "0:00:00", "0:00:00", "0:00:00"]
    assert len(header) == len(fit) == len(other)


@pytest.mark.parametrize("width", [30, 40, 60, 80, 100, 140])
def test_a_table_fits(width: int) -> None:
    table = status_table([FIT, OTHER], [], width)
    needed = len("a-map-…g-tag  HELD  IDLE  RUNNING  COMPLETED")
    assert max(map(len, table.splitlines())) <= max(width, needed)
    shown, _, _, *below = table.splitlines()
    assert ("Max Memory" in shown) == (width >= 100)
    missing = {"Age", "Local", "Max", "Total"} - set(shown.split())
    assert all(name in " ".join(below) for name in missing)


def test_statuses_and_usage_are_left_out_where_they_are_not_wanted() -> None:
    assert status_table([MapLine("fit-1", None, FIT.usage)]).split()[:2] == ["Tag", "Local"]
    assert status_table([MapLine("fit-1", FIT.counts, None)]).splitlines()[0].split()[-1] == "COMPLETED"
    assert status_table([MapLine("fit-1", None, None)]).splitlines() == ["Tag", "fit-1"]


@pytest.mark.parametrize("order", ["-tag", "-created", "-memory", "-wall", "-cpu", "-disk", "tag"])
def test_lines_are_put_in_order(order: str) -> None:
    expected = [FIT, OTHER] if order.startswith("-") else [OTHER, FIT]
    assert in_order([FIT, OTHER], order) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0 s"), (-3, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (47 * 3600, "47 h"), (2 * 86_400, "2 d")],
)
def test_an_age_is_in_the_unit_that_tells(seconds: float, expected: str) -> None:
    assert units.age(seconds) == expected


def test_transient_maps_are_marked_everywhere() -> None:
    transient = replace(OTHER, is_transient=True)
    _, fit, other, _ = status_table([FIT, transient]).splitlines()
    assert fit.startswith(f"  {FIT.tag} ")
    assert other.startswith(f"* {OTHER.tag} ")
    assert status_table([FIT]).splitlines()[1].startswith(FIT.tag)
    found = status_dict([FIT, transient], [BROKEN])
    assert [found[each.tag]["transient"] for each in (FIT, transient)] == [False, True]
    text = status_rows([FIT, transient], [BROKEN], with_state=True, with_usage=True)
    rows = [(row["tag"], row["transient"]) for row in csv.DictReader(io.StringIO(text))]
    assert rows == [
        (FIT.tag, "false"),
        (OTHER.tag, "true"),
        ("garbled", ""),
    ]


def test_no_maps_are_said_in_words() -> None:
    assert status_table([]) == "There are no maps."


def test_what_is_broken_stands_below_with_what_to_do() -> None:
    assert status_table([FIT], [BROKEN]).splitlines()[-3:] == [
        "1 cannot be used:",
        "  garbled",
        "    The tag 'garbled' is damaged: remove it.",
    ]


def test_a_long_cell_keeps_both_ends() -> None:
    assert shortened("survey-2024-temperature", 11) == "surve…ature"
    assert shortened("short", 11) == "short"


def test_cells_are_painted_after_they_are_measured() -> None:
    columns = [Column("Tag"), Column("HELD", is_number=True)]
    painted = render(columns, [["a", "3"]], paint=lambda title, cell: f"<{title}>{cell}</>")
    assert painted.splitlines() == ["Tag  HELD", "<Tag>a  </>  <HELD>   3</>"]


def test_json_has_bytes_and_seconds() -> None:
    found = json.loads(as_json(status_dict([FIT, OTHER], [BROKEN])))
    assert found["fit-1"]["component_statuses"]["COMPLETED"] == 7
    assert found["fit-1"]["component_statuses"]["RUNNING"] == 0
    assert found["fit-1"]["max_memory"] == 120 * 1024**2
    assert found["fit-1"]["local_data"] == 2048
    assert (found["fit-1"]["max_runtime"], found["fit-1"]["total_runtime"]) == (90, 36_061)
    assert found["garbled"] == {"tag": "garbled", "problem": BROKEN.problem}


def test_compact_json_has_no_blank_to_spare() -> None:
    compact = as_json(status_dict([FIT]), compact=True)
    assert " " not in compact
    assert json.loads(compact) == status_dict([FIT])


def test_csv_has_a_row_for_each_map() -> None:
    fit, broken = csv.DictReader(io.StringIO(status_rows([FIT], [BROKEN], with_state=True, with_usage=True)))
    assert fit["tag"] == "fit-1"
    assert [fit["COMPLETED"], fit["HELD"], fit["RUNNING"], fit["max_runtime"]] == ["7", "3", "0", "90"]
    assert (broken["problem"], broken["COMPLETED"], broken["max_memory"]) == (BROKEN.problem, "", "")


def test_csv_has_the_columns_that_were_asked_for() -> None:
    assert status_rows([], [], with_state=False, with_usage=False) == "tag,transient,created,problem\n"
    assert status_rows([], [], with_state=False, with_usage=True).startswith("tag,local_data,max_memory,")
    assert "local_data" not in status_rows([], [], with_state=True, with_usage=False)


def error(component: int, message: str, *files: str, hint: str | None = None) -> ComponentError:
    """What a component raised, in these files."""
    frames = [{"file": file, "line": 10 + n, "function": "f"} for n, file in enumerate(files)]
    header = {
        "component": component,
        "status": "raised",
        "exception": {"type": "ValueError", "message": message, "frames": frames, "hint": hint},
    }
    return ComponentError.from_outcome(cast("ReadableMap", None), component, read_outcome(header))


def test_errors_are_grouped_by_the_users_own_line() -> None:
    library = "/usr/lib/python3/dist-packages/numpy/core.py"
    kinds = grouped(
        [
            error(4, "x is 4", "/home/me/fit.py", library),
            error(1, "x is 1", "/home/me/other.py"),
            error(7, "x is 7", "/home/me/fit.py", library, "/opt/env/lib/python3.11/json.py"),
            error(9, "x is 9", library),
            error(11, "x is 11", "<dynamic-code>"),
        ]
    )
    assert [(each.place, each.components) for each in kinds] == [
        ("fit.py:10", [4, 7]),
        ("other.py:10", [1]),
        ("core.py:10", [9]),
        ("line 10 of f()", [11]),
    ]
    assert kinds[0].message == "x is 4"


def test_jobs_that_left_nothing_are_a_kind_of_their_own() -> None:
    why = "The job was killed by signal 9 and left no output."
    no_map = cast("ReadableMap", None)
    kinds = grouped([ComponentError.without_output(no_map, each, why) for each in (2, 3, 8)])
    shown = kinds_text("fit", kinds, None)
    assert shown.startswith("fit: 3 failed components, 1 kind of error\n\n3 components: The job was killed by signal 9")
    assert "components 2-3, 8" in shown
    assert "-> The job ended without leaving an output" in shown


def test_long_lists_of_components_are_cut() -> None:
    kinds = grouped([error(each, "x", "/fit.py", hint="Try y.") for each in range(0, 1000, 2)])
    shown = kinds_text("fit", kinds, 1)
    assert "500 components: ValueError at fit.py:10" in shown
    assert "    -> Try y." in shown
    assert "[...]" in shown
    assert max(map(len, shown.splitlines())) <= 100
