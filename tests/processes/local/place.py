"""A local queue to test with: a real supervisor, real processes, real files.

In: submit descriptions. Out: events, files, states. On the other side: `htmap.backend.local`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import signal
import sqlite3
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil

from htmap.backend.local.client import LocalBackend
from htmap.backend.local.queue import Queue
from htmap.backend.protocol import Action, JobSelection, JobStatus, QueuedJob

T = TypeVar("T")

UID = "0a1b2c"
PATIENCE_S = 20.0

_EVENT = re.compile(r"^(\d{3}) \(\d+\.(\d+)\.\d+\) ", re.MULTILINE)


class Place:
    """A queue, and a directory to submit from.

    Parameters
    ----------
    folder
        Where both lie.
    """

    def __init__(self, folder: Path, slots: int = 2, *, limits_memory: bool = False) -> None:
        self.home = folder / "home"
        self.submit_side = folder / "submit side"  # with a space: paths must survive it
        self.submit_side.mkdir()
        self.backend = LocalBackend(self.home, slots, limits_memory=limits_memory)
        self.all = JobSelection(UID)

    # --- what a user does ---

    def script(self, body: str, name: str = "job") -> Path:
        """Write an executable; without a shebang of its own it is for sh."""
        text = textwrap.dedent(body)
        path = self.submit_side / name
        path.write_text(text if text.startswith("#!") else f"#!/bin/sh\n{text}")
        path.chmod(0o755)
        return path

    def describe(self, queue: str = "queue", **commands: object) -> Path:
        """Write a submit description of the script ``job``, changed by some commands; None takes one out."""
        all_commands: dict[str, object] = {
            "executable": "job",
            "transfer_output_files": '""',
            "log": "events",
            "submit_event_user_notes": "htmap submission 0",
            "+HTMapUid": f'"{UID}"',
        }
        lines = [f"{key} = {value}" for key, value in (all_commands | commands).items() if value is not None]
        path = self.submit_side / "submit"
        path.write_text("\n".join([*lines, queue, ""]))
        return path

    def submit(self, queue: str = "queue", **commands: object) -> int:
        """Submit what `describe` writes."""
        return self.backend.submit(self.describe(queue, **commands), UID)

    def act(self, action: Action, *procs: int, cluster: int = 1) -> int:
        """Do something to some jobs, or to all."""
        selection = JobSelection(UID, {cluster: procs} if procs else None)
        return self.backend.act(action, selection, f"because of {action.value}")

    # --- what can be seen ---

    def jobs(self) -> list[QueuedJob]:
        """All jobs, ended ones too."""
        return self.backend.query(self.all, with_history=True)

    def statuses(self) -> list[JobStatus]:
        """The states of all jobs, oldest first."""
        return [job.status for job in self.jobs()]

    def log(self) -> str:
        """The event log."""
        path = self.submit_side / "events"
        return path.read_text() if path.is_file() else ""

    def events(self, proc: int = 0) -> list[int]:
        """The numbers of the events of one job, in order, without those of its memory."""
        found = [(int(number), int(of)) for number, of in _EVENT.findall(self.log())]
        return [number for number, of in found if of == proc and number != 6]

    def exists(self, name: str) -> bool:
        """Whether there is a file on the submit side."""
        return (self.submit_side / name).exists()

    def read(self, name: str) -> str:
        """A file on the submit side."""
        return (self.submit_side / name).read_text()

    # --- waiting ---

    def wait_until(self, condition: Callable[[], T | None], *, keep_alive: bool = True) -> T:
        """The first result of a condition that counts as true; a dead supervisor is started again meanwhile."""
        deadline = time.monotonic() + PATIENCE_S
        while not (result := condition()):
            assert time.monotonic() < deadline, f"waited in vain; the log says:\n{self.log()}\n{self.supervisor_log()}"
            if keep_alive:
                self.backend.ensure_progress()
            time.sleep(0.01)
        return result

    def wait_for(self, *statuses: JobStatus) -> None:
        """Wait until the jobs are in these states and the log says so; one state is meant for all jobs."""

        def reached() -> bool:
            now = self.statuses()
            if now != list(statuses) and (len(statuses) > 1 or set(now) != set(statuses)):
                return False
            with Queue(self.home) as queue:
                return not queue.logs_to_write()

        self.wait_until(reached)

    def wait_for_file(self, name: str) -> None:
        """Wait until the first job runs, and has made a file."""
        self.wait_until((self.home / "scratch/1.0" / name).exists)
        # Its process has begun; now the queue must say so, too.
        self.wait_until(lambda: self.statuses()[0] is JobStatus.RUNNING)

    def finish(self) -> None:
        """Wait until all jobs are completed."""
        self.wait_for(JobStatus.COMPLETED)

    # --- the supervisor ---

    def supervisor_log(self) -> str:
        """What the supervisor has to say."""
        path = self.home / "supervisor.log"
        return path.read_text() if path.exists() else ""

    def supervisor(self) -> psutil.Process | None:
        """The supervisor, if one is alive."""
        with contextlib.suppress(OSError, ValueError, psutil.Error):
            with (self.home / "supervisor.lock").open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return None
        with contextlib.suppress(OSError, ValueError, psutil.Error):
            return psutil.Process(int((self.home / "supervisor.lock").read_text()))
        return None

    def change_queue(self, statement: str, *values: object) -> None:
        """Change the queue behind everybody's back."""
        with contextlib.closing(sqlite3.connect(self.home / "queue.sqlite")) as connection, connection:
            connection.execute(statement, values)

    def kill_supervisor(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End the supervisor, and wait until it is gone."""
        supervisor = self.wait_until(self.supervisor)
        supervisor.send_signal(how)
        self._wait_until_dead(supervisor)

    def is_alive(self, process: psutil.Process) -> bool:
        """Whether a process can still do something; who inherits a dead one may take his time to notice."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        return False

    def _wait_until_dead(self, process: psutil.Process) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while self.is_alive(process):
            assert time.monotonic() < deadline, f"{process} does not end"
            time.sleep(0.005)

    def end(self) -> None:
        """End everything that runs here."""
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.pid != os.getpid() and self._is_ours(process):
                    process.kill()

    def _is_ours(self, process: psutil.Process) -> bool:
        scratch = process.environ().get("_CONDOR_SCRATCH_DIR", "")
        return str(self.home) in process.cmdline() or scratch.startswith(str(self.home))
