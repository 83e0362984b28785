from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import psutil
import pytest
from tests.processes.local.place import Place

from htmap.backend.local import actions, launch
from htmap.backend.local.queue import Queue
from htmap.backend.protocol import Action, JobSelection, JobStatus
from htmap.exceptions import BackendError, BackendNotAvailable

IDLE, RUNNING, COMPLETED = JobStatus.IDLE, JobStatus.RUNNING, JobStatus.COMPLETED
HELD, REMOVED, SUSPENDED = JobStatus.HELD, JobStatus.REMOVED, JobStatus.SUSPENDED

WORK = 'echo start >> progress; echo $$ > "$2.$3"; while [ ! -e "$1" ]; do sleep 0.02; done'

CLIENT = textwrap.dedent("""\
    import sys, pathlib
    from htmap.backend.local.client import LocalBackend
    home, description, slots = sys.argv[1:]
    print(LocalBackend(pathlib.Path(home), int(slots)).submit(pathlib.Path(description), "0a1b2c"), flush=True)
    """)


def submit_work(place: Place, queue: str = "queue") -> None:
    place.script(WORK)
    place.submit(
        queue,
        arguments=f"\"'{place.submit_side}/go' '{place.submit_side}/pid' $(ProcId)\"",
        transfer_output_files="progress",
        transfer_output_remaps='"progress = progress.$(ProcId)"',
        when_to_transfer_output="ON_EXIT_OR_EVICT",
    )


def processes_of(place: Place, jobs: int) -> list[psutil.Process]:
    place.wait_until(lambda: place.statuses().count(RUNNING) >= jobs)
    place.wait_until(lambda: all(place.exists(f"pid.{proc}") and place.read(f"pid.{proc}") for proc in range(jobs)))
    return [psutil.Process(int(place.read(f"pid.{proc}"))) for proc in range(jobs)]


def client(place: Place, description: Path, slots: int = 2, before: str = "") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", before + CLIENT, str(place.home), str(description), str(slots)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_jobs_of_a_killed_supervisor_are_evicted_and_run_to_their_end(place: Place) -> None:
    submit_work(place, "queue 3")
    processes = processes_of(place, 2)
    place.kill_supervisor()
    assert all(map(place.is_alive, processes))
    (place.submit_side / "go").touch()
    place.finish()
    assert not any(map(place.is_alive, processes))
    assert [place.read(f"progress.{proc}") for proc in range(3)] == ["start\nstart\n", "start\nstart\n", "start\n"]
    place.wait_until(lambda: place.events(2)[-1:] == [5])
    assert [place.events(proc) for proc in range(3)] == [[0, 1, 4, 1, 5], [0, 1, 4, 1, 5], [0, 1, 5]]


def test_what_was_asked_while_there_was_no_supervisor_is_done_by_the_next(place: Place) -> None:
    place.backend._slots = 3
    submit_work(place, "queue 3")
    processes_of(place, 3)
    place.act(Action.SUSPEND, 2)
    place.kill_supervisor()
    with Queue(place.home) as queue, queue.transaction():  # as a client that is killed before it can start another
        actions.act(queue, Action.HOLD, JobSelection("0a1b2c", {1: [0]}), "")
        actions.act(queue, Action.REMOVE, JobSelection("0a1b2c", {1: [1]}), "")
    (place.submit_side / "go").touch()
    place.wait_for(HELD, REMOVED, COMPLETED)
    assert [place.events(proc) for proc in range(3)] == [[0, 1, 4, 12], [0, 1, 4, 9], [0, 1, 10, 4, 1, 5]]


def test_a_process_that_was_started_but_not_recorded_is_ended_too(place: Place) -> None:
    submit_work(place)
    (process,) = processes_of(place, 1)
    place.kill_supervisor()
    place.change_queue("UPDATE jobs SET status = 1, pid = NULL, pid_started = NULL")
    (place.submit_side / "go").touch()
    place.finish()
    assert not place.is_alive(process)
    assert place.read("progress.0") == "start\n"  # nobody knows how far that process had come


def test_a_process_that_has_the_number_of_a_dead_one_is_left_alone(place: Place) -> None:
    submit_work(place)
    (process,) = processes_of(place, 1)
    place.kill_supervisor()
    process.kill()
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, start_new_session=True) as bystander:
        place.change_queue("UPDATE jobs SET pid = ?, pid_started = pid_started - 60", bystander.pid)
        (place.submit_side / "go").touch()
        place.finish()
        assert bystander.poll() is None


def has_come_so_far(place: Place, log_size: int) -> bool:
    return len(place.log()) > log_size or set(place.statuses()) == {COMPLETED}


@pytest.mark.parametrize("seed", range(3))
def test_a_supervisor_that_is_killed_again_and_again_loses_nothing(place: Place, seed: int) -> None:
    chance = random.Random(seed)
    place.script('echo done > result; echo "$1"')
    place.submit("queue 60", arguments='"$(ProcId)"', transfer_output_files="result", output="out.$(ProcId)")
    for _ in range(6):
        enough = len(place.log()) + chance.randrange(4000)
        place.wait_until(partial(has_come_so_far, place, enough))
        if set(place.statuses()) == {COMPLETED}:
            break
        place.kill_supervisor()
    place.finish()
    assert [place.read(f"out.{proc}") for proc in range(60)] == [f"{proc}\n" for proc in range(60)]
    place.wait_until(lambda: place.log().count("\n005 (") == 60)
    for proc in range(60):
        events = place.events(proc)
        assert (events[0], events[-1], events.count(0), events.count(5)) == (0, 5, 1, 1)


def test_a_supervisor_that_is_told_to_stop_leaves_the_queue_in_order(place: Place) -> None:
    submit_work(place)
    (process,) = processes_of(place, 1)
    place.kill_supervisor(signal.SIGTERM)
    assert not place.is_alive(process)
    assert place.statuses() == [IDLE]
    assert place.events() == [0, 1, 4]
    (place.submit_side / "go").touch()
    place.finish()
    assert place.read("progress.0") == "start\nstart\n"


def test_two_supervisors_for_one_queue_are_impossible(place: Place) -> None:
    submit_work(place)
    processes_of(place, 1)
    command = [sys.executable, "-m", "htmap.backend.local.supervisor", str(place.home)]
    second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (second.returncode, second.stderr) == (1, f"A supervisor runs already for {place.home}.\n")


def test_a_supervisor_ends_when_there_is_nothing_to_do(place: Place) -> None:
    place.script("exit 0")
    place.submit()
    place.finish()
    place.kill_supervisor(signal.SIGTERM)
    command = [sys.executable, "-m", "htmap.backend.local.supervisor", str(place.home), "--idle", "0.1"]
    assert subprocess.run(command, capture_output=True, timeout=20, check=False).returncode == 0
    place.backend.ensure_progress()
    assert place.supervisor() is None  # nothing to do: none is started
    lock = launch.take_lock(place.home)
    assert lock is not None
    os.close(lock)


def test_a_submission_at_the_moment_a_supervisor_ends_is_not_overlooked(place: Place) -> None:
    place.script("exit 0")
    command = [sys.executable, "-m", "htmap.backend.local.supervisor", str(place.home), "--idle", "0"]
    for number in range(1, 8):
        with subprocess.Popen(command, stderr=subprocess.DEVNULL):
            place.submit()
        # The submission alone must have seen to it.
        place.wait_until(partial(are_completed, place, number), keep_alive=False)


def are_completed(place: Place, jobs: int) -> bool:
    return place.statuses() == [COMPLETED] * jobs


def test_ctrl_c_in_the_terminal_does_not_reach_the_supervisor_or_its_jobs(place: Place) -> None:
    place.script(WORK)
    description = place.describe(arguments=f"\"'{place.submit_side}/go' '{place.submit_side}/pid' 0\"")
    program = f"{CLIENT}\nsys.stdin.read()"
    command = [sys.executable, "-c", program, str(place.home), str(description), "2"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True) as user:
        (process,) = processes_of(place, 1)
        os.killpg(user.pid, signal.SIGINT)
        user.wait()
    supervisor = place.supervisor()
    assert supervisor is not None
    assert place.is_alive(process)
    assert supervisor.terminal() is None
    assert Path(supervisor.cwd()) == place.home
    (place.submit_side / "go").touch()
    place.finish()


def test_no_zombie_and_no_child_is_left_with_the_client(place: Place) -> None:
    place.script("exit 0")
    before = set(psutil.Process().children())
    place.submit()
    place.finish()
    place.kill_supervisor(signal.SIGTERM)
    assert set(psutil.Process().children()) <= before


# Where to die, and how many jobs there are then.
MOMENTS = [
    ("queue.Queue.add_cluster", 0),
    ("queue.Queue.set_log", 0),
    ("queue.Queue.add_jobs", 0),
    ("queue.Queue.post", 0),
    ("outbox.deliver", 2500),
    ("outbox._append", 2500),
    ("queue.Queue.set_delivered", 2500),
    ("launch.ensure_supervisor", 2500),
    ("launch.subprocess.run", 2500),
]


@pytest.mark.parametrize(("moment", "jobs"), MOMENTS)
def test_a_client_that_is_killed_while_it_submits_leaves_all_or_nothing(place: Place, moment: str, jobs: int) -> None:
    place.script("exit 0")
    place.backend._slots = 1
    module, _, name = moment.partition(".")
    dying = f"from htmap.backend.local import {module}; import os, signal\n"
    dying += f"{module}.{name} = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)\n"
    with client(place, place.describe("queue 2500"), slots=1, before=dying) as submitting:
        assert submitting.wait() == -signal.SIGKILL
    assert len(place.jobs()) == jobs
    place.wait_until(lambda: place.log().count(" Job submitted from host") == jobs)
    place.wait_until(lambda: jobs == 0 or place.events(0) == [0, 1, 5])
    place.act(Action.REMOVE)
    assert place.log().count(" Job submitted from host") == jobs


@pytest.mark.parametrize("seed", range(4))
def test_a_client_that_is_killed_at_any_moment_leaves_all_or_nothing(place: Place, seed: int) -> None:
    place.script("exit 0")
    with Queue(place.home):
        pass
    with client(place, place.describe("queue 20000"), slots=1) as submitting:
        begun = place.home / "queue.sqlite-wal"
        place.wait_until(lambda: begun.exists() and begun.stat().st_size > seed * 400_000, keep_alive=False)
        submitting.kill()
    assert len(place.jobs()) in (0, 20000)
    submitted = len(place.jobs())
    place.wait_until(lambda: place.log().count(" Job submitted from host") == submitted)
    place.act(Action.REMOVE)


def test_many_clients_make_and_use_a_queue_at_once(place: Place) -> None:
    place.script("exit 0")
    description = place.describe("queue 20")
    clients = [client(place, description) for _ in range(6)]
    clusters = sorted(int(one.communicate()[0]) for one in clients)
    assert clusters == [1, 2, 3, 4, 5, 6]
    place.finish()
    assert len(place.jobs()) == 120
    place.wait_until(lambda: place.log().count("\n005 (") == 120)
    assert place.log().count(" Job submitted from host") == 120


def test_a_queue_is_made_by_many_processes_at_once(tmp_path: Path) -> None:
    program = "import sys, pathlib; from htmap.backend.local.queue import Queue; sys.stdin.read(); "
    program += "[Queue(pathlib.Path(sys.argv[1]) / str(n)).slots() for n in range(40)]"
    command = [sys.executable, "-c", program, str(tmp_path)]
    makers = [subprocess.Popen(command, stdin=subprocess.PIPE) for _ in range(4)]
    for maker in makers:
        assert maker.stdin is not None
        maker.stdin.close()
    assert [maker.wait() for maker in makers] == [0, 0, 0, 0]


def test_threads_share_a_backend(place: Place) -> None:
    place.script("exit 0")
    description = place.describe("queue 5")
    with ThreadPoolExecutor(4) as pool:
        clusters = set(pool.map(lambda _: place.backend.submit(description, "0a1b2c"), range(8)))
    assert len(clusters) == 8
    place.finish()


def test_a_queue_of_the_version_before_is_brought_up_to_date(place: Place) -> None:
    place.script("exit 0")
    place.submit()
    place.finish()
    place.kill_supervisor(signal.SIGTERM)
    new = ("request_code", "request_subcode", "starts", "completions", "memory_mb", "disk_kb", "entered", "ready")
    for column in new:
        place.change_queue(f"ALTER TABLE jobs DROP COLUMN {column}")
    place.change_queue("ALTER TABLE clusters DROP COLUMN periodic")
    place.change_queue("PRAGMA user_version = 1")
    place.submit()
    place.finish()
    assert len(place.jobs()) == 2


def test_a_queue_of_a_newer_htmap_is_refused(place: Place) -> None:
    with Queue(place.home):
        pass
    place.change_queue("PRAGMA user_version = 99")
    with pytest.raises(BackendNotAvailable, match="99"):
        place.jobs()


def test_a_queue_that_is_no_database_is_an_error_of_ours(place: Place) -> None:
    place.home.mkdir()
    (place.home / "queue.sqlite").write_text("something else" * 1000)
    with pytest.raises(BackendError, match="cannot be used"):
        place.jobs()
