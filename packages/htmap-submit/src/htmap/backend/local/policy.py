"""What the policies of a job say: those of its end, and those that are looked at now and then.

In: the job's expressions, what it has been through, and how it ended or the state it is in. Out: a verdict.
On the other side: ``ending`` and ``supervisor``, which carry it out. No I/O and no clock here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from htmap.backend.local.eventlog import Exit
from htmap.backend.local.job import Job
from htmap.backend.protocol import HoldCode, JobStatus
from htmap.language import classad, operators

# After each of these a release is somebody's business, not that of an expression.
_NOT_RELEASED = frozenset({HoldCode.USER_REQUEST, HoldCode.SUBMITTED_ON_HOLD, HoldCode.SPOOLING_INPUT})


@dataclass(frozen=True, slots=True)
class Done:
    """The job leaves the queue."""


@dataclass(frozen=True, slots=True)
class Again:
    """The job is to run again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Hold:
    """The job is to be held."""

    code: int
    subcode: int
    reason: str


@dataclass(frozen=True, slots=True)
class Release:
    """The job is not to be held any more."""

    reason: str


@dataclass(frozen=True, slots=True)
class Remove:
    """The job is to leave the queue."""

    reason: str


@dataclass(frozen=True, slots=True)
class Vacate:
    """The process is to end, and to start again."""

    reason: str


Verdict: TypeAlias = "Done | Again | Hold"
Periodic: TypeAlias = "Hold | Release | Remove | Vacate"


def decide(job: Job, how: Exit) -> Verdict:
    """What the job's own policy says of its end."""
    scope = job.scope(
        exitbysignal=how.code is None,
        exitcode=operators.UNDEFINED if how.code is None else how.code,
        exitsignal=operators.UNDEFINED if how.signal is None else how.signal,
        numjobcompletions=job.past.completions + 1,
    )
    hold = _condition(job, "on_exit_hold", scope, default=False)
    if isinstance(hold, Hold):
        return hold
    if hold:
        return _hold(job, "on_exit_hold", scope)
    return _leaves(job, how, scope)


def _leaves(job: Job, how: Exit, scope: classad.Scope) -> Verdict:
    """Whether it leaves the queue. With retries, it does by what either of them says, as in condor_submit."""
    if job.max_retries is not None and _is_done_with_retries(job, how, scope):
        return Done()
    leave = _condition(job, "on_exit_remove", scope, default=job.max_retries is None)
    if isinstance(leave, Hold):
        return leave
    if leave:
        return Done()
    if "on_exit_remove" in job.policies:
        return Again(f"{_names('on_exit_remove', job)} evaluated to FALSE")
    return Again(f"It has ended with {how}, and is tried again: {job.past.completions + 1} of {job.max_retries} times")


def _is_done_with_retries(job: Job, how: Exit, scope: classad.Scope) -> bool:
    if job.past.completions + 1 > (job.max_retries or 0) or how.code == job.success_exit_code:
        return True
    if not job.retry_until:
        return False
    until = classad.parse(job.retry_until).evaluate(scope)
    if isinstance(until, int) and not isinstance(until, bool):  # an exit code
        return how.code == until
    return operators.truth(until) is True


def _condition(job: Job, key: str, scope: classad.Scope, *, default: bool) -> bool | Hold:
    text = job.policies.get(key)
    if text is None:
        return default
    decided = operators.truth(classad.parse(text).evaluate(scope))
    if isinstance(decided, operators.Missing):
        return Hold(HoldCode.JOB_POLICY_UNDEFINED, 0, f"{_names(key, job)} evaluated to {decided.name}")
    return decided


def _hold(job: Job, key: str, scope: classad.Scope) -> Hold:
    reason = _evaluate(job, f"{key}_reason", scope)
    subcode = _evaluate(job, f"{key}_subcode", scope)
    return Hold(
        HoldCode.JOB_POLICY,
        subcode if isinstance(subcode, int) else 0,
        reason if isinstance(reason, str) else f"{_names(key, job)} evaluated to TRUE",
    )


def _evaluate(job: Job, key: str, scope: classad.Scope) -> operators.Value:
    text = job.policies.get(key)
    return operators.UNDEFINED if text is None else classad.parse(text).evaluate(scope)


def _names(key: str, job: Job) -> str:
    attribute = key.title().replace("_", "")
    return f"The job attribute {attribute} expression '{job.policies[key]}'"


def look(job: Job, status: JobStatus, hold_code: int, now: float) -> Periodic | None:
    """What the periodic policies of a job say, the first that is true, in HTCondor's order; an undefined one is not."""
    scope = job.scope(jobstatus=status.value, holdreasoncode=hold_code or operators.UNDEFINED, currenttime=int(now))
    if status is not JobStatus.HELD and _is_true(job, "periodic_hold", scope):
        return _hold(job, "periodic_hold", scope)
    if status is JobStatus.HELD and hold_code not in _NOT_RELEASED and _is_true(job, "periodic_release", scope):
        return Release(f"{_names('periodic_release', job)} evaluated to TRUE")
    if _is_true(job, "periodic_remove", scope):
        return Remove(f"{_names('periodic_remove', job)} evaluated to TRUE")
    if status is JobStatus.RUNNING and _is_true(job, "periodic_vacate", scope):
        return Vacate(f"{_names('periodic_vacate', job)} evaluated to TRUE")
    return None


def _is_true(job: Job, key: str, scope: classad.Scope) -> bool:
    return operators.truth(_evaluate(job, key, scope)) is True
