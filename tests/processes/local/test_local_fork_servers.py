"""Jobs that a warm interpreter forks, held against the same jobs started the usual way."""

from __future__ import annotations

import io
import json
import re
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.processes.local.place import Place

import htmap_common
import htmap_exec
from htmap.backend.protocol import Action, JobStatus

# A zip, as the runner is. It becomes a server when its only argument says so.
PROGRAM = """\
import json, os, signal, subprocess, sys, time

sys.path += {PACKAGES}

def run(arguments):
    what, *rest = arguments
    forked = sys.orig_argv[-1] == "fork-server"
    if what == "report":
        json.dump({
            "environment": dict(os.environ), "arguments": sys.argv, "path": sys.path, "directory": os.getcwd(),
            "files": sorted(map(int, os.listdir("/proc/self/fd")))[:-1],
            "session": os.getsid(0) == os.getpid(), "umask": os.umask(0o22),
            "handlers": [str(signal.getsignal(number)) for number in signal.valid_signals()],
            "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
            "parent": os.getppid(), "forked": forked,
        }, sys.stdout)
    elif what == "streams":
        print(forked, sys.stdin.read().strip(), flush=True)
        print("trouble", file=sys.stderr)
    elif what == "exit":
        print(forked)
        return int(rest[0])
    elif what == "die":
        print(forked, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "wait":
        child = subprocess.Popen(["sleep", "100"])
        with open(rest[0] + ".pids", "w") as file:
            print(int(forked), os.getpid(), child.pid, file=file)
        with open("progress", "a") as file:
            print("start", file=file)
        while not os.path.exists(rest[0]):
            time.sleep(0.01)
    return 0

if sys.argv[1:] == ["fork-server"]:
    from htmap_exec.fork_server import serve
    serve(run)
sys.exit(run(sys.argv[1:]))
"""
PACKAGES = [str(Path(package.__path__[0]).parent) for package in (htmap_exec, htmap_common)]
SERVER = {"executable": "program", "+HTMapForkServer": '"fork-server"'}


def write_program(place: Place, text: str = PROGRAM) -> None:
    archive = io.BytesIO(b"#!/usr/bin/env python3\n")
    archive.seek(0, io.SEEK_END)
    with zipfile.ZipFile(archive, "a") as members:
        members.writestr("__main__.py", text.replace("{PACKAGES}", repr([*PACKAGES, *sys.path])))
    # Beside and renamed, as the runner is: a job that starts right now must not find half a file.
    beside = place.submit_side / "beside"
    beside.write_bytes(archive.getvalue())
    beside.chmod(0o755)
    beside.replace(place.submit_side / "program")


def submit(place: Place, what: str, queue: str = "queue", **commands: Any) -> int:
    commands = {**SERVER, "arguments": what, "output": "out.$(Cluster).$(ProcId)", **commands}
    return place.submit(queue, **commands)


def until_forked(place: Place, what: str, **commands: Any) -> list[str]:
    """Submit one job after another until one is forked; what each printed."""
    printed: list[str] = []

    def has_forked() -> bool:
        cluster = submit(place, what, **commands)
        place.finish()
        printed.append(place.read(f"out.{cluster}.0"))
        return bool(re.search('True|"forked": true', printed[-1]))

    place.wait_until(has_forked)
    return printed


def server_of(place: Place) -> psutil.Process:
    supervisor = place.supervisor()
    assert supervisor
    (server,) = [child for child in supervisor.children() if child.cmdline()[-1] == "fork-server"]
    return server


def wait_for_pids(place: Place, name: str) -> list[int]:
    """Whether a job of ``wait`` was forked, and its processes."""
    return place.wait_until(
        lambda: [int(word) for word in place.read(f"{name}.pids").split()] if place.exists(f"{name}.pids") else []
    )


def test_a_forked_job_finds_what_a_started_one_finds(place: Place) -> None:
    write_program(place)
    first, *_, last = until_forked(place, "report", environment='"A=1 TZ=Asia/Tokyo"')

    def without_number(text: str) -> Mapping[str, Any]:
        return json.loads(re.sub(r"scratch/\d+\.0", "scratch", text))  # type: ignore[no-any-return]

    started, forked = without_number(first), without_number(last)
    supervisor = place.supervisor()
    assert supervisor
    assert forked["parent"] == supervisor.pid
    assert forked["environment"]["A"] == "1"
    assert forked["session"]
    assert forked["files"] == [0, 1, 2]
    assert {**forked, "forked": False} == started


def test_input_and_output_of_a_forked_job(place: Place) -> None:
    write_program(place)
    (place.submit_side / "question").write_text("to be?\n")
    printed = until_forked(place, "streams", input="question", error="err")
    assert printed[-1] == "True to be?\n"
    assert place.read("err") == "trouble\n"


@pytest.mark.parametrize(("what", "code", "signal"), [("exit 7", 7, None), ("die", None, 9)])
def test_the_end_of_a_forked_job_is_seen(place: Place, what: str, code: int | None, signal: int | None) -> None:
    write_program(place)
    until_forked(place, what)
    job = place.jobs()[-1]
    assert (job.exit_code, job.exit_signal) == (code, signal)


def test_a_forked_job_is_held_with_all_its_processes(place: Place) -> None:
    write_program(place)
    until_forked(place, "exit 0")
    cluster = submit(place, f"\"wait '{place.submit_side}/go'\"")
    forked, *pids = wait_for_pids(place, "go")
    processes = [psutil.Process(pid) for pid in pids]
    place.wait_until(lambda: place.statuses()[-1] is JobStatus.RUNNING)
    place.act(Action.HOLD, 0, cluster=cluster)
    place.wait_until(lambda: place.statuses()[-1] is JobStatus.HELD)
    assert forked
    place.wait_until(lambda: not any(map(place.is_alive, processes)))  # a signal takes a moment


def test_a_forked_job_outlives_its_server_and_is_found_by_the_next_supervisor(place: Place) -> None:
    write_program(place)
    until_forked(place, "exit 0")
    server = server_of(place)
    submit(place, f"\"wait '{place.submit_side}/go'\"", transfer_output_files="progress")
    forked, *pids = wait_for_pids(place, "go")
    processes = [psutil.Process(pid) for pid in pids]
    server.kill()
    place.wait_until(lambda: not place.is_alive(server))
    assert forked
    assert all(map(place.is_alive, processes))
    place.change_queue("UPDATE jobs SET pid = NULL, pid_started = NULL WHERE pid = ?", pids[0])  # not yet recorded
    place.kill_supervisor()
    (place.submit_side / "go").touch()
    place.finish()
    place.wait_until(lambda: not any(map(place.is_alive, processes)))
    assert place.read("progress") == "start\n"


def test_jobs_go_on_without_a_server_that_was_killed(place: Place) -> None:
    write_program(place)
    until_forked(place, "exit 0")
    server_of(place).kill()
    cluster = submit(place, "exit 0", "queue 4")
    place.finish()
    assert [place.read(f"out.{cluster}.{proc}") for proc in range(4)] == ["False\n"] * 4


@pytest.mark.parametrize("broken", ["sys.exit(1)", "import time; time.sleep(1000)", "os.write(0, b'r'); sys.exit(1)"])
def test_a_program_that_is_no_server_runs_all_the_same(place: Place, broken: str) -> None:
    write_program(place, PROGRAM.replace("    serve(run)\n", f"    {broken}\n"))
    cluster = submit(place, "exit 0", "queue 8")
    place.finish()
    assert [place.read(f"out.{cluster}.{proc}") for proc in range(8)] == ["False\n"] * 8


def test_what_differs_from_job_to_job_is_never_taken_from_a_server(place: Place) -> None:
    write_program(place)
    first = json.loads(until_forked(place, "report", environment="A=1")[-1])
    second = json.loads(until_forked(place, "report", environment="A=2")[-1])
    assert (first["environment"]["A"], second["environment"]["A"]) == ("1", "2")
    write_program(place, PROGRAM.replace("trouble", "a new program"))
    until_forked(place, "streams", error="err")
    assert place.read("err") == "a new program\n"


def test_servers_end_with_their_supervisor(place: Place) -> None:
    write_program(place)
    until_forked(place, "exit 0")
    server = server_of(place)
    place.kill_supervisor()
    place.wait_until(lambda: not place.is_alive(server), keep_alive=False)


def test_a_lone_job_does_not_pay_for_a_server(place: Place) -> None:
    write_program(place)
    submit(place, "exit 0")
    place.finish()
    supervisor = place.supervisor()
    assert supervisor
    assert supervisor.children() == []
    assert list((place.home / "scratch").iterdir()) == []
