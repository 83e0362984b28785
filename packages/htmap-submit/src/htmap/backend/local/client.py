"""The local backend as the rest of htmap sees it.

In: submit descriptions, selections of jobs. Out: cluster ids, counts, rows; everything else is in the event log. On the
other side: the queue on disk. The supervisor is started when there is something to do, and never spoken to.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import sqlite3
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from htmap.backend.local import actions, containers, launch, outbox
from htmap.backend.local.eventlog import JobEvents
from htmap.backend.local.job import PERIODIC, expand, expand_for_cluster
from htmap.backend.local.queue import IN_QUEUE, WITH_PROCESS, Queue
from htmap.backend.local.rows import SelectedJob
from htmap.backend.local.sandbox import scratch_root, sweep_spool
from htmap.backend.protocol import Action, HoldCode, JobSelection, JobStatus, Prospects, QueuedJob, QueueNotWritable
from htmap.exceptions import BackendError
from htmap.language import classad, words
from htmap.language.commands import check_for_local
from htmap.language.description import Description, read, with_environment
from htmap.store.records import QueueIdentity

# Jobs inserted at a time: bounds memory, whatever the number of items.
_JOBS_AT_ONCE = 1000
# How long `act` waits for the supervisor, and how often it looks.
_ACT_TIMEOUT_S = 2.0
_ACT_POLL_S = 0.01
# What SQLite says then; it calls a full quota the second.
_DISK_FULL = ("database or disk is full", "disk I/O error")


class LocalBackend:
    """Jobs on this machine, in a queue of their own: `htmap.backend.protocol.Backend`.

    Parameters
    ----------
    home
        Where the queue and the scratch directories lie. Every backend with the same home is the same queue.
    slots
        How many jobs may run at once, over everything in the queue. The last submit decides.

    Notes
    -----
    Nothing is kept open between calls, so one object may be used by several threads and after a fork.
    """

    name = "local"

    def __init__(self, home: Path, slots: int, *, limits_memory: bool = False) -> None:
        self._home = home.absolute()
        self._slots = slots
        self._limits_memory = limits_memory

    def identity(self) -> QueueIdentity | None:
        """None: it lies beside the maps whose jobs it has."""
        return None

    def submit(self, description: Path, uid: str) -> int:
        """Queue what a submit description says; see `htmap.backend.protocol.Backend.submit`.

        Raises
        ------
        htmap.exceptions.InvalidOption
            The description says something that the local backend cannot follow.
        """
        told = with_environment(read(description), os.environ)
        check_for_local(told.commands, told.attributes)
        first = next(iter(told.iter_items()), None)
        if first is None:
            raise BackendError(f"The submit description {description} has no items to queue.")
        with self._queue() as queue:
            inherited = _inherited_environment(expand_for_cluster(told, 0, "getenv"), self._home)
            job = expand(told, inherited, (0, 0), first, {})  # says what is wrong before anything is queued
            containers.check(job.image)
            with queue.transaction():
                queue.set_slots(self._slots)
                queue.set_limits_memory(self._limits_memory)
                cluster = _add(queue, told, inherited, uid)
            outbox.deliver(queue)
            self._ensure_progress(queue)
        return cluster

    def act(self, action: Action, selection: JobSelection, reason: str) -> int:
        """Do something to the selected jobs; see `htmap.backend.protocol.Backend.act`.

        Jobs that have a process are left to the supervisor, which is given a short while: usually it is done when this
        returns, but a process that takes its time to end is waited for by the supervisor alone.
        """
        with self._queue() as queue:
            with queue.transaction():
                count = actions.act(queue, action, selection, reason)
                if action is Action.REMOVE and selection.jobs is None:
                    queue.forget(selection.uid)
            outbox.deliver(queue)
            self._ensure_progress(queue)
            if count:
                self._wait_for_requests(queue, selection)
                outbox.deliver(queue)  # so that the log says it, too, when this returns
            if action is Action.REMOVE:
                self._tidy_up(queue)
        return count

    def edit(self, selection: JobSelection, attributes: Mapping[str, str]) -> int:
        """Set attributes of the selected jobs; see `htmap.backend.protocol.Backend.edit`.

        A job that runs already takes notice when it starts the next time.
        """
        for name, text in attributes.items():
            try:
                classad.parse(text)
            except classad.BadExpression as error:
                raise BackendError(f"The attribute {name} cannot be set to {text!r}: {error}.") from error
        new = {name.casefold(): text for name, text in attributes.items()}
        with self._queue() as queue, queue.transaction():
            rows = queue.select(selection, IN_QUEUE)
            for edits, same in itertools.groupby(rows, key=lambda job: job.edits):
                merged = json.dumps(json.loads(edits) | new)
                queue.set_jobs([job.key for job in same], {"edits": merged})
        return len(rows)

    def query(self, selection: JobSelection, *, with_history: bool = False) -> list[QueuedJob]:
        """What the queue knows of the selected jobs; jobs that have ended are remembered until their map is removed."""
        with self._queue() as queue:
            rows = queue.select(selection, JobStatus if with_history else IN_QUEUE)
        return [_queued_job(row) for row in rows]

    def scratch(self, cluster: int, proc: int) -> Path | None:
        """The scratch directory of a running job; see `htmap.backend.protocol.Backend.scratch`."""
        path = scratch_root(self._home) / f"{cluster}.{proc}"
        return path if path.exists() else None

    def count_machines(self, constraint: str) -> int | None:  # noqa: ARG002 - there is one, and no choice
        """There is no pool."""
        return None

    def prospects(self, selection: JobSelection) -> Prospects | None:
        """What the slots are busy with; see `htmap.backend.protocol.Backend.prospects`."""
        with self._queue() as queue:
            if not queue.select(selection, (JobStatus.IDLE,)):
                return None
            slots, busy_with = queue.slots(), queue.running_by_uid()
        is_full = sum(busy_with.values()) >= slots
        return Prospects(slots, slots, busy_with=busy_with if is_full else {})

    def ensure_progress(self) -> None:
        """Start the supervisor if there is something to do and none is alive."""
        if self._home.exists():
            with self._queue() as queue:
                self._ensure_progress(queue)

    def _ensure_progress(self, queue: Queue) -> None:
        # The order matters: a supervisor that ends gives up its lock only while there is no work.
        if queue.has_work():
            launch.ensure_supervisor(self._home)

    def _wait_for_requests(self, queue: Queue, selection: JobSelection) -> None:
        deadline = time.monotonic() + _ACT_TIMEOUT_S
        while time.monotonic() < deadline and any(job.request for job in queue.select(selection, WITH_PROCESS)):
            time.sleep(_ACT_POLL_S)

    def _tidy_up(self, queue: Queue) -> None:
        """Clear what is left of removed jobs, as far as they have ended; the supervisor does the rest."""
        sweep_spool(self._home, lambda job: queue.is_in(job, IN_QUEUE))
        with queue.transaction():
            queue.purge()

    @contextlib.contextmanager
    def _queue(self) -> Iterator[Queue]:
        try:
            with Queue(self._home) as queue:
                yield queue
        except (sqlite3.Error, OSError) as error:
            message = f"The local queue in {self._home} cannot be used: {error}."
            if str(error) in _DISK_FULL:
                raise QueueNotWritable(
                    f"{message} The disk may be full: free some space (`htmap.clean()` removes transient maps)."
                ) from error
            raise BackendError(message) from error


def _add(queue: Queue, description: Description, inherited: Mapping[str, str], uid: str) -> int:
    """Add a cluster with all its jobs. To be called in a transaction."""
    is_periodic = not PERIODIC.isdisjoint(description.commands)
    cluster = queue.add_cluster(uid, description.to_json(), json.dumps(inherited), is_periodic=is_periodic)
    directory = Path(description.directory, expand_for_cluster(description, cluster, "initialdir"))
    log = directory / expand_for_cluster(description, cluster, "log")
    try:
        outbox.check_writable(log)
    except OSError as error:
        raise BackendError(f"The job event log {log} cannot be written: {error.strerror}.") from error
    log_id = queue.set_log(cluster, log)
    notes = expand_for_cluster(description, cluster, "submit_event_user_notes")
    is_held = words.to_bool(expand_for_cluster(description, cluster, "hold") or "false")
    now, items, first = time.time(), description.iter_items(), 0
    while some := list(itertools.islice(items, _JOBS_AT_ONCE)):
        queue.add_jobs(cluster, first, some)
        queue.post(log_id, "".join(JobEvents(cluster, first + n, now).submitted(notes) for n in range(len(some))))
        if is_held:
            _hold(queue, cluster, range(first, first + len(some)), log_id, now)
        first += len(some)
    return cluster


def _hold(queue: Queue, cluster: int, procs: Iterable[int], log: int, now: float) -> None:
    """Hold jobs that have just been added: ``hold = true``."""
    reason, code = "submitted on hold at user's request", HoldCode.SUBMITTED_ON_HOLD
    jobs = [(cluster, proc) for proc in procs]
    queue.set_jobs(jobs, actions.held(reason, code))
    queue.post(log, "".join(JobEvents(*job, now).held(reason, code, 0) for job in jobs))


def _queued_job(job: SelectedJob) -> QueuedJob:
    return QueuedJob(
        *job.key,
        status=job.status,
        hold_code=job.hold_code,
        hold_subcode=job.hold_subcode,
        hold_reason=job.hold_reason,
        exit_code=job.exit_code,
        exit_signal=job.exit_signal,
    )


def _inherited_environment(getenv: str, home: Path) -> dict[str, str]:
    """The variables that ``getenv`` lets through, and PATH, in which ``python3`` is the Python that runs now.

    Parameters
    ----------
    getenv
        The submit command: true, false, or names with wildcards; an exclamation mark before a name keeps it out.
    home
        The directory of the local backend.
    """
    path = os.pathsep.join((_directory_of_python3(home), os.environ.get("PATH", os.defpath)))
    return {name: value for name, value in os.environ.items() if _is_let_through(name, getenv)} | {"PATH": path}


def _is_let_through(name: str, getenv: str) -> bool:
    word = getenv.strip().casefold()
    if not word or word in words.TRUE | words.FALSE:
        return word in words.TRUE
    patterns = words.split_names(getenv)
    if any(pattern.startswith("!") and fnmatchcase(name, pattern[1:]) for pattern in patterns):
        return False
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _directory_of_python3(home: Path) -> str:
    """A directory in which ``python3`` is this interpreter: its own, or one with a link to it."""
    python = Path(sys.executable)
    try:
        if (python.parent / "python3").samefile(python):
            return str(python.parent)
    except FileNotFoundError:
        pass
    # Such as /usr/bin/python3.12 beside a /usr/bin/python3 that is another version.
    directory = home / "interpreters" / str(python).strip(os.sep).replace(os.sep, "-")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    link = directory / "python3"
    if not link.is_symlink():
        beside = directory / f"python3.{os.getpid()}"
        beside.symlink_to(python)
        beside.replace(link)
    return str(directory)
