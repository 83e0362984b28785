"""What the operating system knows of the processes of jobs: which is which after a crash, and how much memory they use.

In: process ids, scratch directories. Out: facts, and ended processes. On the other side: the supervisor; clients never
import this module, because psutil takes its time to load.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Collection, Iterator
from pathlib import Path

import psutil

# The start of a process is computed from the clock, and the clock is corrected now and then.
_SAME_START_S = 2.0
_LONGEST_DEATH_S = 10.0
_POLL_S = 0.005


def started(pid: int) -> float:
    """When a process started, in unix seconds; 0 if it is gone. With the pid this names one process for ever."""
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return 0.0


def end_leftovers(known: Collection[tuple[int, float]], scratch_root: Path) -> None:
    """Kill the processes of jobs whose supervisor was killed, and wait until they are gone.

    Parameters
    ----------
    known
        Pid and start of each process that was recorded. It led a group; the group dies with it.
    scratch_root
        A process that was told to work below this directory belongs to a job too, also if the supervisor was killed
        before it could record it, or if it has left its group.
    """
    victims = [*_in_groups(known), *_working_below(scratch_root)]
    for process in victims:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    deadline = time.monotonic() + _LONGEST_DEATH_S
    while any(map(_is_alive, victims)) and time.monotonic() < deadline:
        time.sleep(_POLL_S)


def memory_by_session(sessions: Collection[int]) -> dict[int, int]:
    """Resident memory in kB of all processes of each session: one look at the process table, however many jobs run."""
    total = dict.fromkeys(sessions, 0)
    for pid in psutil.pids():
        with contextlib.suppress(OSError, psutil.Error):
            session = os.getsid(pid)
            if session in total:
                total[session] += psutil.Process(pid).memory_info().rss // 1024
    return total


def _is_alive(process: psutil.Process) -> bool:
    try:
        # A dead process whose parent does not care does no harm. It stays for ever where process 1 is careless, too.
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _in_groups(leaders: Collection[tuple[int, float]]) -> Iterator[psutil.Process]:
    groups = {pid for pid, since in leaders if abs(started(pid) - since) < _SAME_START_S}
    for process in psutil.process_iter():
        with contextlib.suppress(OSError):
            if groups and os.getpgid(process.pid) in groups:
                yield process


def _working_below(scratch_root: Path) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            place = process.environ().get("_CONDOR_SCRATCH_DIR")
            if place and Path(place).parent == scratch_root:
                yield process


def count_in_session(session: int) -> int:
    """How many processes a job has at the moment."""
    found = 0
    for pid in psutil.pids():
        with contextlib.suppress(OSError):
            found += os.getsid(pid) == session
    return found
