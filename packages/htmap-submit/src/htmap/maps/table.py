"""A row for each component: when and where it ran, what it used and asked for, what became of it.

In: an opened map. Out: plain values. What the event log says costs next to nothing; what only records say (the figures
of components that share a job, the kind of an error) costs a file opened for each job that has ended.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Sequence
from typing import TypedDict

from htmap.maps.opened import Opened
from htmap.observe.fold import JobFigures
from htmap.observe.statuses import ACTIVE, ComponentStatus
from htmap.results.tracebacks import headline
from htmap_common.agreed import RAISED
from htmap_common.wire import Outcome
from htmap_common.wording import visible

_RUNS = frozenset({ComponentStatus.RUNNING, ComponentStatus.SUSPENDED})
_LONGEST_PROBLEM = 100


class Row(TypedDict):
    """One component. None: not known, or not yet.

    Attributes
    ----------
    host
        Where it ran, or runs, last.
    started, ended
        Of its last run, in UTC.
    wall_s
        From start to end, in seconds; of one that runs, so far.
    cpu_s
        User and system time, with that of the programs it ran.
    peak_memory_mb
        With that of the programs it ran, as far as the queue saw them.
    requested_memory_mb, requested_cpus, requested_disk_kb
        What its job had asked for.
    cores
        How many cores its job kept busy on average.
    disk_kb
        What its job had written to the scratch directory.
    attempts, evictions
        How many times its job was started, and sent back unfinished.
    problem
        Its hold or its error, in short.
    """

    component: int
    status: str
    host: str | None
    started: dt.datetime | None
    ended: dt.datetime | None
    wall_s: float | None
    cpu_s: float | None
    peak_memory_mb: int | None
    requested_memory_mb: int | None
    cores: float | None
    requested_cpus: int | None
    disk_kb: int | None
    requested_disk_kb: int | None
    attempts: int
    evictions: int
    problem: str | None


COLUMNS = tuple(Row.__annotations__)


def rows(opened: Opened, components: Sequence[int] | None = None, *, from_records: bool = True) -> Iterator[Row]:
    """The rows of components, as of the last look.

    Parameters
    ----------
    components
        Which; None: all.
    from_records
        If False, no output is opened: of components that share a job, the figures are then those of the job.
    """
    statuses = opened.components.statuses()
    now = time.time()
    for component in range(len(statuses)) if components is None else components:
        status = statuses[component]
        figures = opened.components.figures(component)
        has_record = from_records and status not in ACTIVE
        outcome = opened.retrieval.measured(component) if has_record else None
        row = _of_job(component, status, figures, now)
        if outcome is not None:
            _take_from_record(row, outcome, is_alone=not opened.components.shares_job(component))
        row["problem"] = _problem(opened, component, status, outcome, from_records=from_records)
        yield row


def _of_job(component: int, status: ComponentStatus, job: JobFigures, now: float) -> Row:
    """What the event log says."""
    until = now if status in _RUNS else job.ended
    ran = bool(job.started) and until >= job.started
    return Row(
        component=component,
        status=str(status),
        host=job.host or None,
        started=_time(job.started),
        ended=_time(job.ended),
        wall_s=float(round(until - job.started)) if ran else None,
        cpu_s=float(job.cpu_s) if job.ended else None,
        peak_memory_mb=job.memory_mb or None,
        requested_memory_mb=job.request_memory_mb or None,
        cores=job.cpus_percent / 100 if job.request_cpus else None,
        requested_cpus=job.request_cpus or None,
        disk_kb=job.disk_kb if job.request_disk_kb else None,
        requested_disk_kb=job.request_disk_kb or None,
        attempts=job.attempts,
        evictions=job.evictions,
        problem=None,
    )


def _take_from_record(row: Row, outcome: Outcome, *, is_alone: bool) -> None:
    """What the runner measured is of the component, and finer."""
    if outcome.host:
        row["host"] = outcome.host
    if outcome.started:
        row["started"], row["ended"] = _time(outcome.started), _time(outcome.started + outcome.wall_s)
        row["wall_s"] = round(outcome.wall_s, 3)
    cpu_s = outcome.user_cpu_s + outcome.system_cpu_s
    if cpu_s or outcome.started:
        row["cpu_s"] = round(cpu_s, 3)
    if outcome.peak_memory_kb:
        measured_mb = -(-outcome.peak_memory_kb // 1024)
        of_job_mb = row["peak_memory_mb"] or 0
        row["peak_memory_mb"] = max(measured_mb, of_job_mb) if is_alone else measured_mb


def _problem(
    opened: Opened, component: int, status: ComponentStatus, outcome: Outcome | None, *, from_records: bool
) -> str | None:
    if status is ComponentStatus.HELD:
        hold = opened.components.hold(component)
        return _short(f"[{hold.code}] {hold.reason}") if hold else "held, no reason given"
    if status is ComponentStatus.REMOVED:
        return "removed from the queue"
    if status is not ComponentStatus.ERRORED:
        return None
    if outcome is not None and outcome.status == RAISED and outcome.exception is not None:
        return _short(headline(outcome.exception))
    if opened.components.exit_of(component) is None and not from_records:
        return "it raised"
    return opened.retrieval.why_no_output(component)


def _short(text: str) -> str:
    line = visible(" ".join(text.split()))
    return line if len(line) <= _LONGEST_PROBLEM else line[: _LONGEST_PROBLEM - 1] + "…"


def _time(seconds: float) -> dt.datetime | None:
    return dt.datetime.fromtimestamp(round(seconds, 3), dt.timezone.utc) if seconds else None
