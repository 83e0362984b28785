"""Collect what a report of maps shows, and make the page.

In: opened maps. Out: one `htmap.show.report.Report` for each, of plain values, counted into as many parts as a picture
can show; and the page that they make. The columns of the fold are gone through a few times; outputs are opened only of
the few components that are named.
"""

from __future__ import annotations

import contextlib
import heapq
import math
import os
import time
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from htmap.exceptions import ExpectedError, TimeoutError  # noqa: A004 - ours
from htmap.maps.advice import advice
from htmap.maps.component_errors import error_of
from htmap.maps.opened import Opened
from htmap.maps.table import Row, rows
from htmap.observe.fold import JobTable
from htmap.observe.holds import ComponentHold
from htmap.observe.statuses import ComponentStatus
from htmap.show.report import Report, report_html
from htmap.store.atomic import storage_errors

_MOMENTS = 120  # of a picture over time
_PARTS = 40  # of a histogram
_HOSTS = 25
_NAMED = 10  # slowest, largest, failed components
_TOLD = 20  # errors that are told whole


def page(maps: Sequence[Opened], path: str | os.PathLike[str] | None = None) -> str:
    """The report of maps as HTML, also written to a file if one is named.

    Raises
    ------
    MissingPackage
        What draws its pictures is not installed.
    """
    text = report_html([collect(each) for each in maps])
    if path is not None:
        with storage_errors(f"write the report {path}"):
            Path(path).write_text(text, encoding="utf-8")
    return text


@dataclass(frozen=True, slots=True)
class _Named:
    """A map, as far as the text of an error needs it."""

    tag: str


def collect(opened: Opened) -> Report:
    """What there is to show of a map now."""
    opened.watch.look()
    tables, now = opened.components.tables(), time.time()
    runs = _Runs(tables, int(now))
    peaks = array("I", (memory for table in tables for memory in table.memory_mb if memory))
    walls = array("I", (end - start for start, end, _, has_ended in runs if has_ended))
    asked = {memory for table in tables for memory in table.request_memory_mb if memory}
    statuses = opened.components.statuses()
    errored = [each for each, status in enumerate(statuses) if status is ComponentStatus.ERRORED]
    return Report(
        tag=opened.tag.look(),
        function=opened.record.function_name,
        created=opened.record.created,
        made=now,
        backend=opened.record.backend,
        counts=opened.components.counts(),
        totals=opened.components.totals(),
        over_time=_over_time(runs),
        over_hosts=_over_hosts(runs),
        memory=_histogram(peaks),
        asked_memory_mb=sorted(asked),
        wall=_histogram(walls),
        attempts=sum(sum(table.attempts) for table in tables),
        evictions=sum(sum(table.evictions) for table in tables),
        holds=_holds(opened),
        slowest=_extreme(opened, tables, lambda table, job: max(0, table.ended[job] - table.started[job])),
        largest=_extreme(opened, tables, lambda table, job: table.memory_mb[job]),
        failed=list(rows(opened, errored[:_TOLD])),
        failures=len(errored),
        reports=dict(_told(opened, errored[:_TOLD])),
        advice=[str(each) for each in advice(opened)],
    )


def _told(opened: Opened, components: Sequence[int]) -> Iterator[tuple[int, str]]:
    for component in components:
        with contextlib.suppress(ExpectedError, TimeoutError):
            yield component, error_of(_Named(opened.tag.last), opened, component, 0).report()


Run = tuple[int, int, str, bool]
"""Start, end (or now), host, and whether it has ended."""


class _Runs:
    """The last runs of all jobs that have begun to run; gone through anew each time, as a million tuples are large."""

    def __init__(self, tables: Sequence[JobTable], now: int) -> None:
        self._tables = tables
        self._now = now
        starts = [start for table in tables for start in (min(filter(None, table.started), default=0),) if start]
        self.first = min(starts, default=0)  # 0: none
        self.last = max((end for _, end, _, _ in self), default=0)
        self.step_s = max(1.0, (self.last - self.first + 1) / _MOMENTS)  # how long a moment of a picture is

    def __iter__(self) -> Iterator[Run]:
        for table in self._tables:
            names = ["", *table.host_names]
            for start, end, host in zip(table.started, table.ended, table.host, strict=True):
                if start:
                    yield start, max(start, end or self._now), names[host], bool(end)

    def moments(self, start: int, end: int) -> tuple[int, int]:
        """The first moment of a run, and the first after it: one that is shorter than a moment is seen all the same."""
        first = int((start - self.first) / self.step_s)
        return first, max(first + 1, int((end - self.first) / self.step_s))


def _shown(runs: _Runs) -> int:
    """How many moments it takes to the last one: a map of seconds has few."""
    return min(_MOMENTS, int((runs.last - runs.first) / runs.step_s) + 1)


def _over_time(runs: _Runs) -> list[dict[str, Any]]:
    if not runs.first:
        return []
    first, step = runs.first, runs.step_s
    change, ended = [0] * (_MOMENTS + 1), [0] * (_MOMENTS + 1)
    for start, end, _, has_ended in runs:
        begins, ends = runs.moments(start, end)
        change[begins] += 1
        if has_ended:
            change[ends] -= 1
            ended[ends] += 1
    values, running, done = [], 0, 0
    for moment in range(_shown(runs) + 1):
        running += change[moment]
        done += ended[moment]
        values.append({"time": 1000 * (first + moment * step), "running": running, "ended": done})
    return values


def _over_hosts(runs: _Runs) -> list[dict[str, Any]]:
    if not runs.first:
        return []
    first, step = runs.first, runs.step_s
    changes: dict[str, list[int]] = {}
    work: dict[str, int] = {}
    for start, end, host, _ in runs:
        change = changes.get(host)
        if change is None:
            change = changes[host] = [0] * (_MOMENTS + 1)
        begins, ends = runs.moments(start, end)
        change[begins] += 1
        change[ends] -= 1
        work[host] = work.get(host, 0) + end - start + 1
    shown = heapq.nlargest(_HOSTS, work, key=work.__getitem__)
    if len(work) > len(shown):
        rest = [sum(column) for column in zip(*(changes[host] for host in work if host not in shown), strict=True)]
        changes[f"{len(work) - len(shown)} others"] = rest
        shown.append(f"{len(work) - len(shown)} others")
    return [value for host in shown for value in _of_host(host or "unnamed", changes[host], first, step)]


def _of_host(host: str, change: Sequence[int], first: int, step: float) -> Iterator[dict[str, Any]]:
    running = 0
    for moment in range(_MOMENTS):
        running += change[moment]
        if running:
            start = 1000 * (first + moment * step)
            yield {"host": host, "from": start, "to": start + 1000 * step, "running": running}


def _histogram(values: array[int]) -> list[dict[str, Any]]:
    if not values:
        return []
    step = max(1, math.ceil((max(values) + 1) / _PARTS))
    counts: dict[int, int] = {}
    for value in values:
        counts[value // step] = counts.get(value // step, 0) + 1
    return [{"from": part * step, "to": (part + 1) * step, "count": counts[part]} for part in sorted(counts)]


def _holds(opened: Opened) -> list[tuple[str, int]]:
    found: dict[str, int] = {}
    for hold in opened.components.holds().values():
        reason = str(ComponentHold(hold.code, hold.reason))
        found[reason] = found.get(reason, 0) + 1
    return sorted(found.items(), key=lambda each: -each[1])


def _extreme(opened: Opened, tables: Sequence[JobTable], amount: Any) -> list[Row]:
    """The components of the jobs with the largest amounts, the first of each job."""
    jobs = (
        (amount(table, job), number, job) for number, table in enumerate(tables) for job in range(len(table.states))
    )
    submissions = opened.components.submissions()
    found = [
        submissions[number].components_of(job)[0]
        for value, number, job in heapq.nlargest(_NAMED, jobs)
        if value and number < len(submissions)
    ]
    return list(rows(opened, list(dict.fromkeys(found))))
