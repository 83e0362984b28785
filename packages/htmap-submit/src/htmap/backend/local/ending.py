"""What the end of a process means for its job: the new columns of its row, and the events that tell of it.

In: how a run ended, what was asked of it meanwhile, and its row. Out: columns and text; the supervisor puts both into
the queue in one transaction. No I/O and no clock here.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

from htmap.backend.local import policy
from htmap.backend.local.actions import HELD_BY_USER, Request, held
from htmap.backend.local.eventlog import JobEvents, Usage
from htmap.backend.local.sandbox import CannotGoOn
from htmap.backend.local.starter import Ended
from htmap.backend.protocol import JobStatus

_NO_PROCESS = {"pid": None, "pid_started": None, "request": None, "reason": None}


@dataclass(frozen=True, slots=True)
class Consequence:
    """What to write down about one job."""

    columns: dict[str, Any]
    events: str

    @property
    def leaves_queue(self) -> bool:
        return self.columns["status"] in (JobStatus.COMPLETED.value, JobStatus.REMOVED.value)


def of_run(ended: Ended, row: sqlite3.Row, now: float) -> Consequence:
    """The consequence of an end that the supervisor has seen."""
    run = ended.run
    events = JobEvents(*run.key, now)
    memory = events.image_size(run.peak_kb, run.peak_kb) if run.peak_kb > run.reported_kb else ""
    total = ended.usage + Usage(row["user_s"], row["system_s"], row["sent_bytes"], row["received_bytes"])
    columns: dict[str, Any] = {
        "user_s": total.user_s,
        "system_s": total.system_s,
        "sent_bytes": total.sent_bytes,
        "received_bytes": total.received_bytes,
    }
    if run.was_asked_to_end:
        after = _back_in_queue(row, events, events.evicted(ended.usage, ended.resources), ended.failure)
    else:
        columns |= {"exit_code": ended.how.code, "exit_signal": ended.how.signal}
        after = _by_itself(ended, row, events, total)
    return Consequence(_NO_PROCESS | columns | after.columns, memory + after.events)


def of_crash(row: sqlite3.Row, failure: CannotGoOn | None, now: float) -> Consequence:
    """The consequence of the death of the supervisor itself, with which all its jobs were evicted."""
    events = JobEvents(row["cluster"], row["proc"], now)
    after = _back_in_queue(row, events, events.evicted(Usage()), failure)
    return Consequence(_NO_PROCESS | after.columns, after.events)


def _by_itself(ended: Ended, row: sqlite3.Row, events: JobEvents, total: Usage) -> Consequence:
    if ended.failure is not None:
        text = events.evicted(ended.usage, ended.resources, ended.failure.reason)
        return _back_in_queue(row, events, text, ended.failure)
    verdict = ended.verdict
    if isinstance(verdict, policy.Hold):
        return _back_in_queue(row, events, "", CannotGoOn(verdict.code, verdict.subcode, verdict.reason))
    if isinstance(verdict, policy.Again):
        return _back_in_queue(row, events, events.requeued(ended.how, ended.usage, verdict.reason), None)
    text = events.terminated(ended.how, ended.usage, total, ended.resources)
    return Consequence({"status": JobStatus.COMPLETED.value}, text)


def _back_in_queue(row: sqlite3.Row, events: JobEvents, evicted: str, failure: CannotGoOn | None) -> Consequence:
    """The job is not done; what was asked of it in the meantime counts now. Being removed counts most."""
    if row["request"] == Request.REMOVE:
        return Consequence({"status": JobStatus.REMOVED.value}, evicted + events.aborted(row["reason"]))
    if failure is None and row["request"] == Request.HOLD:
        failure = CannotGoOn(HELD_BY_USER, 0, row["reason"])
    if failure is not None:
        columns = held(failure.reason, failure.code, failure.subcode)
        return Consequence(columns, evicted + events.held(failure.reason, failure.code, failure.subcode))
    return Consequence({"status": JobStatus.IDLE.value}, evicted)
