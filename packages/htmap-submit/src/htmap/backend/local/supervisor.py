"""The process that runs the jobs of one local queue: ``python -m htmap.backend.local.supervisor HOME``.

In: jobs and requests that clients leave in the queue. Out: processes, files, events. On the other side: any number of
clients, none of which it waits for, and the kernel, which says when a process has ended.

There is one supervisor for each queue, and it starts on demand (``launch``). It ends when there has been nothing to do
for a while, and it may be killed at any time: its successor finds everything in the queue and on disk (``recovery``).

::

    reap --> obey --> start --> deliver --> wait for a child to end, or 25 ms
      ^       |         |          |
      |     requests  oldest     outbox
    wait4     |       idle jobs    v
              +-- SIGSTOP, SIGTERM, SIGKILL    event logs
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import resource
import select
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from htmap.backend.local import ending, launch, outbox, policy, processes, recovery, starter
from htmap.backend.local.actions import held, released, requested_of
from htmap.backend.local.clusters import Clusters
from htmap.backend.local.eventlog import JobEvents
from htmap.backend.local.fork_servers import ForkServers
from htmap.backend.local.queue import WITH_PROCESS, Queue
from htmap.backend.local.rows import JobKey, JobRow, Request
from htmap.backend.local.sandbox import CannotGoOn, Sandbox, scratch_root
from htmap.backend.local.starter import Run
from htmap.backend.protocol import HoldCode, JobStatus
from htmap.exceptions import InvalidOption

_LOG = logging.getLogger(__name__)

# How soon a new job or a request is noticed. Looking costs a few microseconds.
_POLL_S = 0.025
# Memory is looked at this often, and unwritable logs are tried again.
_HOUSEKEEPING_S = 5.0
# ... where it is limited, more often.
_WATCHING_S = 1.0
# Looking at policies takes at most one part in so many of the time.
_POLICIES_SHARE = 20.0
# Memory that has grown by less than this is not worth an event.
_WORTH_REPORTING = 1.1
# Ending and starting again costs about as much as waiting this long.
_IDLE_S = 10.0
_MOST_SIGNALS = 4096
_MEMORY_EXCEEDED = 102  # the subcode that HTCondor has for it


class Supervisor:
    """The loop, and the runs it looks after.

    Parameters
    ----------
    home
        The directory of the local backend.
    queue
        Its queue.
    lock
        File descriptor of the lock that makes this the only supervisor.
    idle_s
        How long to stay when there is nothing to do.
    """

    def __init__(self, home: Path, queue: Queue, lock: int, idle_s: float = _IDLE_S) -> None:
        self._home = home
        self._queue = queue
        self._lock = lock
        self._idle_s = idle_s
        self._clusters = Clusters(queue)
        self._servers = ForkServers(scratch_root(home))
        self._runs: dict[int, Run] = {}
        self._seen_version = -1
        self._slots = 0
        self._limits_memory = False
        self._is_stopping = False
        self._housekeeping_at = time.monotonic() + _HOUSEKEEPING_S
        self._policies_at = 0.0
        self._idle_since: float | None = None

    def run(self) -> None:
        """Until there is nothing to do, or until it is told to stop (SIGTERM)."""
        wakeup = _Wakeup(self._stop)
        recovery.recover(self._home, self._queue, self._clusters)
        while not self._is_over():
            self._reap()
            self._look_at_queue()
            self._hurry()
            self._start()
            self._keep_house()
            outbox.deliver(self._queue)
            wakeup.wait(_POLL_S)

    # -------------------------------------------------------------------------------------------------------- ending

    def _stop(self) -> None:
        self._is_stopping = True

    def _is_over(self) -> bool:
        if self._runs:
            self._idle_since = None
            return False
        if self._is_stopping:
            return True
        now = time.monotonic()
        if self._queue.has_work():
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = now
        elif now - self._idle_since > self._idle_s:
            return self._lay_down_office()
        return False

    def _lay_down_office(self) -> bool:
        """Give up the lock while nobody can submit: whoever submits next finds it free and starts a new supervisor."""
        with self._queue.transaction():
            if self._queue.has_work():
                return False
            os.close(self._lock)
        return True

    # ---------------------------------------------------------------------------------------------------- ended runs

    def _reap(self) -> None:
        ended, went_on = [], []
        with contextlib.suppress(ChildProcessError):  # there is no child at all
            while self._runs:
                pid, status, used = os.wait4(-1, os.WNOHANG)
                if pid == 0:
                    break
                if pid in self._runs:
                    run = self._runs.pop(pid)
                    again = self._go_on(run, used) if starter.has_checkpointed(run, status) else None
                    if again is None:
                        ended.append(ending.end(run, status, used))
                    else:
                        went_on.append((pid, again))
        if went_on:
            self._record_went_on(went_on)
        if ended:
            self._record_ended(ended)

    def _go_on(self, run: Run, used: resource.struct_rusage) -> Run | None:
        try:
            return starter.go_on(run, used, self._servers)
        except CannotGoOn as failure:
            _LOG.warning("job %d.%d cannot go on after a checkpoint: %s", *run.key, failure.reason)
            return None

    def _record_went_on(self, went_on: list[tuple[int, Run]]) -> None:
        """Note the new processes. No event tells of it: to everybody else the job just runs."""
        with self._queue.transaction():
            for pid, run in went_on:
                self._runs[run.pid] = run
                row = self._queue.job(run.key)
                if row is None or row.pid != pid:  # it was never allowed to start (_record_started)
                    run.ask_to_end()
                    run.send(signal.SIGKILL)
                else:
                    process = {"pid": run.pid, "pid_started": processes.started(run.pid)}
                    self._queue.set_jobs([run.key], process)

    def _record_ended(self, ended: list[ending.Ended]) -> None:
        now, gone = time.time(), []
        with self._queue.transaction():
            for one in ended:
                row = self._queue.job(one.run.key)
                if row is None or row.pid != one.run.pid:  # it was never allowed to start (_record_started)
                    continue
                consequence = ending.of_run(one, row, now)
                self._queue.set_jobs([one.run.key], consequence.columns)
                self._post(one.run.key, consequence.events)
                if consequence.leaves_queue:
                    gone.append(one.run.sandbox)
        for sandbox in gone:
            sandbox.discard_spool()

    # ------------------------------------------------------------------------------------------------------ requests

    def _look_at_queue(self) -> None:
        version = self._queue.version()
        if version == self._seen_version:
            return
        self._seen_version = version
        self._slots = self._queue.slots()
        self._limits_memory = self._queue.limits_memory()
        if self._queue.requests():
            with self._queue.transaction():
                for key, request in self._queue.requests():
                    self._obey(key, request)

    def _obey(self, key: JobKey, request: Request) -> None:
        run = next((run for run in self._runs.values() if run.key == key), None)
        if run is None:
            return
        if request not in (Request.SUSPEND, Request.CONTINUE):
            run.ask_to_end()
            return
        is_to_stop = request is Request.SUSPEND
        status = JobStatus.SUSPENDED if is_to_stop else JobStatus.RUNNING
        self._queue.set_jobs([key], {"status": status.value, "request": None, "reason": None})
        if run.suspended != is_to_stop:
            run.send(signal.SIGSTOP if is_to_stop else signal.SIGCONT)
            run.suspended = is_to_stop
            events = JobEvents(*key, time.time())
            count = processes.count_in_session(run.pid)
            self._post(key, events.suspended(count) if is_to_stop else events.unsuspended())

    def _hurry(self) -> None:
        """Kill what was asked to end and has not."""
        now = time.monotonic()
        for run in self._runs.values():
            if self._is_stopping:
                run.ask_to_end()
            if run.deadline is not None and now > run.deadline:
                run.send(signal.SIGKILL)
            elif not run.was_asked_to_end:
                self._hold_if_too_long(run, now - run.started)

    def _hold_if_too_long(self, run: Run, elapsed_s: float) -> None:
        limits = (
            (run.job.job_duration_s, HoldCode.JOB_DURATION_EXCEEDED, "job"),
            (run.job.execute_duration_s, HoldCode.JOB_EXECUTE_EXCEEDED, "execute"),
        )
        for limit_s, code, what in limits:
            if limit_s is not None and elapsed_s > limit_s:
                reason = f"The job exceeded allowed {what} duration of {timedelta(seconds=limit_s)}"
                with self._queue.transaction():
                    self._ask(run.key, Request.HOLD, reason, code)
                return

    def _ask(
        self, key: JobKey, request: Request, reason: str, code: int = HoldCode.JOB_POLICY, subcode: int = 0
    ) -> None:
        """Ask something of a job with a process. In a transaction."""
        self._queue.set_jobs([key], requested_of(request, reason, code, subcode))
        self._obey(key, request)

    # ------------------------------------------------------------------------------------------------------ new runs

    def _start(self) -> None:
        free = sorted(set(range(1, self._slots + 1)) - {run.slot for run in self._runs.values()})
        if not free or self._is_stopping:
            return
        started: list[Run] = []
        failed: list[tuple[JobKey, CannotGoOn]] = []
        errors = self._queue.log_errors()
        for slot, row in zip(free, self._queue.oldest_idle(len(free), time.time()), strict=False):
            try:
                started.append(self._start_one(row, slot, errors))
            except CannotGoOn as failure:
                failed.append((row.key, failure))
        if started or failed:
            self._record_started(started, failed)

    def _start_one(self, row: JobRow, slot: int, log_errors: dict[int, str]) -> Run:
        try:
            unwritable = log_errors.get(self._clusters[row.key[0]].log)
            if unwritable:
                failure = f"The job event log cannot be written: {unwritable}"
                raise CannotGoOn(HoldCode.UNABLE_TO_INIT_USER_LOG, 0, failure)  # noqa: TRY301
            job = self._clusters.job(row)
            return starter.start(job, Sandbox(self._home, job.cluster, job.proc), slot, self._servers)
        except CannotGoOn:
            raise
        except InvalidOption as error:  # nobody could tell when it was submitted
            raise CannotGoOn(HoldCode.FAILED_TO_CREATE_PROCESS, 0, str(error)) from error
        except Exception as error:
            # Whatever is wrong with one job must not end the supervisor of all.
            _LOG.exception("job %d.%d cannot be started", *row.key)
            raise CannotGoOn(HoldCode.FAILED_TO_CREATE_PROCESS, 0, f"The job cannot be started: {error}") from error

    def _record_started(self, started: list[Run], failed: list[tuple[JobKey, CannotGoOn]]) -> None:
        now = time.time()
        with self._queue.transaction():
            for run in started:
                self._runs[run.pid] = run
                if self._queue.set_started(run.key, run.pid, processes.started(run.pid)):
                    events = JobEvents(*run.key, now)
                    self._post(run.key, events.executing(run.slot, str(run.sandbox.scratch), run.resources()))
                else:  # a client has held or removed it in the meantime
                    run.ask_to_end()
                    run.send(signal.SIGKILL)
            for key, failure in failed:
                if self._queue.is_in(key, (JobStatus.IDLE,)):
                    self._queue.set_jobs([key], held(failure.reason, failure.code, failure.subcode))
                    text = JobEvents(*key, now).held(failure.reason, failure.code, failure.subcode)
                    self._post(key, text)

    # -------------------------------------------------------------------------------------------------- now and then

    def _keep_house(self) -> None:
        now = time.monotonic()
        if now < self._housekeeping_at:
            return
        self._housekeeping_at = now + (_WATCHING_S if self._limits_memory and self._runs else _HOUSEKEEPING_S)
        self._queue.retry_logs()
        self._servers.forget_idle()
        self._look_at_policies()
        memory = processes.memory_by_session(self._runs) if self._runs else {}
        with self._queue.transaction():
            self._queue.purge()
            for pid, resident_kb in memory.items():
                self._note_memory(self._runs[pid], resident_kb)

    def _note_memory(self, run: Run, resident_kb: int) -> None:
        """Tell of memory that has grown, and hold what has too much of it. In a transaction."""
        run.peak_kb = max(run.peak_kb, resident_kb)
        if run.peak_kb > run.reported_kb * _WORTH_REPORTING:
            run.reported_kb = run.peak_kb
            self._post(run.key, JobEvents(*run.key, time.time()).image_size(run.peak_kb, resident_kb))
        limit_mb = run.job.request_memory_mb
        if self._limits_memory and resident_kb > limit_mb * 1024 and not run.was_asked_to_end:
            reason = (
                f"Job has gone over its memory limit of {limit_mb} megabytes. Peak usage: {run.peak_kb // 1024} "
                "megabytes. Consider resubmitting with a higher request_memory."
            )
            self._ask(run.key, Request.HOLD, reason, HoldCode.JOB_OUT_OF_RESOURCES, _MEMORY_EXCEEDED)

    def _look_at_policies(self) -> None:
        """Carry out what periodic policies say; where there are very many, not so often."""
        began, now = time.monotonic(), time.time()
        if began < self._policies_at:
            return
        for row in self._queue.with_periodic_policy():
            try:
                verdict = policy.look(self._clusters.job(row), row.status, row.hold_code, now)
            except InvalidOption:  # it is held when it starts
                continue
            if verdict is not None:
                with self._queue.transaction():
                    current = self._queue.job(row.key)
                    if current is not None and current.status is row.status and current.request is None:
                        self._carry_out(verdict, current, now)

        self._policies_at = time.monotonic() + _POLICIES_SHARE * (time.monotonic() - began)

    def _carry_out(self, verdict: policy.Periodic, row: JobRow, now: float) -> None:
        """Do what a periodic policy says. In a transaction."""
        events = JobEvents(*row.key, now)
        if row.status in WITH_PROCESS:
            self._ask_by_policy(verdict, row.key)
        elif isinstance(verdict, policy.Hold):
            self._queue.set_jobs([row.key], held(verdict.reason, verdict.code, verdict.subcode))
            self._post(row.key, events.held(verdict.reason, verdict.code, verdict.subcode))
        elif isinstance(verdict, policy.Release):
            self._queue.set_jobs([row.key], released())
            self._post(row.key, events.released(verdict.reason))
        elif isinstance(verdict, policy.Remove):
            self._queue.set_jobs([row.key], {"status": JobStatus.REMOVED.value})
            self._post(row.key, events.aborted(verdict.reason))

    def _ask_by_policy(self, verdict: policy.Periodic, key: JobKey) -> None:
        if isinstance(verdict, policy.Hold):
            self._ask(key, Request.HOLD, verdict.reason, verdict.code, verdict.subcode)
        elif isinstance(verdict, policy.Remove):
            self._ask(key, Request.REMOVE, verdict.reason)
        elif isinstance(verdict, policy.Vacate):
            self._ask(key, Request.VACATE, verdict.reason)

    def _post(self, key: tuple[int, int], text: str) -> None:
        self._queue.post(self._clusters[key[0]].log, text)


class _Wakeup:
    """What ends a wait early: a signal. For the main thread, once.

    Parameters
    ----------
    stop
        Called when this process is asked to end (SIGTERM, SIGINT).
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self._readable, writable = os.pipe()
        for end in (self._readable, writable):
            os.set_blocking(end, False)
        # The number of each signal that has a handler is written here, also when nobody waits at that moment.
        signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
        # Handlers that do nothing, not SIG_IGN: jobs would inherit that a signal is ignored.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: stop())
        for other in (signal.SIGCHLD, signal.SIGHUP):
            signal.signal(other, lambda _number, _frame: None)
        # The shell that starts the supervisor in the background ignores it.
        signal.signal(signal.SIGQUIT, signal.SIG_DFL)

    def wait(self, timeout_s: float) -> None:
        """Return when there was a signal since the last call, or after a while."""
        select.select([self._readable], [], [], timeout_s)
        with contextlib.suppress(BlockingIOError):
            os.read(self._readable, _MOST_SIGNALS)


def main() -> None:
    """Run a supervisor, if there is none for this home."""
    parser = argparse.ArgumentParser(prog="htmap.backend.local.supervisor", description=main.__doc__)
    parser.add_argument("home", type=Path, help="directory of the local backend")
    parser.add_argument("--lock", type=int, help="file descriptor of the lock, taken already")
    parser.add_argument("--idle", type=float, default=_IDLE_S, metavar="SECONDS", help="stay so long without work")
    arguments = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(process)d %(levelname)s %(message)s", level=logging.INFO)
    home = arguments.home.resolve()
    lock = arguments.lock if arguments.lock is not None else launch.take_lock(home)
    if lock is None:
        parser.exit(1, f"A supervisor runs already for {home}.\n")
    os.set_inheritable(lock, False)
    os.pwrite(lock, f"{os.getpid():<20}\n".encode(), 0)
    with Queue(home) as queue:
        _LOG.info("supervisor starts, %d slots", queue.slots())
        Supervisor(home, queue, lock, arguments.idle).run()
        _LOG.info("supervisor ends")


if __name__ == "__main__":
    main()
