"""Mirrors htmap.show.component_table: rows of components for people and for programs."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from typing import Any

from htmap.maps.table import COLUMNS
from htmap.show.component_table import component_csv, component_text, in_order, plain

STARTED = dt.datetime(2026, 3, 1, 10, 0, 0, tzinfo=dt.timezone.utc)
NOTHING: dict[str, Any] = {**dict.fromkeys(COLUMNS), "attempts": 0, "evictions": 0}
IDLE = {**NOTHING, "component": 0, "status": "IDLE"}
DONE = {
    **NOTHING,
    "component": 1,
    "status": "COMPLETED",
    "host": "node7",
    "started": STARTED,
    "ended": STARTED + dt.timedelta(seconds=90),
    "wall_s": 90.0,
    "cpu_s": 80.4,
    "peak_memory_mb": 300,
    "requested_memory_mb": 2048,
    "cores": 0.89,
    "requested_cpus": 1,
    "disk_kb": 10,
    "requested_disk_kb": 1024,
    "attempts": 2,
    "evictions": 1,
    "problem": None,
}


def test_people_see_what_was_used_beside_what_was_asked_for() -> None:
    header, _, done = component_text([IDLE, DONE]).splitlines()
    assert header.split("  ")[0] == "Component"
    for part in ("node7", "0:01:30", "0:01:20", "300 MB / 2.0 GB", "10 KB / 1.0 MB", "0.89 / 1", "2 (1 evicted)"):
        assert part in done


def test_columns_of_which_nothing_is_known_are_left_out() -> None:
    assert component_text([IDLE]).split() == ["Component", "Status", "0", "IDLE"]
    assert component_text([]) == ""


def test_programs_get_every_column() -> None:
    (idle, done) = csv.DictReader(io.StringIO(component_csv([IDLE, DONE], COLUMNS)))
    assert tuple(done) == COLUMNS
    assert idle["host"] == ""
    assert (done["started"], done["peak_memory_mb"]) == ("2026-03-01T10:00:00+00:00", "300")
    assert json.loads(json.dumps(plain(DONE)))["ended"] == "2026-03-01T10:01:30+00:00"


def test_what_is_not_known_comes_last_in_either_order() -> None:
    small = {**DONE, "component": 2, "peak_memory_mb": 5}
    for descending, expected in ((False, [2, 1, 0]), (True, [1, 2, 0])):
        rows = in_order([IDLE, DONE, small], "peak_memory_mb", descending=descending)
        assert [row["component"] for row in rows] == expected
