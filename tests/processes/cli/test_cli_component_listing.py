"""Mirrors htmap.cli.component_listing: the components of a map as a table."""

from __future__ import annotations

import csv
import io
import json

from tests.processes.cli.place import Place

from htmap.maps.table import COLUMNS


def test_a_table_has_a_line_for_each_component(finished: Place) -> None:
    lines = finished.htmap("components", "fail", "--table").strip().splitlines()
    assert lines[0].startswith("fail: 6 components")
    assert lines[1].split()[:2] == ["Component", "Status"]
    assert len(lines) == 8
    assert sum("ZeroDivisionError" in line or "Error" in line for line in lines[2:]) == 5


def test_a_table_can_be_filtered_sorted_and_cut(finished: Place) -> None:
    shown = json.loads(
        finished.htmap(
            "components", "fail", "--table", "--json", "-s", "errored", "--sort", "-component", "--limit", "2"
        )
    )
    assert [row["component"] for row in shown["fail"]] == [5, 3]
    assert set(shown["fail"][0]) == set(COLUMNS)


def test_a_spreadsheet_takes_it(finished: Place) -> None:
    rows = list(csv.DictReader(io.StringIO(finished.htmap("components", "double", "fail", "--csv"))))
    assert [row["tag"] for row in rows] == ["double"] * 4 + ["fail"] * 6
    assert all(float(row["wall_s"]) >= 0 for row in rows)
    assert all(row["started"].endswith("+00:00") for row in rows)


def test_a_column_that_is_not_there_is_named(finished: Place) -> None:
    ran = finished.run("components", "fail", "--table", "--sort", "memory")
    assert ran.code == 2
    assert "no column 'memory'" in ran.err
    assert "peak_memory_mb" in ran.err
