from __future__ import annotations

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
