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
from htmap.observe.events import Event


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


_FINAL = frozenset({JobState.REMOVED, JobState.RETURNED, JobState.RAISED, JobState.FAILED})


class Hold(NamedTuple):
    """Why a job is held."""

    code: int
    subcode: int
    reason: str


@dataclass(slots=True)
class JobTable:
    """The jobs of one submission; element j is the job with proc j."""

    states: bytearray
    memory_mb: array[int]
    holds: dict[int, Hold] = field(default_factory=dict)
    exits: dict[int, int | None] = field(default_factory=dict)  # only of jobs that FAILED
    cpu_s: int = 0  # of all jobs that have ended

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


EXIT_SOME_RAISED = 100  # htmap.create.description says the same to the queue

_NEXT: Mapping[int, JobState] = {
    ev.SUBMITTED: JobState.IDLE,
    ev.EXECUTING: JobState.RUNNING,
    ev.EVICTED: JobState.IDLE,
    ev.SHADOW_EXCEPTION: JobState.IDLE,
    ev.RECONNECT_FAILED: JobState.IDLE,
    ev.SUSPENDED: JobState.SUSPENDED,
    ev.UNSUSPENDED: JobState.RUNNING,
    ev.HELD: JobState.HELD,
    ev.RELEASED: JobState.IDLE,
    ev.ABORTED: JobState.REMOVED,
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
    stranger: Event | None = None
    # Hot: once per event.
    for event in events:
        kind, cluster, proc, _ = event
        submission = state.submissions.get(cluster)
        if submission is None:
            submission = _submission_of_new_cluster(state, event)
            if submission is None:
                continue  # not ours: somebody used our log for jobs of their own
        table = state.tables[submission]
        if proc < 0:
            if kind == ev.CLUSTER_REMOVED:
                _remove_unmaterialized(table)
            continue
        if proc >= len(table.states):
            stranger = event
            continue
        if kind == ev.IMAGE_SIZE:
            table.memory_mb[proc] = max(table.memory_mb[proc], ev.memory_mb_of(event))
        elif table.states[proc] not in _FINAL:
            _move(table, proc, event)
    if stranger is not None:
        raise CorruptEventLog(
            f"The event log names job {stranger.cluster}.{stranger.proc}, "
            f"but submission {state.submissions[stranger.cluster]} of the map has fewer jobs."
        )


def _submission_of_new_cluster(state: MapState, event: Event) -> int | None:
    if event.kind not in (ev.SUBMITTED, ev.CLUSTER_SUBMITTED):
        return None
    submission = ev.submission_of(event)
    if submission is None:
        return None
    if submission >= len(state.tables):
        state.beyond.add(submission)
        return None
    state.submissions[event.cluster] = submission
    return submission


def _move(table: JobTable, proc: int, event: Event) -> None:
    if event.kind == ev.TERMINATED:
        _end(table, proc, event)
        return
    after = _NEXT.get(event.kind)
    if after is None or (event.kind == ev.SUBMITTED and table.states[proc] != JobState.UNMATERIALIZED):
        return
    table.states[proc] = after
    if after is JobState.HELD:
        table.holds[proc] = Hold(*ev.hold_of(event))
    else:
        table.holds.pop(proc, None)


def _end(table: JobTable, proc: int, event: Event) -> None:
    code = ev.exit_of(event)
    table.holds.pop(proc, None)
    table.cpu_s += ev.cpu_s_of(event)
    if code == 0:
        table.states[proc] = JobState.RETURNED
    elif code == EXIT_SOME_RAISED:
        table.states[proc] = JobState.RAISED
    else:
        table.states[proc] = JobState.FAILED
        table.exits[proc] = code


def _remove_unmaterialized(table: JobTable) -> None:
    # A factory that is done has no such jobs left; one that was removed will make no more.
    table.states[:] = table.states.replace(bytes([JobState.UNMATERIALIZED]), bytes([JobState.REMOVED]))
