"""The keeper: makes sure that every component of a job gets a record, whatever happens to the process that runs it.

::

    keeper ──fork──> worker ──append──> outputs
       │                ╵ dies
       ├──────append the record of the component that it was at──> outputs
       └──fork──> worker (for the rest) ...

In: a task, signals. Out: the exit code of the job.
On the other side: HTCondor, or our local backend, which started this process and may evict it by a signal.

While all goes well this process stays as small as it was when it forked: everything that needs more is imported later,
by the worker or in `htmap_exec.after_death`. So the fork is cheap, and so is the memory of the waiting process.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
from typing import TYPE_CHECKING, NoReturn

from htmap_common.agreed import CHECKPOINT, CHECKPOINTED, TRANSFER

from .capture import open_standard_descriptors
from .errors import RunnerFailure
from .kept_files import KeptFiles, Legacy, enter_scratch
from .progress import NEXT_WORKER, Ended, Progress

if TYPE_CHECKING:
    from types import FrameType

    from .task import Task

# HTCondor kills a job that is still there 30 s after it was asked to stop, and then brings none of its files back.
_GRACE_S = 20
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_STDERR = 2


class Keeper:
    """Keeps workers at work until every component of the task has a record."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._progress = Progress()
        self._kept = KeptFiles()
        self._legacy = Legacy()
        self._worker_pid: int | None = None
        self._stop_signal: int | None = None

    def run(self) -> int:
        """Run the task and return the exit code.

        Raises
        ------
        RunnerFailure
            The outputs file cannot be written.
        """
        # There is no garbage yet, and to look for it is to touch, so to copy, all memory that is shared by the fork.
        gc.disable()
        open_standard_descriptors()
        for number in _STOP_SIGNALS:
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGALRM, self._on_grace_over)
        self._keep_files()
        while True:
            ended = self._run_worker()
            self._put_files_back()
            exit_code = self._progress.exit_code()
            if self._stop_signal is not None and exit_code in (None, CHECKPOINTED, NEXT_WORKER):
                _end_by(self._stop_signal)
            if exit_code == NEXT_WORKER:
                continue
            if exit_code is not None:
                return exit_code
            from .after_death import settle  # noqa: PLC0415 - see above

            settle(self._task, self._progress.position(), ended)

    def _keep_files(self) -> None:
        """Hold what the job needs, and what it is to send back: the function may remove whatever it finds."""
        self._kept.keep_sent(self._task)
        self._kept.keep_standard_streams(self._task.scratch)
        # The worker makes it otherwise, and then nobody would hold it.
        self._kept.keep(self._task.outputs, make=True)

    def _put_files_back(self) -> None:
        enter_scratch(self._task.scratch)
        self._kept.take_over(self._legacy)
        self._kept.put_back()
        for name in (TRANSFER, CHECKPOINT):
            if name in self._task.sent:
                with contextlib.suppress(OSError):  # the queue will say what it misses
                    os.makedirs(os.path.join(self._task.scratch, name), exist_ok=True)

    def _run_worker(self) -> Ended:
        """Fork a worker, which goes on where the last one stopped, and wait for its end."""
        self._progress.reset()
        # Between the fork and the new handlers, a signal would be taken for one to the wrong process.
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
        pid = os.fork()
        if pid == 0:
            self._become_worker()
        self._worker_pid = pid
        if self._stop_signal is not None:  # it came while there was no worker
            self._on_stop(self._stop_signal, None)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)
        _, wait_status, usage = os.wait4(pid, 0)
        self._worker_pid = None
        signal.alarm(0)
        return Ended(os.waitstatus_to_exitcode(wait_status), usage)

    def _become_worker(self) -> NoReturn:
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)

            import faulthandler  # noqa: PLC0415

            from .worker import Worker  # noqa: PLC0415

            faulthandler.enable(file=_STDERR)  # the stack of a crash goes to the component's stderr
            Worker(self._task, self._progress, self._legacy).run()
        except (RunnerFailure, ImportError):
            pass  # the keeper will come upon the same, and says so
        except BaseException:  # noqa: BLE001 - a bug of ours; the keeper records that there is no result
            import traceback  # noqa: PLC0415

            traceback.print_exc()
        finally:
            # Not sys.exit(): all is written, and threads or exit handlers of the user's could only keep us from ending.
            os._exit(1)

    def _on_stop(self, number: int, _frame: FrameType | None) -> None:
        self._stop_signal = number
        self._progress.set_stopping()
        signal.alarm(_GRACE_S)
        self._signal_worker(signal.SIGTERM)

    def _on_grace_over(self, _number: int, _frame: FrameType | None) -> None:
        self._signal_worker(signal.SIGKILL)

    def _signal_worker(self, number: signal.Signals) -> None:
        # A signal to the whole process group may have ended it before this one's handler gets to run.
        if self._worker_pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._worker_pid, number)


def _end_by(number: int) -> NoReturn:
    """End by a signal, so that whoever sent it sees that it worked."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    # The first process of a container is spared by signals that it does not handle.
    os._exit(128 + number)
