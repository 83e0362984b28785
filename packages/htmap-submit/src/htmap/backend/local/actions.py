"""What hold, release, suspend, continue, vacate and remove do to a job, whatever state it is in.

In: an action and the jobs it is meant for. Out: changed jobs, requests, events in the outbox. On the other side: the
supervisor, which carries out what is requested of jobs that have a process (`Request`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, TypeAlias

from htmap.backend.local.eventlog import JobEvents
from htmap.backend.local.queue import Queue
from htmap.backend.local.rows import JobKey, Request
from htmap.backend.protocol import Action, HoldCode, JobSelection, JobStatus

_EVENTS_AT_ONCE = 1000


_State: TypeAlias = "tuple[JobStatus, Request | None]"
_IDLE, _HELD = (JobStatus.IDLE, None), (JobStatus.HELD, None)
_RUNNING, _SUSPENDED = JobStatus.RUNNING, JobStatus.SUSPENDED

# State and pending request, to the new state (done at once) or the new request. What is not listed is left alone.
# A stronger request replaces a weaker one; release of a job that is about to be held makes it idle.
RULES: Mapping[Action, Mapping[_State, JobStatus | Request]] = {
    Action.HOLD: {
        _IDLE: JobStatus.HELD,
        (_RUNNING, None): Request.HOLD,
        (_RUNNING, Request.SUSPEND): Request.HOLD,
        (_RUNNING, Request.VACATE): Request.HOLD,
        (_SUSPENDED, None): Request.HOLD,
        (_SUSPENDED, Request.CONTINUE): Request.HOLD,
        (_SUSPENDED, Request.VACATE): Request.HOLD,
    },
    Action.RELEASE: {
        _HELD: JobStatus.IDLE,
        (_RUNNING, Request.HOLD): Request.VACATE,
        (_SUSPENDED, Request.HOLD): Request.VACATE,
    },
    Action.SUSPEND: {
        (_RUNNING, None): Request.SUSPEND,
        (_SUSPENDED, Request.CONTINUE): Request.SUSPEND,
    },
    Action.CONTINUE: {
        (_SUSPENDED, None): Request.CONTINUE,
        (_RUNNING, Request.SUSPEND): Request.CONTINUE,
    },
    Action.VACATE: {
        (_RUNNING, None): Request.VACATE,
        (_RUNNING, Request.SUSPEND): Request.VACATE,
        (_SUSPENDED, None): Request.VACATE,
        (_SUSPENDED, Request.CONTINUE): Request.VACATE,
    },
    Action.REMOVE: {
        _IDLE: JobStatus.REMOVED,
        _HELD: JobStatus.REMOVED,
        **{
            (status, request): Request.REMOVE
            for status in (_RUNNING, _SUSPENDED)
            for request in (None, *Request)
            if request is not Request.REMOVE
        },
    },
}


def act(queue: Queue, action: Action, selection: JobSelection, reason: str) -> int:
    """Change or request what applies. To be called in a transaction. Returns for how many jobs something applied."""
    rules = RULES[action]
    done: dict[int, list[JobKey]] = {}
    requested: dict[Request, list[JobKey]] = {}
    for job in queue.select(selection, {status for status, _ in rules}):
        outcome = rules.get((job.status, job.request))
        if isinstance(outcome, Request):
            requested.setdefault(outcome, []).append(job.key)
        elif outcome is not None:
            done.setdefault(job.log, []).append(job.key)
    for log, jobs in done.items():
        _do(queue, action, log, jobs, reason)
    for wanted, jobs in requested.items():
        queue.set_jobs(jobs, requested_of(wanted, reason))
    return sum(map(len, done.values())) + sum(map(len, requested.values()))


def _do(queue: Queue, action: Action, log: int, jobs: list[JobKey], reason: str) -> None:
    """Change jobs that have no process. Each action leads to one state from wherever it applies."""
    if action is Action.HOLD:
        queue.set_jobs(jobs, held(reason, HoldCode.USER_REQUEST))
    elif action is Action.RELEASE:
        queue.set_jobs(jobs, released())
        queue.retry_logs()
    else:
        queue.set_jobs(jobs, {"status": JobStatus.REMOVED.value})
    now = time.time()
    for start in range(0, len(jobs), _EVENTS_AT_ONCE):
        some = jobs[start : start + _EVENTS_AT_ONCE]
        queue.post(log, "".join(_event(action, JobEvents(*job, now), reason) for job in some))


def _event(action: Action, events: JobEvents, reason: str) -> str:
    if action is Action.HOLD:
        return events.held(reason, HoldCode.USER_REQUEST, 0)
    return events.released(reason) if action is Action.RELEASE else events.aborted(reason)


def requested_of(request: Request, reason: str, code: int = HoldCode.USER_REQUEST, subcode: int = 0) -> dict[str, Any]:
    """The columns of a job with a process of which something is asked."""
    return {"request": request.value, "reason": reason, "request_code": int(code), "request_subcode": subcode}


def released() -> dict[str, Any]:
    """The columns of a job that is not held any more."""
    return {"status": JobStatus.IDLE.value, "hold_code": 0, "hold_subcode": 0, "hold_reason": "", "ready": 0}


def held(reason: str, code: int, subcode: int = 0) -> dict[str, str | int]:
    """The columns of a job that is held."""
    return {"status": JobStatus.HELD.value, "hold_reason": reason, "hold_code": int(code), "hold_subcode": subcode}
