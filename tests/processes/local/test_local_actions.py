from __future__ import annotations

import signal
from functools import partial
from pathlib import Path

import psutil
import pytest
from tests.processes.local.place import Place

from htmap.backend.local.actions import RULES
from htmap.backend.local.rows import Request
from htmap.backend.protocol import Action, JobSelection, JobStatus

IDLE, RUNNING, SUSPENDED = JobStatus.IDLE, JobStatus.RUNNING, JobStatus.SUSPENDED
HELD, COMPLETED, REMOVED = JobStatus.HELD, JobStatus.COMPLETED, JobStatus.REMOVED

# Appends a line to "progress" at each start, and ends when it is told to.
WORK = 'echo start >> progress; while [ ! -e "$1" ]; do sleep 0.02; done'


def submit_work(place: Place, queue: str = "queue", **commands: object) -> None:
    place.script(WORK)
    place.submit(
        queue,
        arguments=f"\"'{place.submit_side}/go'\"",
        transfer_output_files="progress",
        transfer_output_remaps='"progress = progress.$(ProcId)"',
        when_to_transfer_output="ON_EXIT_OR_EVICT",
        **commands,
    )


def let_go(place: Place) -> None:
    (place.submit_side / "go").touch()


def reads(path: Path, text: str) -> bool:
    return path.exists() and path.read_text() == text


def job_process(place: Place) -> psutil.Process:
    def find() -> psutil.Process | None:
        supervisor = place.supervisor()
        children = supervisor.children() if supervisor else []
        return children[0] if children else None

    return place.wait_until(find)


def test_hold_and_release_of_an_idle_job(place: Place) -> None:
    place.backend._slots = 1
    submit_work(place, "queue 2")
    place.wait_for(RUNNING, IDLE)
    assert place.act(Action.HOLD, 1) == 1
    assert place.statuses() == [RUNNING, HELD]
    (_, job) = place.jobs()
    assert (job.hold_code, job.hold_subcode, job.hold_reason) == (1, 0, "because of hold")
    assert place.act(Action.HOLD, 1) == 0
    assert place.act(Action.RELEASE, 1) == 1
    assert place.jobs()[1].hold_reason == ""
    let_go(place)
    place.finish()
    assert place.events(1) == [0, 12, 13, 1, 5]


def test_hold_of_a_running_job_is_done_when_it_returns_and_keeps_what_was_made(place: Place) -> None:
    submit_work(place)
    place.wait_for(RUNNING)
    process = job_process(place)
    place.wait_for_file("progress")
    assert place.act(Action.HOLD) == 1
    assert place.statuses() == [HELD]
    assert not place.is_alive(process)
    assert place.act(Action.RELEASE) == 1
    let_go(place)
    place.finish()
    assert place.read("progress.0") == "start\nstart\n"
    assert place.events() == [0, 1, 4, 12, 13, 1, 5]
    place.wait_until(lambda: not list((place.home / "spool").iterdir()))


def test_vacate_keeps_outputs_over_several_evictions(place: Place) -> None:
    submit_work(place)
    for starts in range(1, 4):
        place.wait_until(partial(reads, place.home / "scratch/1.0/progress", "start\n" * starts))
        place.wait_for(RUNNING)
        assert place.act(Action.VACATE) == 1
    let_go(place)
    place.finish()
    assert place.read("progress.0") == "start\n" * 4
    assert place.events() == [0, 1, 4, 1, 4, 1, 4, 1, 5]


def test_without_on_exit_or_evict_an_evicted_job_begins_again(place: Place) -> None:
    place.script(WORK)
    place.submit(arguments=f"\"'{place.submit_side}/go'\"", transfer_output_files="progress")
    place.wait_for_file("progress")
    place.act(Action.VACATE)
    let_go(place)
    place.finish()
    assert place.read("progress") == "start\n"


def test_a_directory_survives_an_eviction(place: Place) -> None:
    place.script('mkdir -p d/deep; echo x >> d/deep/f; while [ ! -e "$1" ]; do sleep 0.02; done')
    place.submit(
        arguments=f"\"'{place.submit_side}/go'\"",
        transfer_output_files="d",
        when_to_transfer_output="ON_EXIT_OR_EVICT",
    )
    place.wait_for_file("d/deep/f")
    place.act(Action.VACATE)
    let_go(place)
    place.finish()
    assert place.read("d/deep/f") == "x\nx\n"


def test_suspend_stops_every_process_and_continue_lets_them_go_on(place: Place) -> None:
    submit_work(place)
    place.wait_for(RUNNING)
    process = job_process(place)
    assert place.act(Action.SUSPEND) == 1
    assert place.statuses() == [SUSPENDED]
    # A shell whose child was stopped before it could begin its program waits for that child in the kernel.
    place.wait_until(lambda: process.status() in (psutil.STATUS_STOPPED, psutil.STATUS_DISK_SLEEP))
    assert place.act(Action.SUSPEND) == 0
    assert place.act(Action.CONTINUE) == 1
    assert place.statuses() == [RUNNING]
    let_go(place)
    place.finish()
    assert place.events() == [0, 1, 10, 11, 5]


@pytest.mark.parametrize(("action", "after"), [(Action.HOLD, HELD), (Action.REMOVE, REMOVED)])
def test_a_suspended_job_can_be_ended(place: Place, action: Action, after: JobStatus) -> None:
    submit_work(place)
    place.wait_for(RUNNING)
    process = job_process(place)
    place.act(Action.SUSPEND)
    place.act(action, 0)
    assert place.statuses() == [after]
    assert not place.is_alive(process)


def test_remove_ends_jobs_in_every_state(place: Place) -> None:
    place.backend._slots = 1
    submit_work(place, "queue 3")
    place.wait_for(RUNNING, IDLE, IDLE)
    place.act(Action.HOLD, 2)
    assert place.act(Action.REMOVE, 0, 1, 2) == 3
    assert place.statuses() == [REMOVED] * 3
    assert place.act(Action.REMOVE, 0, 1, 2) == 0
    assert [place.events(proc) for proc in range(3)] == [[0, 1, 4, 9], [0, 9], [0, 12, 9]]
    assert place.backend.query(place.all) == []


def test_remove_of_a_whole_map_forgets_it(place: Place) -> None:
    submit_work(place, "queue 3")
    place.wait_for(RUNNING, RUNNING, IDLE)
    assert place.act(Action.REMOVE) == 3
    assert place.jobs() == []
    assert [place.events(proc)[-1] for proc in range(3)] == [9, 9, 9]
    submit_work(place)
    let_go(place)
    place.finish()
    assert place.jobs()[0].cluster == 2  # the number of the forgotten cluster is not given again


def test_a_finished_map_is_forgotten_when_it_is_removed(place: Place) -> None:
    place.script("exit 0")
    place.submit("queue 3")
    place.finish()
    assert place.act(Action.REMOVE) == 0
    assert place.jobs() == []


def test_a_job_that_does_not_want_to_end_is_killed(place: Place) -> None:
    place.script("trap '' TERM; touch ready; while true; do sleep 0.02; done")
    place.submit(job_max_vacate_time=1)
    place.wait_for_file("ready")
    process = job_process(place)
    place.act(Action.HOLD)
    place.wait_for(HELD)
    assert not place.is_alive(process)


def test_a_job_may_tidy_up_when_it_is_evicted(place: Place) -> None:
    place.script(
        """\
        trap 'echo saved >> saved; exit 0' TERM
        [ -e saved ] && exit 0
        touch ready; while true; do sleep 0.02; done
        """
    )
    place.submit(transfer_output_files="saved", when_to_transfer_output="ON_EXIT_OR_EVICT")
    place.wait_for_file("ready")
    place.act(Action.VACATE)
    place.finish()
    assert place.read("saved") == "saved\n"


def test_release_of_a_job_that_is_about_to_be_held_makes_it_idle(place: Place) -> None:
    place.script("trap '' TERM; [ -e \"$1\" ] && exit 0; touch ready; while true; do sleep 0.02; done")
    place.submit(arguments=f"\"'{place.submit_side}/go'\"", job_max_vacate_time=4)
    place.wait_for_file("ready")
    let_go(place)
    assert place.act(Action.HOLD) == 1  # returns before the process has ended
    assert place.statuses() == [RUNNING]
    assert place.act(Action.RELEASE) == 1
    place.finish()
    assert place.events() == [0, 1, 4, 1, 5]


def test_another_map_is_left_alone(place: Place) -> None:
    submit_work(place)
    place.wait_for(RUNNING)
    for jobs in (None, {1: None}, {1: [0]}, {}):
        for action in Action:
            assert place.backend.act(action, JobSelection("another", jobs), "") == 0
    assert place.act(Action.HOLD, 0, cluster=7) == 0
    assert place.statuses() == [RUNNING]


def test_reasons_of_several_lines_stay_in_one(place: Place) -> None:
    submit_work(place)
    place.wait_for(RUNNING)
    place.backend.act(Action.HOLD, place.all, "one\n...\n005 (001.000.000) two\x07")
    assert "\tone|...|005 (001.000.000) two \n\tCode 1" in place.log()
    assert place.events() == [0, 1, 4, 12]


def test_a_killed_job_process_is_no_eviction(place: Place) -> None:
    submit_work(place)
    place.wait_for_file("progress")
    job_process(place).send_signal(signal.SIGKILL)
    place.finish()
    assert place.events() == [0, 1, 5]


def test_the_rules_name_every_state_with_a_process_for_what_ends_it() -> None:
    for action in (Action.HOLD, Action.VACATE, Action.REMOVE):
        assert {(RUNNING, None), (SUSPENDED, None)} <= RULES[action].keys()
    for rules in RULES.values():
        for (status, _), outcome in rules.items():
            assert isinstance(outcome, Request) == (status in (RUNNING, SUSPENDED))
