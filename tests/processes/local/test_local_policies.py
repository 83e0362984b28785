from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.processes.local.place import Place

from htmap.backend.protocol import Action, JobSelection, JobStatus

RUNNER_FAILED = "ExitBySignal || (ExitCode != 0 && ExitCode != 100)"
WHY = (
    'ifThenElse(ExitBySignal, strcat("killed by ", ExitSignal), '
    'strcat("job ", MY.component, " failed with ", ExitCode, "."))'
)


@pytest.mark.parametrize(
    ("body", "reason"),
    [("exit 0", None), ("exit 100", None), ("exit 3", "job 4 failed with 3."), ("kill -11 $$", "killed by 11")],
)
def test_a_job_is_held_when_its_own_policy_says_so(place: Place, body: str, reason: str | None) -> None:
    place.script(body)
    policy: dict[str, Any] = {
        "on_exit_hold": RUNNER_FAILED,
        "on_exit_hold_reason": WHY,
        "on_exit_hold_subcode": "40 + 2",
    }
    place.submit(**policy | {"MY.component": 4})
    place.wait_for(JobStatus.COMPLETED if reason is None else JobStatus.HELD)
    (job,) = place.jobs()
    if reason is not None:
        assert (job.hold_code, job.hold_subcode, job.hold_reason) == (3, 42, reason)
        assert f"\t{reason}\n\tCode 3 Subcode 42\n" in place.log()
    assert place.events() == ([0, 1, 5] if reason is None else [0, 1, 12])


def test_a_hold_without_a_reason_names_the_expression(place: Place) -> None:
    place.script("exit 1")
    place.submit(on_exit_hold="ExitCode > 0")
    place.wait_for(JobStatus.HELD)
    assert place.jobs()[0].hold_reason == "The job attribute OnExitHold expression 'ExitCode > 0' evaluated to TRUE"


def test_a_policy_without_a_value_holds_the_job(place: Place) -> None:
    place.script("exit 1")
    place.submit(on_exit_hold="NoSuchThing > 0")
    place.wait_for(JobStatus.HELD)
    (job,) = place.jobs()
    assert job.hold_code == 5
    assert "UNDEFINED" in job.hold_reason


def test_what_a_held_job_has_printed_came_back_and_it_may_try_again(place: Place) -> None:
    place.script('echo attempt; [ -e "$1" ]')
    place.submit(arguments=f"\"'{place.submit_side}/go'\"", on_exit_hold=RUNNER_FAILED, output="out")
    place.wait_for(JobStatus.HELD)
    assert place.read("out") == "attempt\n"
    (place.submit_side / "go").touch()
    place.act(Action.RELEASE)
    place.finish()
    assert place.events() == [0, 1, 12, 13, 1, 5]


def test_an_edited_policy_counts_at_the_next_start(place: Place) -> None:
    place.script("exit 1")
    place.submit(on_exit_hold=RUNNER_FAILED, request_memory="512MB")
    place.wait_for(JobStatus.HELD)
    assert place.backend.edit(place.all, {"OnExitHold": "false", "RequestMemory": "2048", "Own_One": '"x"'}) == 1
    assert place.backend.edit(place.all, {"request_cpus": "1 + 2"}) == 1
    place.act(Action.RELEASE)
    place.finish()
    assert "\tMemory = 512\n" in place.log()
    assert "\tCpus = 3\n\tDisk = 1024\n\tMemory = 2048\n" in place.log()


def test_only_some_jobs_are_edited(place: Place) -> None:
    place.script("exit 1")
    cluster = place.submit("queue 3", on_exit_hold=RUNNER_FAILED)
    place.wait_for(JobStatus.HELD)
    assert place.backend.edit(JobSelection("0a1b2c", {cluster: [0, 2, 99]}), {"OnExitHold": "false"}) == 2
    assert place.backend.edit(JobSelection("another map", {cluster: None}), {"OnExitHold": "false"}) == 0
    assert place.act(Action.RELEASE) == 3
    place.wait_for(JobStatus.COMPLETED, JobStatus.HELD, JobStatus.COMPLETED)


def test_a_job_submitted_on_hold_says_so_and_waits(place: Place) -> None:
    place.script("exit 0")
    place.submit("queue 2", hold="true")
    place.wait_for(JobStatus.HELD)
    assert {(job.hold_code, job.hold_reason) for job in place.jobs()} == {(15, "submitted on hold at user's request")}
    assert place.events() == [0, 12]
    place.act(Action.RELEASE)
    place.finish()
    assert place.events(1) == [0, 12, 13, 1, 5]


def test_a_job_that_fails_is_tried_again_after_a_pause_until_it_works(place: Place) -> None:
    place.script('echo x >> "$1"; [ $(wc -l < "$1") -ge 3 ]')
    began = time.monotonic()
    place.submit(arguments=f"\"'{place.submit_side}/tries'\"", max_retries=5)
    place.finish()
    assert place.events() == [0, 1, 4, 1, 4, 1, 5]
    assert time.monotonic() - began > 2.5, "with pauses of one and two seconds"


def test_retries_are_used_up_some_day(place: Place) -> None:
    place.script("exit 3")
    place.submit(max_retries=1)
    place.finish()
    assert place.events() == [0, 1, 4, 1, 5]
    assert place.jobs()[0].exit_code == 3


@pytest.mark.parametrize(("what", "code"), [("job", 46), ("execute", 47)])
def test_a_job_that_takes_too_long_is_held(place: Place, what: str, code: int) -> None:
    place.script("exec sleep 100")
    limit: dict[str, Any] = {f"allowed_{what}_duration": 1}
    place.submit(**limit)
    place.wait_for(JobStatus.HELD)
    (job,) = place.jobs()
    assert (job.hold_code, job.hold_reason) == (code, f"The job exceeded allowed {what} duration of 0:00:01")


def test_a_periodic_policy_holds_and_another_releases(place: Place) -> None:
    place.script('[ -e "$1" ] || { touch "$1"; exec sleep 100; }')
    place.submit(
        arguments=f"\"'{place.submit_side}/second'\"",
        periodic_hold="NumJobStarts == 1 && JobStatus == 2",
        periodic_hold_subcode=9,
        periodic_release="HoldReasonSubCode =!= 1 && HoldReasonCode == 3",
    )
    place.finish()
    assert place.events() == [0, 1, 4, 12, 13, 1, 5]
    assert "PeriodicHold expression 'NumJobStarts == 1 && JobStatus == 2' evaluated to TRUE" in place.log()
    assert "Code 3 Subcode 9" in place.log()


def test_a_periodic_policy_removes_what_runs_and_what_waits(narrow_place: Place) -> None:
    place = narrow_place
    place.script("exec sleep 100")
    place.submit("queue 2", periodic_remove="time() - EnteredCurrentStatus >= 0")
    place.wait_for(JobStatus.REMOVED)
    assert "PeriodicRemove expression" in place.log()


def test_the_signal_that_ends_a_job_may_be_its_own(place: Place) -> None:
    place.script('trap "echo got it > $1; exit 0" USR1; touch ready; while :; do sleep 0.05; done')
    place.submit(arguments=f"{place.home}/told", kill_sig="SIGUSR1")
    place.wait_for_file("ready")
    place.act(Action.HOLD)
    place.wait_for(JobStatus.HELD)
    assert (place.home / "told").read_text() == "got it\n"


def test_a_job_may_have_no_core_files(place: Place) -> None:
    place.script("sleep 0.3; ulimit -c")
    place.submit(core_size=0, output="out")
    place.finish()
    assert place.read("out").strip() == "0"


def test_a_job_over_its_memory_is_held_if_that_is_wanted(tmp_path: Path) -> None:
    place = Place(tmp_path, limits_memory=True)
    try:
        place.script(f"#!{sys.executable}\nimport time\nb = b'x' * (80 << 20)\ntime.sleep(100)\n")
        place.submit(request_memory="64MB")
        place.wait_for(JobStatus.HELD)
        (job,) = place.jobs()
        assert (job.hold_code, job.hold_subcode) == (34, 102)
        assert "memory limit of 64 megabytes" in job.hold_reason
        place.backend.edit(place.all, {"RequestMemory": "500"})
        place.act(Action.RELEASE)
        place.wait_for(JobStatus.RUNNING)
    finally:
        place.end()
