"""Leave in the middle of a job, so that HTCondor brings what there is to the access point, and starts the job again.

In: when to do so. Out: the exit code that the submit description names as ``checkpoint_exit_code``, and a scratch
directory in which the next start finds what it would find on another node: what came with the job, and what the job
sends back. On the other side: HTCondor's starter, which starts the job again in the same directory, and which does not
end what the job has left running (``VanillaProc::JobReaper``; at any other end it does).
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING, NoReturn

from htmap_common.agreed import CHECKPOINTED, PREFIX

from .trees import remove

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .progress import Progress
    from .task import Task

# Ours, and HTCondor's, which makes some of its files only while the job runs.
_NOT_THE_USERS = (PREFIX, "_condor", ".")
# For a child that waits for a disk, and does not die before that answers.
_LONGEST_END_S = 5


class CheckpointLeave:
    """Made before the first component runs."""

    def __init__(self, task: Task, progress: Progress) -> None:
        self._leave_at = task.leave_at
        self._scratch = task.scratch
        self._progress = progress
        self._pid = os.getpid()
        self._came_with_the_job = task.sent

    def is_due(self) -> bool:
        """Whether it is time. Never in a child that the function has forked, nor when the job is to end anyway."""
        return (
            self._leave_at is not None
            and time.monotonic() >= self._leave_at
            and os.getpid() == self._pid
            and not self._progress.is_stopping()
        )

    def leave(self) -> NoReturn:
        """End this process, and all that it has started."""
        _end_descendants(self._pid)
        for name in os.listdir(self._scratch):
            if name not in self._came_with_the_job and not name.startswith(_NOT_THE_USERS):
                with contextlib.suppress(OSError):
                    remove(os.path.join(self._scratch, name))
        self._progress.set_exit_code(CHECKPOINTED)
        os._exit(0)


def _end_descendants(pid: int) -> None:
    deadline = time.monotonic() + _LONGEST_END_S
    # Each round may find children that were born during the last one.
    while (found := list(_descendants(pid))) and time.monotonic() < deadline:
        for each in found:
            with contextlib.suppress(OSError):
                os.kill(each, signal.SIGKILL)
        time.sleep(0.01)


def _descendants(pid: int) -> Iterator[int]:
    """The living processes below one; none where there is no /proc."""
    children: dict[int, list[int]] = {}
    with contextlib.suppress(OSError):
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as stat:
                # Behind the name, which may hold anything: state, and pid of the parent.
                state, parent = stat.read().rpartition(b")")[2].split()[:2]
                if state not in (b"Z", b"X"):
                    children.setdefault(int(parent), []).append(int(name))
    waiting = [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        waiting += below
        yield from below
