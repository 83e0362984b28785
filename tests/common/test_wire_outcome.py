"""Mirrors htmap_common.wire.outcome: the header of an outputs record, with types."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.common import make_golden as golden

from htmap_common.wire import Corrupt, OutcomeRecord, RemoteException, read_exception, read_outcome

WHOLE: dict[str, Any] = {
    **golden.OUTPUTS[1][0],
    "node": {"host": "n", "cpu_count": 8},
    "executable": "/usr/bin/python3",
    "scratch": ["a", "b/"],
    "output_files": ["fit.csv"],
    "payload": [1, 2],
    "stdout": 0,
}
GROUP = {"type": "ExceptionGroup", "message": "two", "members": [golden.EXCEPTION], "members_left_out": 3}

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def test_each_value_has_its_place() -> None:
    outcome = read_outcome(WHOLE)
    assert (outcome.component, outcome.status, outcome.host) == (5, "raised", "node-7.example.org")
    assert (outcome.wall_s, outcome.peak_memory_kb, outcome.attempt) == (1.5, 20480, 1)
    assert (outcome.payload, outcome.stdout, outcome.stderr) == (slice(1, 3), 0, 0)
    assert outcome.exception is not None
    assert outcome.exception.frames[0].locals == {"x": "0"}
    assert outcome.exception.notes == ["while fitting Größe"]


def test_what_an_older_version_did_not_write_is_unknown() -> None:
    outcome = read_outcome({"component": 0, "status": "returned", "a key of a newer version": [1]})
    assert (outcome.python, outcome.attempt, outcome.payload, outcome.exception) == ((), 0, None, None)
    assert read_exception({}).type == "unknown error"


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf"), 2**63, 1e300, -(2**62)])
@pytest.mark.parametrize("key", ["started", "wall_s", "user_cpu_s", "system_cpu_s"])
def test_a_time_that_nothing_takes_is_damage(key: str, number: float) -> None:
    with pytest.raises(Corrupt):
        read_outcome({**WHOLE, key: number})


def test_groups_and_chains_are_exceptions_too() -> None:
    group = read_exception({**GROUP, "chain": [{"type": "KeyError", "relation": "cause"}]})
    assert [member.type for member in group.members] == ["ZeroDivisionError"]
    assert group.members_left_out == 3
    assert [(each.type, each.relation) for each in group.chain] == [("KeyError", "cause")]


@pytest.mark.parametrize("key", WHOLE)
@given(value=PLAIN)
def test_a_wrong_value_is_damage_and_nothing_else(key: str, value: object) -> None:
    with contextlib.suppress(Corrupt):
        read = read_outcome({**WHOLE, key: value})._asdict()
        expected = read_outcome(WHOLE)._asdict()
        assert {**read, key: None} == {**expected, key: None}


@pytest.mark.parametrize("key", [*golden.EXCEPTION, "members", "members_left_out", "hint", "frames_left_out"])
@given(value=PLAIN)
def test_a_wrong_part_of_an_exception_is_damage_and_nothing_else(key: str, value: object) -> None:
    with contextlib.suppress(Corrupt):
        assert isinstance(read_exception({**golden.EXCEPTION, key: value}), RemoteException)


def test_exceptions_within_exceptions_without_end_are_damage() -> None:
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"chain": [deep]}
    with pytest.raises(Corrupt):
        read_exception(deep)


def test_segments_that_are_not_there_are_damage() -> None:
    record = OutcomeRecord(read_outcome(WHOLE), [memoryview(b"printed")])
    assert record.printed("stdout") == b"printed"
    with pytest.raises(Corrupt):
        record.payload()
    outcome = record.outcome._replace(stdout=7)
    with pytest.raises(Corrupt):
        OutcomeRecord(outcome, record.segments).printed("stdout")
