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
    removal_of,
)
from htmap.observe.measured import host_of, resources_of, when_of
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
_RUNNING = int(JobState.RUNNING)
_RETURNED = int(JobState.RETURNED)
_ON_A_MACHINE = frozenset({int(JobState.RUNNING), int(JobState.SUSPENDED)})


class HoldReason(NamedTuple):
    """Why a job is held."""

    code: int
    subcode: int
    reason: str


@dataclass(slots=True)
class Totals:
    """Over all jobs of a submission that have ended, and of the one among them that took most; in seconds."""

    cpu_s: int = 0
    longest_cpu_s: int = 0
    wall_s: int = 0
    longest_wall_s: int = 0


COLUMNS = (
    "memory_mb", "started", "ended", "host", "attempts", "evictions", "cpu_s",
    "cpus_percent", "request_cpus", "disk_kb", "request_disk_kb", "request_memory_mb",
)  # fmt: skip
"""The arrays of a `JobTable`: with the state, 49 bytes a job."""


class JobFigures(NamedTuple):
    """What the log says of one job: a row of a `JobTable`."""

    memory_mb: int
    started: int
    ended: int
    attempts: int
    evictions: int
    cpu_s: int
    cpus_percent: int
    request_cpus: int
    disk_kb: int
    request_disk_kb: int
    request_memory_mb: int
    host: str


@dataclass(slots=True)
class JobTable:
    """The jobs of one submission; element j is the job with proc j. 0: not known.

    Parameters
    ----------
    memory_mb
        Peak so far, of all processes of the job together.
    started, ended
        Of its last run, in seconds since 1970.
    host
        Where its last run is or was: its number in `hosts`.
    attempts, evictions
        How many times it began to run; how many times it was sent back without having ended.
    cpu_s
        User and system time of all its runs.
    cpus_percent
        How much of one core it used on average.
    """

    states: bytearray
    memory_mb: array[int]
    started: array[int]
    ended: array[int]
    host: array[int]
    attempts: array[int]
    evictions: array[int]
    cpu_s: array[int]
    cpus_percent: array[int]
    request_cpus: array[int]
    disk_kb: array[int]
    request_disk_kb: array[int]
    request_memory_mb: array[int]
    holds: dict[int, HoldReason] = field(default_factory=dict)
    exits: dict[int, int | None] = field(default_factory=dict)  # only of jobs that FAILED
    removals: dict[int, str] = field(default_factory=dict)  # why, of jobs that were REMOVED, where the log says
    totals: Totals = field(default_factory=Totals)
    hosts: dict[bytes, int] = field(default_factory=dict)  # name to number, from 1 on
    host_names: list[str] = field(default_factory=list)

    @classmethod
    def of_size(cls, jobs: int) -> JobTable:
        empty = bytes(array("I").itemsize * jobs)
        columns = {name: array("I", empty) for name in COLUMNS}
        return cls(
            bytearray(jobs), **columns, holds={}, exits={}, removals={}, totals=Totals(), hosts={}, host_names=[]
        )

    def figures(self, job: int) -> JobFigures:
        """The row of one job."""
        host = self.host[job]
        return JobFigures(
            self.memory_mb[job],
            self.started[job],
            self.ended[job],
            self.attempts[job],
            self.evictions[job],
            self.cpu_s[job],
            self.cpus_percent[job],
            self.request_cpus[job],
            self.disk_kb[job],
            self.request_disk_kb[job],
            self.request_memory_mb[job],
            self.host_names[host - 1] if host else "",
        )

    def number_of_host(self, name: bytes) -> int:
        """The number of a host in this table; a new one is added."""
        number = self.hosts.get(name)
        if number is None:
            self.host_names.append(name.decode("utf-8", "replace"))
            number = self.hosts[name] = len(self.host_names)
        return number


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


# Where a job is after an event of which nothing else matters.
_NEXT: Mapping[int, int] = {
    ev.SUSPENDED: int(JobState.SUSPENDED),
    ev.UNSUSPENDED: int(JobState.RUNNING),
    ev.RELEASED: _IDLE,
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
        if cluster != last_cluster or (proc <= 0 and kind in _BEGINNINGS):
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


_BEGINNINGS = frozenset((SUBMITTED, CLUSTER_SUBMITTED))
_GIVEN_AGAIN = "its queue was set up anew, and gave its number again"


def _table_of(state: MapState, event: Event) -> JobTable | None:
    kind, cluster, _, text = event
    submission = state.submissions.get(cluster)
    if kind in _BEGINNINGS:
        named = ev.submission_of(text)
        if named is not None and (submission is None or named > submission):
            if named >= len(state.tables):
                state.beyond.add(named)
                return None
            if submission is not None:
                _give_up(state.tables[submission])
            state.submissions[cluster] = submission = named
    return None if submission is None else state.tables[submission]


def _give_up(table: JobTable) -> None:
    """What has not ended of a submission whose number another one has got: no queue knows it any more."""
    for proc, code in enumerate(table.states):
        if code < _FIRST_FINAL:
            table.states[proc] = _FIRST_FINAL
            table.holds.pop(proc, None)
            table.removals[proc] = _GIVEN_AGAIN


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
    if table.states[proc] in _ON_A_MACHINE:
        table.ended[proc] = when_of(text)
    table.states[proc] = JobState.HELD
    table.holds[proc] = HoldReason(*hold_of(text))


def _execute(table: JobTable, proc: int, text: bytes) -> None:
    table.states[proc] = _RUNNING
    table.holds.pop(proc, None)
    table.attempts[proc] += 1
    table.started[proc] = when_of(text)
    table.ended[proc] = 0
    table.host[proc] = table.number_of_host(host_of(text))


def _evict(table: JobTable, proc: int, text: bytes) -> None:
    table.states[proc] = _IDLE
    table.holds.pop(proc, None)
    table.evictions[proc] += 1
    table.ended[proc] = when_of(text)


def _abort(table: JobTable, proc: int, text: bytes) -> None:
    if table.states[proc] in _ON_A_MACHINE:
        table.ended[proc] = when_of(text)
    table.states[proc] = _FIRST_FINAL
    table.holds.pop(proc, None)
    if reason := removal_of(text):
        table.removals[proc] = reason


def _end(table: JobTable, proc: int, text: bytes) -> None:
    code = exit_of(text)
    table.holds.pop(proc, None)
    _measure(table, proc, text)
    if code == 0:
        table.states[proc] = _RETURNED
    elif code == SOME_RAISED:
        table.states[proc] = JobState.RAISED
    else:
        table.states[proc] = JobState.FAILED
        table.exits[proc] = code


def _measure(table: JobTable, proc: int, text: bytes) -> None:
    """Take in what a job that has ended has used."""
    ended, started, totals = when_of(text), table.started[proc], table.totals
    table.ended[proc] = ended
    if started and ended > started:
        totals.wall_s += ended - started
        totals.longest_wall_s = max(totals.longest_wall_s, ended - started)
    cpu_s = cpu_s_of(text)
    if cpu_s:
        table.cpu_s[proc] = cpu_s
        totals.cpu_s += cpu_s
        totals.longest_cpu_s = max(totals.longest_cpu_s, cpu_s)
    used = resources_of(text)
    if used.request_memory_mb:
        table.cpus_percent[proc], table.request_cpus[proc] = used.cpus_percent, used.request_cpus
        table.disk_kb[proc], table.request_disk_kb[proc] = used.disk_kb, used.request_disk_kb
        table.request_memory_mb[proc] = used.request_memory_mb
        table.memory_mb[proc] = max(table.memory_mb[proc], used.memory_mb)


# Events of which the state before, or the text, matters.
_TELLING = {
    SUBMITTED: _submit,
    ev.EXECUTING: _execute,
    ev.EVICTED: _evict,
    ev.SHADOW_EXCEPTION: _evict,
    ev.RECONNECT_FAILED: _evict,
    ev.ABORTED: _abort,
    HELD: _hold,
    TERMINATED: _end,
}


def _remove_unmaterialized(table: JobTable) -> None:
    # A factory that is done has no such jobs left; one that was removed will make no more.
    table.states[:] = table.states.replace(bytes([JobState.UNMATERIALIZED]), bytes([JobState.REMOVED]))
