"""Mirrors htmap.maps.table: a row for each component, that takes nothing but plain values."""

from __future__ import annotations

import datetime as dt
import json

from tests.submit import event_text
from tests.submit.conftest import MakeMap
from tests.submit.fake_backend import FakeBackend, raised, returned

from htmap.maps.table import COLUMNS, rows

STARTED = dt.datetime(2026, 3, 1, 10, 0, 0).astimezone(dt.timezone.utc)


def test_a_row_says_when_where_and_what_it_took(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(lambda x: 1 / x, [1, 0, 2])
    fake.log(0, event_text.executing((1, 0)))
    fake.log(0, event_text.evicted((1, 0)))
    fake.run(0)
    (row, *_) = m.table()
    assert tuple(row) == COLUMNS
    assert (row["component"], row["status"], row["host"]) == (0, "COMPLETED", "node7")
    assert (row["attempts"], row["evictions"]) == (2, 1)
    assert row["started"] == row["ended"] == STARTED
    assert row["cpu_s"] == 2.0
    assert row["peak_memory_mb"] == 20
    assert (row["requested_memory_mb"], row["requested_cpus"]) == (128, 1)
    assert row["problem"] is None


def test_what_is_not_known_yet_is_none(make_map: MakeMap) -> None:
    (row,) = make_map(str, [1]).table()
    known = {name for name, value in row.items() if value is not None}
    assert known == {"component", "status", "attempts", "evictions"}


def test_problems_are_told_in_short(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(lambda x: 1 / x, [0, 1, 1, 1])
    fake.run(0)
    fake.hold(1, 34, 102, "Used\n200 MB" + " of 128" * 50)
    fake.log(2, event_text.aborted((1, 2)))
    fake.start(3)
    fake.end(3, -9)
    problems = [str(row["problem"]) for row in m.table()]
    assert problems[0] == "ZeroDivisionError: division by zero"
    assert problems[1].startswith("[34] Used 200 MB of 128")
    assert len(problems[1]) == 100
    assert problems[2] == "removed from the queue"
    assert problems[3] == "The job was killed by signal 9 and left no output."


def test_components_that_share_a_job_have_figures_of_their_own(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(str, range(2), chunksize=2)
    fake.start(0)
    fake.log(0, event_text.image_size((1, 0), 900))
    header, segments = raised(ValueError("x"))
    fake.write_output(0, {0: returned("x"), 1: ({**header, "peak_memory_kb": 50 * 1024}, segments)})
    fake.end(0, 100)
    assert [row["peak_memory_mb"] for row in m.table()] == [20, 50]
    assert m.memory_usage == [20, 50]
    assert [row["peak_memory_mb"] for row in rows(m.opened, from_records=False)] == [900, 900]


def test_memory_counts_what_the_queue_saw_of_other_processes(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(str, range(2))
    fake.log(0, event_text.image_size((1, 0), 300))
    fake.run()
    assert m.memory_usage == [300, 20]
    assert [row["peak_memory_mb"] for row in m.table()] == [300, 20]


def test_what_runs_has_run_so_far(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(str, [1])
    fake.start(0)
    (row,) = m.table()
    assert (row["status"], row["ended"], row["cpu_s"]) == ("RUNNING", None, None)
    assert row["wall_s"] > 0


def test_a_table_opens_no_output_if_it_need_not(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(lambda x: 1 / x, [1, 0])
    fake.run()
    m.opened.watch.look()
    for path in m.opened.directory.submission(0).outputs.glob("*/*"):
        path.write_bytes(b"garbage")
    found = list(rows(m.opened, from_records=False))
    assert [row["problem"] for row in found] == [None, "it raised"]
    assert json.dumps([{**row, "started": "", "ended": ""} for row in found])
