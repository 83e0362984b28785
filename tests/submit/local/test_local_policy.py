"""Mirrors htmap.backend.local.policy: what the policies of a job say, without running it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from htmap.backend.local.eventlog import Exit
from htmap.backend.local.job import Job, expand
from htmap.backend.local.policy import Again, Done, Hold, Periodic, Release, Remove, Vacate, decide, look
from htmap.backend.local.rows import Past
from htmap.backend.protocol import HoldCode, JobStatus
from htmap.language.description import Description

NEEDED = {"executable": "/bin/true", "log": "events", "transfer_output_files": '""'}


def job(past: Past | None = None, **commands: Any) -> Job:
    told = Description.of({**NEEDED, **{name: str(value) for name, value in commands.items()}}, directory="/here")
    return expand(told, {}, (1, 0), "", {}, past=past)


@pytest.mark.parametrize(
    ("completions", "code", "more", "leaves"),
    [
        (0, 0, {}, True),
        (0, 1, {}, False),
        (1, 1, {}, False),
        (2, 1, {}, True),
        (0, 3, {"success_exit_code": 3}, True),
        (0, 0, {"success_exit_code": 3}, False),
        (0, 7, {"retry_until": 7}, True),
        (0, 6, {"retry_until": 7}, False),
        (0, 6, {"retry_until": "ExitCode > 5"}, True),
        (0, 6, {"retry_until": "Nothing"}, False),
        (0, 6, {"on_exit_remove": "ExitCode == 6"}, True),
        (0, 5, {"on_exit_remove": "ExitCode == 6"}, False),
        (0, None, {}, False),
    ],
)
def test_retries_end_when_they_are_used_up_or_it_has_worked(
    completions: int, code: int | None, more: dict[str, Any], *, leaves: bool
) -> None:
    how = Exit(code=code) if code is not None else Exit(signal=9)
    verdict = decide(job(Past(completions=completions), max_retries=2, **more), how)
    assert isinstance(verdict, Done if leaves else Again)


def test_a_hold_at_the_end_comes_before_retries() -> None:
    assert isinstance(decide(job(max_retries=2, on_exit_hold="true"), Exit(code=1)), Hold)


RUNNING, HELD, IDLE = JobStatus.RUNNING, JobStatus.HELD, JobStatus.IDLE


@pytest.mark.parametrize(
    ("commands", "status", "hold_code", "expected"),
    [
        ({"periodic_hold": "NumJobStarts > 1"}, RUNNING, 0, Hold),
        ({"periodic_hold": "NumJobStarts > 1"}, HELD, 3, None),
        ({"periodic_hold": "Nothing > 1"}, RUNNING, 0, None),
        ({"periodic_release": "NumJobStarts < 3 && HoldReasonCode == 3"}, HELD, 3, Release),
        ({"periodic_release": "true"}, HELD, HoldCode.USER_REQUEST, None),
        ({"periodic_release": "true"}, HELD, HoldCode.SUBMITTED_ON_HOLD, None),
        ({"periodic_release": "true"}, IDLE, 0, None),
        ({"periodic_remove": "JobStatus == 5 && time() - EnteredCurrentStatus > 100"}, HELD, 3, Remove),
        ({"periodic_remove": "JobStatus == 5 && time() - EnteredCurrentStatus > 200"}, HELD, 3, None),
        ({"periodic_vacate": "MemoryUsage > 10"}, RUNNING, 0, Vacate),
        ({"periodic_vacate": "true"}, IDLE, 0, None),
        ({"periodic_hold": "true", "periodic_remove": "true"}, IDLE, 0, Hold),
        ({}, IDLE, 0, None),
    ],
)
def test_periodic_policies(
    commands: dict[str, Any], status: JobStatus, hold_code: int, expected: type[Periodic] | None
) -> None:
    past = Past(starts=2, memory_mb=20, entered=1000.0)
    verdict = look(job(past, **commands), status, hold_code, now=1150.0)
    assert type(verdict) is (type(None) if expected is None else expected)


def test_a_periodic_hold_has_the_reason_and_the_subcode_of_the_job() -> None:
    held = look(job(periodic_hold="true", periodic_hold_reason='"mine"', periodic_hold_subcode=7), RUNNING, 0, 0.0)
    assert held == Hold(HoldCode.JOB_POLICY, 7, "mine")


def test_paths_of_the_description_stay_what_they_are() -> None:
    assert job(initialdir="x").initialdir == Path("/here/x")
