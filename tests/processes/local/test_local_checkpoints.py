"""Jobs that end with their checkpoint_exit_code go on where they are."""

from __future__ import annotations

import re

import pytest
from tests.processes.local.place import Place

from htmap.backend.protocol import Action, JobStatus
from htmap.exceptions import InvalidOption

COUNT_TO_THREE = """
    echo x >> count
    wc -l < count
    [ $(wc -l < count) -ge 3 ] || exit 85
    [ -z "$1" ] || while [ ! -e "$1" ]; do sleep 0.02; done
"""


def test_a_job_that_has_checkpointed_goes_on_in_the_same_directory(place: Place) -> None:
    place.script(COUNT_TO_THREE)
    place.submit(
        checkpoint_exit_code=85,
        transfer_checkpoint_files="count",
        transfer_output_files="count",
        output="out",
        on_exit_hold="ExitCode != 0",
    )
    place.finish()
    assert place.read("count") == "x\n" * 3
    assert place.read("out").split() == ["1", "2", "3"]
    assert place.events() == [0, 1, 5]


def test_without_a_checkpoint_exit_code_an_end_is_an_end(place: Place) -> None:
    place.script("exit 85")
    place.submit()
    place.finish()
    assert place.jobs()[0].exit_code == 85


def test_the_times_of_all_processes_of_a_job_count(place: Place) -> None:
    place.script(
        "#!/usr/bin/env python3\n"
        "import os\n"
        "while os.times().user < 0.6: sum(range(100_000))\n"
        "if not os.path.exists('again'):\n"
        "    open('again', 'w').close()\n"
        "    raise SystemExit(85)\n"
    )
    place.submit(checkpoint_exit_code=85)
    place.finish()
    assert re.search(r"Usr 0 00:00:0[1-9], Sys [\d :]+  -  Total Remote Usage", place.log())


def test_what_a_job_leaves_running_ends_before_it_goes_on(place: Place) -> None:
    # On a busy machine it takes a moment to die; and whoever should care for its remains may not do so.
    place.script("""
        if [ -e pid ]; then
            for i in $(seq 100); do
                grep -qs '^State:.[^Z]' /proc/$(cat pid)/status || exit 0
                sleep 0.1
            done
            echo alive
            exit 0
        fi
        sleep 60 & echo $! > pid
        exit 85
    """)
    place.submit(checkpoint_exit_code=85, output="out")
    place.finish()
    assert place.read("out") == ""


@pytest.mark.parametrize("action", [Action.HOLD, Action.VACATE])
def test_a_job_that_has_gone_on_can_be_interrupted_and_keeps_what_it_has(place: Place, action: Action) -> None:
    place.script(COUNT_TO_THREE)
    go = place.submit_side / "go"
    place.submit(
        checkpoint_exit_code=85,
        transfer_output_files="count",
        when_to_transfer_output="ON_EXIT_OR_EVICT",
        arguments=f"\"'{go}'\"",
    )
    count = place.home / "scratch/1.0/count"
    place.wait_until(lambda: count.exists() and count.read_text() == "x\n" * 3)
    go.touch()
    place.act(action)
    if action is Action.HOLD and place.statuses() == [JobStatus.HELD]:
        place.act(Action.RELEASE)
    place.finish()
    assert set(place.read("count").split()) == {"x"}


def test_a_job_that_its_policy_holds_goes_on_from_what_it_has_when_it_is_released(place: Place) -> None:
    place.script("echo x >> count\n[ -e again ] || { touch again; kill -9 $$; }\n")
    place.submit(
        transfer_output_files="count,again",
        when_to_transfer_output="ON_EXIT_OR_EVICT",
        on_exit_hold="ExitBySignal",
        output="out",
    )
    place.wait_for(JobStatus.HELD)
    assert place.exists("out")
    assert not place.exists("count")
    place.act(Action.RELEASE)
    place.finish()
    assert place.read("count") == "x\nx\n"


def test_a_supervisor_that_is_killed_knows_the_process_that_went_on(place: Place) -> None:
    place.script(COUNT_TO_THREE)
    go = place.submit_side / "go"
    place.submit(
        checkpoint_exit_code=85,
        transfer_output_files="count",
        when_to_transfer_output="ON_EXIT_OR_EVICT",
        arguments=f"\"'{go}'\"",
    )
    count = place.home / "scratch/1.0/count"
    place.wait_until(lambda: count.exists() and count.read_text() == "x\n" * 3)
    supervisor = place.wait_until(place.supervisor)
    supervisor.kill()
    supervisor.wait(10)
    go.touch()
    place.finish()
    assert place.read("count") == "x\n" * 4
    assert place.events() == [0, 1, 4, 1, 5]


def test_a_checkpoint_exit_code_is_a_number(place: Place) -> None:
    place.script("true")
    with pytest.raises(InvalidOption, match="checkpoint_exit_code"):
        place.submit(checkpoint_exit_code="soon")
