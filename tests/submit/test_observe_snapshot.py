"""Mirrors htmap.observe.snapshot: a cache that is only used when it fits."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.submit import event_text as text

from htmap.observe import snapshot
from htmap.observe.events import parse
from htmap.observe.fold import JobTable, MapState, fold
from htmap_common.wire import Kind, encode_file, read_record

LOG = b"".join(
    [
        text.submitted((7, 0), 0),
        text.submitted((7, 1), 0),
        text.held((7, 1), 34, 102, "Naïve ☃"),
        text.image_size((7, 0), 70_000),
        text.submitted((9, 0), 1),
        text.terminated((9, 0), -11),
        text.aborted((7, 0)),
    ]
)
SIZES = [2, 1]


def state_of(log: bytes, sizes: list[int]) -> MapState:
    state = MapState([JobTable.of_size(size) for size in sizes])
    fold(state, parse(log))
    return state


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "events"
    path.write_bytes(LOG)
    return path


@pytest.fixture
def saved(log: Path, tmp_path: Path) -> Path:
    path = tmp_path / "state"
    snapshot.save(path, state_of(LOG, SIZES), log, len(LOG))
    return path


def test_a_snapshot_gives_back_the_state_and_how_far_it_goes(saved: Path, log: Path) -> None:
    assert snapshot.load(saved, log, SIZES) == (state_of(LOG, SIZES), len(LOG))


def test_what_was_given_back_can_be_folded_on(saved: Path, log: Path) -> None:
    more = text.released((7, 1)) + text.image_size((7, 0), 80_000) + text.aborted((7, 1), "by hand")
    found = snapshot.load(saved, log, SIZES)
    assert found is not None
    fold(found[0], parse(more))
    assert found[0] == state_of(LOG + more, SIZES)


def test_submissions_made_since_are_added(saved: Path, log: Path) -> None:
    found = snapshot.load(saved, log, [*SIZES, 5])
    assert found is not None
    assert [len(table.states) for table in found[0].tables] == [2, 1, 5]


@pytest.mark.parametrize("sizes", [[], [2], [3, 1], [2, 7], [1]])
def test_a_snapshot_of_other_submissions_is_not_used(sizes: list[int], saved: Path, log: Path) -> None:
    assert snapshot.load(saved, log, sizes) is None


@pytest.mark.parametrize(
    "other", [b"", LOG[:-1], b"x" + LOG[1:], b"x" * 5000], ids=["empty", "shorter", "changed", "other"]
)
def test_a_snapshot_of_another_log_is_not_used(other: bytes, saved: Path, log: Path) -> None:
    log.write_bytes(other)
    assert snapshot.load(saved, log, SIZES) is None


def test_a_snapshot_of_a_log_that_has_grown_is_used(saved: Path, log: Path) -> None:
    with log.open("ab") as file:
        file.write(text.executing((7, 0)))
    assert snapshot.load(saved, log, SIZES) is not None


def test_without_a_log_or_a_snapshot_there_is_none(saved: Path, log: Path) -> None:
    assert snapshot.load(saved.with_name("absent"), log, SIZES) is None
    log.unlink()
    assert snapshot.load(saved, log, SIZES) is None


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_damage_makes_loading_fail_or_lie(saved: Path, log: Path, data: st.DataObject) -> None:
    whole = saved.read_bytes()
    place = saved.with_name("damaged")
    if data.draw(st.booleans()):
        damaged = whole[: data.draw(st.integers(0, len(whole) - 1))]
    else:
        changed = bytearray(whole)
        bit = data.draw(st.integers(0, 8 * len(whole) - 1))
        changed[bit // 8] ^= 1 << bit % 8
        damaged = bytes(changed)
    place.write_bytes(damaged)
    assert snapshot.load(place, log, SIZES) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"holds": "text"},
        {"holds": {"0": 7}},
        {"exits": []},
        {"exits": {"0": "x"}},
        {"removals": [["why", [[0, 2**62]]]]},
        {"totals": {"more": 1}},
        {"hosts": 3},
        {"hosts": []},
    ],
)
def test_a_snapshot_that_says_what_none_does_is_not_used_or_does_no_harm(
    wrong: dict[str, object], saved: Path, log: Path
) -> None:
    record = read_record(saved, Kind.STATE)
    header = {name: value for name, value in record.header.items() if name != "segments"}
    header["tables"][0] |= wrong
    saved.write_bytes(b"".join(encode_file(Kind.STATE, header, record.segments)))
    found = snapshot.load(saved, log, SIZES)
    assert found is None or set(found[0].tables[0].removals) <= set(range(SIZES[0]))


@pytest.mark.parametrize("column", ["states", "host"])
def test_a_snapshot_of_a_state_or_a_host_that_there_is_not_is_not_used(column: str, saved: Path, log: Path) -> None:
    state = state_of(LOG, SIZES)
    getattr(state.tables[0], column)[0] = 99
    snapshot.save(saved, state, log, len(LOG))
    assert snapshot.load(saved, log, SIZES) is None


def test_a_disk_that_refuses_a_snapshot_is_no_reason_to_fail(log: Path, tmp_path: Path) -> None:
    snapshot.save(tmp_path / "absent" / "state", state_of(LOG, SIZES), log, len(LOG))
    assert not (tmp_path / "absent").exists()
