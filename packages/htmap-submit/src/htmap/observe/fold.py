"""Fold job events into the state of the jobs of a map.

In: typed events, oldest first (`htmap.observe.events`). Out: one `MapState`, for `htmap.observe.components`.
No I/O and no clock here: the same events always give the same state, however they are cut into pieces.
"""

from __future__ import annotations

import enum
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from htmap.exceptions import CorruptEventLog
from htmap.observe import events as ev
from htmap.observe.events import (
    CLUSTER_REMOVED,
    CLUSTER_SUBMITTED,
    HELD,
    IMAGE_SIZE,
    SUBMITTED,
    TERMINATED,
    Event,
    cpu_s_of,
    exit_of,
    hold_of,
    memory_mb_of,
)
from htmap_common.agreed import SOME_RAISED


class JobState(enum.IntEnum):
    """What the log says of a job. One byte each: there may be a million."""

    UNMATERIALIZED = 0  # not in the queue yet
    IDLE = 1
    RUNNING = 2
    SUSPENDED = 3
    HELD = 4
    REMOVED = 5
    RETURNED = 6  # ended, every component returned
    RAISED = 7  # ended, at least one component raised
    FAILED = 8  # ended in a way that the runner does not end by itself


# Plain numbers for what is hot below: to look up a member of an enum costs as much as the rest of a simple event.
_FIRST_FINAL = int(JobState.REMOVED)  # nothing follows this state or a later one
_IDLE = int(JobState.IDLE)
_RETURNED = int(JobState.RETURNED)


class HoldReason(NamedTuple):
    """Why a job is held."""

    code: int
    subcode: int
    reason: str


@dataclass(slots=True)
class JobTable:
    """The jobs of one submission; element j is the job with proc j."""

    states: bytearray
    memory_mb: array[int]
    holds: dict[int, HoldReason] = field(default_factory=dict)
    exits: dict[int, int | None] = field(default_factory=dict)  # only of jobs that FAILED
    cpu_s: int = 0  # of all jobs that have ended
    longest_cpu_s: int = 0  # of the one among them that took most

    @classmethod
    def of_size(cls, jobs: int) -> JobTable:
        return cls(bytearray(jobs), array("I", bytes(array("I").itemsize * jobs)))


@dataclass(slots=True)
class MapState:
    """The jobs of a map.

    Parameters
    ----------
    tables
        One for each submission.
    submissions
        Cluster id to submission.
    beyond
        Submissions that the events name, but that have no table yet: their events have been passed over.
    """

    tables: list[JobTable] = field(default_factory=list)
    submissions: dict[int, int] = field(default_factory=dict)
    beyond: set[int] = field(default_factory=set)


# Where a job is after an event, whatever came before.
_NEXT: Mapping[int, int] = {
    ev.EXECUTING: int(JobState.RUNNING),
    ev.EVICTED: _IDLE,
    ev.SHADOW_EXCEPTION: _IDLE,
    ev.RECONNECT_FAILED: _IDLE,
    ev.SUSPENDED: int(JobState.SUSPENDED),
    ev.UNSUSPENDED: int(JobState.RUNNING),
    ev.RELEASED: _IDLE,
    ev.ABORTED: _FIRST_FINAL,
}


def fold(state: MapState, events: Iterable[Event]) -> None:
    """Bring the state up to date.

    Only submit-before-terminate is guaranteed by HTCondor: execute events may be missing, terminate events may come
    twice. So each event says where a job is now, whatever came before; but nothing follows an end.

    Raises
    ------
    CorruptEventLog
        An event names a job that was never part of the map. All other events have been folded by then.
    """
    foreign: Event | None = None
    after_event = _NEXT.get
    last_cluster = None
    # Hot: once per event (benchmarks/bench_events.py).
    for event in events:
        kind, cluster, proc, text = event
        if cluster != last_cluster:
            found = _table_of(state, event)
            if found is None:
                continue  # not ours: somebody used our log for jobs of their own
            table, last_cluster = found, cluster
            states, holds, memory_mb, jobs = table.states, table.holds, table.memory_mb, len(table.states)
        if not 0 <= proc < jobs:
            foreign = _of_no_job(table, event) or foreign
        elif kind == IMAGE_SIZE:
            memory_mb[proc] = max(memory_mb[proc], memory_mb_of(text))
        elif states[proc] < _FIRST_FINAL:
            after = after_event(kind)
            if after is not None:
                states[proc] = after
                holds.pop(proc, None)
            elif kind in _TELLING:
                _TELLING[kind](table, proc, text)
    if foreign is not None:
        raise CorruptEventLog(
            f"The event log names job {foreign[1]}.{foreign[2]}, "
            f"but submission {state.submissions[foreign[1]]} of the map has fewer jobs."
        )


def _table_of(state: MapState, event: Event) -> JobTable | None:
    submission = state.submissions.get(event[1])
    if submission is None:
        submission = _submission_of_new_cluster(state, event)
    return None if submission is None else state.tables[submission]


def _submission_of_new_cluster(state: MapState, event: Event) -> int | None:
    kind, cluster, _, text = event
    if kind not in (SUBMITTED, CLUSTER_SUBMITTED):
        return None
    submission = ev.submission_of(text)
    if submission is None:
        return None
    if submission >= len(state.tables):
        state.beyond.add(submission)
        return None
    state.submissions[cluster] = submission
    return submission


def _of_no_job(table: JobTable, event: Event) -> Event | None:
    """Take in an event of a whole cluster; one of a job that the submission does not have is given back."""
    kind, _, proc, _ = event
    if proc >= 0:
        return event
    if kind == CLUSTER_REMOVED:
        _remove_unmaterialized(table)
    return None


def _submit(table: JobTable, proc: int, _: bytes) -> None:
    table.states[proc] = table.states[proc] or _IDLE


def _hold(table: JobTable, proc: int, text: bytes) -> None:
    table.states[proc] = JobState.HELD
    table.holds[proc] = HoldReason(*hold_of(text))


def _end(table: JobTable, proc: int, text: bytes) -> None:
    code = exit_of(text)
    table.holds.pop(proc, None)
    cpu_s = cpu_s_of(text)
    if cpu_s:
        table.cpu_s += cpu_s
        table.longest_cpu_s = max(table.longest_cpu_s, cpu_s)
    if code == 0:
        table.states[proc] = _RETURNED
    elif code == SOME_RAISED:
        table.states[proc] = JobState.RAISED
    else:
        table.states[proc] = JobState.FAILED
        table.exits[proc] = code


# Events of which the state before, or the text, matters.
_TELLING = {SUBMITTED: _submit, HELD: _hold, TERMINATED: _end}


def _remove_unmaterialized(table: JobTable) -> None:
    # A factory that is done has no such jobs left; one that was removed will make no more.
    table.states[:] = table.states.replace(bytes([JobState.UNMATERIALIZED]), bytes([JobState.REMOVED]))
