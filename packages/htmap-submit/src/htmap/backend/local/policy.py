"""Decide what becomes of a job that has ended by itself: done, held, or back into the queue.

In: the job's ``on_exit_`` expressions, and how it ended. Out: a verdict. On the other side: ``ending``, which says what
follows from it. No I/O here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from htmap.backend.local.actions import HELD_BY_POLICY, HELD_BY_UNDEFINED_POLICY
from htmap.backend.local.eventlog import Exit
from htmap.backend.local.job import Job
from htmap.language import classad, operators


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


Verdict: TypeAlias = "Done | Again | Hold"


def decide(job: Job, how: Exit) -> Verdict:
    """What the job's own policy says of its end."""
    scope = job.scope(
        exitbysignal=how.code is None,
        exitcode=operators.UNDEFINED if how.code is None else how.code,
        exitsignal=operators.UNDEFINED if how.signal is None else how.signal,
    )
    hold = _condition(job, "on_exit_hold", scope, default=False)
    if isinstance(hold, Hold):
        return hold
    if hold:
        return _hold(job, scope)
    leave = _condition(job, "on_exit_remove", scope, default=True)
    if isinstance(leave, Hold):
        return leave
    return Done() if leave else Again(f"{_names('on_exit_remove', job)} evaluated to FALSE")


def _condition(job: Job, key: str, scope: classad.Scope, *, default: bool) -> bool | Hold:
    text = job.policies.get(key)
    if text is None:
        return default
    decided = operators.truth(classad.parse(text).evaluate(scope))
    if isinstance(decided, operators.Missing):
        return Hold(HELD_BY_UNDEFINED_POLICY, 0, f"{_names(key, job)} evaluated to {decided.name}")
    return decided


def _hold(job: Job, scope: classad.Scope) -> Hold:
    reason = _evaluate(job, "on_exit_hold_reason", scope)
    subcode = _evaluate(job, "on_exit_hold_subcode", scope)
    return Hold(
        HELD_BY_POLICY,
        subcode if isinstance(subcode, int) else 0,
        reason if isinstance(reason, str) else f"{_names('on_exit_hold', job)} evaluated to TRUE",
    )


def _evaluate(job: Job, key: str, scope: classad.Scope) -> operators.Value:
    text = job.policies.get(key)
    return operators.UNDEFINED if text is None else classad.parse(text).evaluate(scope)


def _names(key: str, job: Job) -> str:
    attribute = key.title().replace("_", "")
    return f"The job attribute {attribute} expression '{job.policies[key]}'"
