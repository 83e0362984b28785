"""Mirrors htmap.observe.fold: the same events give the same state, however they come."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.submit import event_text as text

from htmap.exceptions import CorruptEventLog
from htmap.observe.events import EventLog, parse
from htmap.observe.fold import HoldReason, JobState, JobTable, MapState, fold

JOBS = 4
CLUSTER = 815
JOB = (CLUSTER, 0)


def new_state(*sizes: int) -> MapState:
    return MapState([JobTable.of_size(size) for size in sizes or (JOBS,)])


def folded(*pieces: bytes, sizes: tuple[int, ...] = ()) -> MapState:
    state = new_state(*sizes)
    for piece in pieces:
        fold(state, parse(piece))
    return state


def state_after(*pieces: bytes) -> JobState:
    return JobState(folded(text.submitted(JOB), *pieces).tables[0].states[0])


RUNNING = text.executing(JOB)
HELD = text.held(JOB, 34, 102, "Too large")


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([], JobState.IDLE),
        ([RUNNING], JobState.RUNNING),
        ([RUNNING, text.evicted(JOB)], JobState.IDLE),
        ([RUNNING, text.event(7, JOB, "Shadow exception!")], JobState.IDLE),
        ([RUNNING, text.event(22, JOB, "Job disconnected, attempting to reconnect")], JobState.RUNNING),
        ([RUNNING, text.event(24, JOB, "Job reconnection failed")], JobState.IDLE),
        # What a job leaves in the log that ends with its checkpoint_exit_code, and is started again (23.9 and 25.14).
        ([RUNNING, text.event(40, JOB, "Started transferring output files")], JobState.RUNNING),
        ([RUNNING, text.event(40, JOB, "Finished transferring output files")], JobState.RUNNING),
        ([RUNNING, text.suspended(JOB)], JobState.SUSPENDED),
        ([RUNNING, text.suspended(JOB), text.unsuspended(JOB)], JobState.RUNNING),
        ([RUNNING, text.suspended(JOB), text.evicted(JOB)], JobState.IDLE),
        ([RUNNING, HELD], JobState.HELD),
        ([HELD, text.released(JOB)], JobState.IDLE),
        ([HELD, text.aborted(JOB)], JobState.REMOVED),
        ([RUNNING, text.terminated(JOB, 0)], JobState.RETURNED),
        ([RUNNING, text.terminated(JOB, 100)], JobState.RAISED),
        ([RUNNING, text.terminated(JOB, 1)], JobState.FAILED),
        ([RUNNING, text.terminated(JOB, -9)], JobState.FAILED),
        ([RUNNING, text.event(5, JOB, "Job terminated.")], JobState.FAILED),
        ([RUNNING, text.event(999, JOB, "Something new")], JobState.RUNNING),
    ],
)
def test_each_event_says_where_a_job_is_now(pieces: list[bytes], expected: JobState) -> None:
    assert state_after(*pieces) is expected


def test_a_job_that_no_event_names_has_not_materialized() -> None:
    assert set(new_state().tables[0].states) == {JobState.UNMATERIALIZED}


@pytest.mark.parametrize(
    "end", [text.terminated(JOB, 0), text.terminated(JOB, 100), text.terminated(JOB, 3), text.aborted(JOB)]
)
@pytest.mark.parametrize(
    "later", [RUNNING, HELD, text.evicted(JOB), text.released(JOB), text.terminated(JOB, 7), text.submitted(JOB)]
)
def test_nothing_follows_an_end(end: bytes, later: bytes) -> None:
    assert folded(text.submitted(JOB), end, later) == folded(text.submitted(JOB), end)


def test_a_second_submit_event_does_not_take_a_job_back() -> None:
    assert state_after(RUNNING, text.submitted(JOB)) is JobState.RUNNING


def test_a_hold_is_known_until_it_is_over() -> None:
    held = folded(text.submitted(JOB), HELD)
    assert held.tables[0].holds == {0: HoldReason(34, 102, "Too large")}
    for after in (text.released(JOB), text.aborted(JOB), text.terminated(JOB), RUNNING):
        assert folded(text.submitted(JOB), HELD, after).tables[0].holds == {}


def test_a_number_that_is_given_again_is_that_of_the_later_submission() -> None:
    first = [text.submitted((CLUSTER, 0), 0), text.submitted((CLUSTER, 1), 0), text.terminated((CLUSTER, 1))]
    later = [text.submitted((CLUSTER, 0), 1), text.executing((CLUSTER, 0))]
    state = folded(*first, *later, sizes=(2, 1))
    assert state.submissions == {CLUSTER: 1}
    assert list(state.tables[0].states) == [JobState.REMOVED, JobState.RETURNED]
    assert list(state.tables[1].states) == [JobState.RUNNING]
    assert "set up anew" in state.tables[0].removals[0]
    assert folded(*first, b"".join(later), sizes=(2, 1)) == folded(b"".join([*first, *later]), sizes=(2, 1))


def test_who_removed_a_job_is_kept() -> None:
    by_policy = text.aborted((CLUSTER, 1), "The job attribute PeriodicRemove expression 'x' evaluated to TRUE")
    terminated = b"\n\n\tJob terminated by <127.0.0.1:3>"
    ends = [text.aborted(JOB), by_policy.replace(b"TRUE", b"TRUE" + terminated)]
    assert folded(text.submitted(JOB), *ends).tables[0].removals == {
        0: "via condor_rm (by user me)",
        1: "The job attribute PeriodicRemove expression 'x' evaluated to TRUE",
    }


def test_how_a_job_ended_is_kept_for_those_that_failed() -> None:
    ends = [text.terminated((CLUSTER, proc), code) for proc, code in enumerate((0, 100, 3, -11))]
    assert folded(text.submitted(JOB), *ends).tables[0].exits == {2: 3, 3: -11}


def test_memory_is_the_peak() -> None:
    sizes = [text.image_size(JOB, size) for size in (10, 300, 20)]
    assert list(folded(text.submitted(JOB), *sizes, text.terminated(JOB)).tables[0].memory_mb) == [300, 0, 0, 0]


def test_processor_time_of_a_job_that_ends_twice_counts_once() -> None:
    once = folded(text.submitted(JOB), text.terminated(JOB))
    assert once.tables[0].totals.cpu_s == once.tables[0].totals.longest_cpu_s == 1
    assert folded(text.submitted(JOB), text.terminated(JOB), text.terminated(JOB)) == once


# --- clusters -------------------------------------------------------------------------------------------------------


def test_a_cluster_belongs_to_the_submission_that_its_notes_name() -> None:
    state = folded(text.submitted((7, 0), 0), text.submitted((9, 1), 1), text.executing((9, 1)), sizes=(1, 2))
    assert state.submissions == {7: 0, 9: 1}
    assert [list(table.states) for table in state.tables] == [
        [JobState.IDLE],
        [JobState.UNMATERIALIZED, JobState.RUNNING],
    ]


def test_jobs_of_somebody_else_in_the_same_log_are_passed_over() -> None:
    others = [
        text.submitted((7, 99), None),
        text.executing((7, 99)),
        text.terminated((7, 99)),
        text.cluster_removed(7, 1, 1),
    ]
    assert folded(*others) == new_state()


def test_jobs_of_somebody_else_between_ours_change_nothing_either() -> None:
    others = text.executing((7, 0)) + text.terminated((7, 0))
    ours = [text.submitted(JOB), text.executing(JOB), text.held(JOB, 1, 0, "By hand"), text.terminated(JOB)]
    assert folded(others.join(ours)) == folded(b"".join(ours))


def test_a_cluster_that_is_known_needs_no_notes() -> None:
    state = new_state()
    state.submissions[CLUSTER] = 0
    fold(state, parse(text.executing(JOB)))
    assert state.tables[0].states[0] == JobState.RUNNING


def test_jobs_that_never_materialized_are_gone_with_their_cluster() -> None:
    log = [text.cluster_submitted(CLUSTER), text.submitted(JOB), text.submitted((CLUSTER, 1)), text.terminated(JOB)]
    before = folded(*log).tables[0].states
    after = folded(*log, text.cluster_removed(CLUSTER, 2, 4)).tables[0].states
    assert list(before) == [JobState.RETURNED, JobState.IDLE, JobState.UNMATERIALIZED, JobState.UNMATERIALIZED]
    assert list(after) == [JobState.RETURNED, JobState.IDLE, JobState.REMOVED, JobState.REMOVED]


def test_a_job_beyond_the_submission_is_named_and_costs_no_other() -> None:
    state = new_state()
    log = text.submitted(JOB) + text.executing((CLUSTER, JOBS)) + text.terminated(JOB)
    with pytest.raises(CorruptEventLog, match=rf"names job {CLUSTER}\.{JOBS}, but submission 0"):
        fold(state, parse(log))
    assert state.tables[0].states[0] == JobState.RETURNED


# --- properties -----------------------------------------------------------------------------------------------------

Telling = Callable[[tuple[int, int]], bytes]

BETWEEN: st.SearchStrategy[Telling] = st.sampled_from(
    [
        text.executing,
        text.evicted,
        text.suspended,
        text.unsuspended,
        text.released,
        lambda job: text.image_size(job, 5 * job[1]),
        lambda job: text.held(job, 21, job[1], "Too large"),
    ]
)
ENDS: st.SearchStrategy[Telling] = st.sampled_from(
    [text.aborted, *(functools.partial(text.terminated, code=code) for code in (0, 100, 3, -9))]
)


@st.composite
def logs(draw: st.DrawFn) -> list[bytes]:
    """The events of a few jobs: each from its submission on, and no further than its end; side by side."""
    lives = []
    for proc in range(draw(st.integers(1, JOBS))):
        kinds = [text.submitted, *draw(st.lists(BETWEEN, max_size=4)), *draw(st.lists(ENDS, max_size=1))]
        lives.append([kind((CLUSTER, proc)) for kind in kinds])
    order = draw(st.permutations([number for number, life in enumerate(lives) for _ in life]))
    pending = [iter(life) for life in lives]
    return [next(pending[number]) for number in order]


@given(logs(), st.lists(st.integers(0, 10_000), max_size=6))
def test_it_does_not_matter_where_a_log_is_cut(log: list[bytes], cuts: list[int]) -> None:
    whole = b"".join(log)
    ends = sorted({min(cut, len(whole)) for cut in cuts} | {len(whole)})
    state = new_state()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "events")
        reader = EventLog(path)
        for end in ends:
            path.write_bytes(whole[:end])
            fold(state, reader.read())
    assert state == folded(whole)


NOISE = (
    st.just(bytes(4096))
    | st.binary(max_size=30)
    | st.sampled_from([b"\n...\n", b"...\n", text.event(28, JOB, "Job ad information event triggered.")])
    | st.builds(
        lambda event, share: event[: share * (len(event) - 1) // 100],
        ENDS.map(lambda end: end(JOB)),
        st.integers(0, 100),
    )
)


@given(logs(), st.data())
def test_noise_between_events_changes_nothing(log: list[bytes], data: st.DataObject) -> None:
    noisy = b"".join(data.draw(NOISE) + event for event in log)
    assert folded(noisy) == folded(*log)


@given(logs(), st.data())
def test_an_end_that_is_told_twice_changes_nothing(log: list[bytes], data: st.DataObject) -> None:
    ends = [event for event in log if event.startswith((b"005", b"009"))]
    again = [data.draw(st.sampled_from(ends))] * data.draw(st.integers(0, 2)) if ends else []
    assert folded(*log, *again) == folded(*log)


@given(logs())
def test_a_job_whose_start_was_not_told_still_ends(log: list[bytes]) -> None:
    untold = folded(*(event for event in log if not event.startswith(b"001"))).tables[0]
    told = folded(*log).tables[0]
    final = {JobState.RETURNED, JobState.RAISED, JobState.FAILED, JobState.REMOVED}
    ended = [proc for proc, state in enumerate(told.states) if state in final]
    assert [untold.states[proc] for proc in ended] == [told.states[proc] for proc in ended]
    assert untold.exits == told.exits


@given(logs())
def test_holds_are_those_of_the_jobs_that_are_held(log: list[bytes]) -> None:
    table = folded(*log).tables[0]
    assert sorted(table.holds) == [proc for proc, state in enumerate(table.states) if state == JobState.HELD]
