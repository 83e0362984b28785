"""Door 1: what HTMap asks of a queue, whichever queue it is.

On this side: `htmap.lifecycle` (submits, removes) and `htmap.maps` (acts, edits). On the other side: a
schedd (`htmap.backend.condor`) or the embedded queue of this machine (`htmap.backend.local`).
A backend knows jobs, clusters and submit descriptions. It does not know what a component is.
What happens to the jobs afterwards is read from the job event log (door 2). The queue is asked where that has been
silent for long (`htmap.observe.from_queue`), as a log may be late or lost.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from htmap.exceptions import BackendError
from htmap.store.records import QueueIdentity


class QueueNotWritable(BackendError):
    """The queue is a file of this machine, and its disk takes no more."""


class QueueIsGone(BackendError):
    """The queue that jobs went to is no more: one of the same name was set up in its place. So its jobs are gone."""


class Action(enum.Enum):
    """Something that can be done to jobs that are in the queue."""

    HOLD = "hold"
    RELEASE = "release"
    SUSPEND = "suspend"  # keep the claim, stop the processes
    CONTINUE = "continue"  # undo SUSPEND
    VACATE = "vacate"  # give up the claim, become idle again
    REMOVE = "remove"


class JobStatus(enum.Enum):
    """The ``JobStatus`` attribute of a job; the values are HTCondor's."""

    IDLE = 1
    RUNNING = 2
    REMOVED = 3
    COMPLETED = 4
    HELD = 5
    TRANSFERRING_OUTPUT = 6  # still holds its slot
    SUSPENDED = 7


class HoldCode(enum.IntEnum):
    """The ``HoldReasonCode`` of a held job; the values are HTCondor's, all of 25.14. 23.9 lacks the last one."""

    USER_REQUEST = 1
    GLOBUS_GRAM_ERROR = 2
    JOB_POLICY = 3
    CORRUPTED_CREDENTIAL = 4
    JOB_POLICY_UNDEFINED = 5
    FAILED_TO_CREATE_PROCESS = 6
    UNABLE_TO_OPEN_OUTPUT = 7
    UNABLE_TO_OPEN_INPUT = 8
    UNABLE_TO_OPEN_OUTPUT_STREAM = 9
    UNABLE_TO_OPEN_INPUT_STREAM = 10
    INVALID_TRANSFER_ACK = 11
    TRANSFER_OUTPUT_ERROR = 12
    TRANSFER_INPUT_ERROR = 13
    IWD_ERROR = 14
    SUBMITTED_ON_HOLD = 15
    SPOOLING_INPUT = 16
    JOB_SHADOW_MISMATCH = 17
    INVALID_TRANSFER_GO_AHEAD = 18
    HOOK_PREPARE_JOB_FAILURE = 19
    MISSED_DEFERRED_EXECUTION_TIME = 20
    STARTD_HELD_JOB = 21
    UNABLE_TO_INIT_USER_LOG = 22
    FAILED_TO_ACCESS_USER_ACCOUNT = 23
    NO_COMPATIBLE_SHADOW = 24
    INVALID_CRON_SETTINGS = 25
    SYSTEM_POLICY = 26
    SYSTEM_POLICY_UNDEFINED = 27
    GLEXEC_CHOWN_SANDBOX_TO_USER = 28
    PRIVSEP_CHOWN_SANDBOX_TO_USER = 29
    GLEXEC_CHOWN_SANDBOX_TO_CONDOR = 30
    PRIVSEP_CHOWN_SANDBOX_TO_CONDOR = 31
    MAX_TRANSFER_INPUT_SIZE_EXCEEDED = 32
    MAX_TRANSFER_OUTPUT_SIZE_EXCEEDED = 33
    JOB_OUT_OF_RESOURCES = 34
    INVALID_DOCKER_IMAGE = 35
    FAILED_TO_CHECKPOINT = 36
    EC2_USER_ERROR = 37
    EC2_INTERNAL_ERROR = 38
    EC2_ADMIN_ERROR = 39
    EC2_CONNECTION_PROBLEM = 40
    EC2_SERVER_ERROR = 41
    EC2_INSTANCE_POTENTIALLY_LOST_ERROR = 42
    PRE_SCRIPT_FAILED = 43
    POST_SCRIPT_FAILED = 44
    SINGULARITY_TEST_FAILED = 45
    JOB_DURATION_EXCEEDED = 46
    JOB_EXECUTE_EXCEEDED = 47
    HOOK_SHADOW_PREPARE_JOB_FAILURE = 48
    CANNOT_SWITCH_PRIMARY_GROUP = 49


@dataclass(frozen=True, slots=True)
class JobSelection:
    """Which jobs of one map.

    Parameters
    ----------
    uid
        The map. Every job carries it as the attribute ``HTMapUid``.
    jobs
        Cluster id to the procs meant, or to None for the whole cluster, which includes those of
        its jobs that have not materialized yet. None: every job of the map, whatever its cluster
        (the only choice when the answer to a submit was lost).
    """

    uid: str
    jobs: Mapping[int, Sequence[int] | None] | None = None


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """What the queue (or its history) says of one job.

    One with proc -1 stands for jobs of its cluster that have not materialized yet.
    """

    cluster: int
    proc: int
    status: JobStatus
    hold_code: int = 0
    hold_subcode: int = 0
    hold_reason: str = ""
    exit_code: int | None = None  # None: has not ended, or ended by a signal
    exit_signal: int | None = None
    remove_reason: str = ""


@dataclass(frozen=True, slots=True)
class PoolCondition:
    """What an HTCondor pool says of itself, for who looks for trouble.

    Parameters
    ----------
    schedd_version
        As the daemons say it; empty if the collector does not know the schedd.
    machines
        Execute nodes to the features (as ``docker``) they advertise; None: the collector cannot be asked.
    why_no_machines
        What it answered instead.
    pool
        Where its collector is.
    """

    schedd: str
    schedd_version: str
    machines: Mapping[str, frozenset[str]] | None
    why_no_machines: str = ""
    pool: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that a job asks of a machine.

    Parameters
    ----------
    text
        As an expression.
    machines
        How many satisfy it.
    amount
        ``Memory`` (MB), ``Disk`` (KB) or ``Cpus``, if it asks for so much of that.
    asked
        How much.
    """

    text: str
    machines: int
    amount: str = ""
    asked: float = 0.0


@dataclass(frozen=True, slots=True)
class Prospects:
    """What stands between an idle job and a machine.

    Parameters
    ----------
    machines
        How many there are; the slots of a local queue.
    matching
        How many of them satisfy all conditions, once nothing else runs there.
    conditions
        What the job asks of a machine.
    largest
        The most that any machine has of ``Memory`` (MB), ``Disk`` (KB) and ``Cpus``.
    rejection
        What the negotiator said when it last considered the job; empty: nothing.
    busy_with
        Of a local queue without a free slot: the uid of a map to the number of its jobs that run.
    """

    machines: int
    matching: int
    conditions: Sequence[Condition] = ()
    largest: Mapping[str, float] = field(default_factory=dict)
    rejection: str = ""
    busy_with: Mapping[str, int] = field(default_factory=dict)


class Backend(Protocol):
    """A queue of jobs.

    Every method raises `htmap.exceptions.BackendError` when the queue refuses or cannot be reached, with the vendor's
    exception as the cause. One that stands for a certain queue does so also when there is but another, and raises
    `QueueIsGone` when it was set up anew.
    """

    name: str
    """``"htcondor"`` or ``"local"``: what a map remembers, and what the setting BACKEND takes."""

    def identity(self) -> QueueIdentity | None:
        """Which queue this is, among all that there may be. None: it lies in HTMAP_DIR, as the maps do."""
        ...

    def submit(self, description: Path, uid: str) -> int:
        """Queue what a submit description says, all of it or nothing.

        Parameters
        ----------
        description
            A file in the submit language. It is complete: executable, file lists, event log, ``queue`` statement.
        uid
            The map, for messages; the description gives it to each job already.

        Returns
        -------
        int
            The cluster id. The procs are numbered from 0 in the order of the ``queue`` items.
        """
        ...

    def act(self, action: Action, selection: JobSelection, reason: str) -> int:
        """Do something to the selected jobs; jobs that it does not apply to are left alone.

        Returns
        -------
        int
            How many jobs it was done to. 0 is not an error.
        """
        ...

    def edit(self, selection: JobSelection, attributes: Mapping[str, str]) -> int:
        """Set attributes of the selected jobs; the values are ClassAd expressions. Returns how many jobs it changed."""
        ...

    def query(self, selection: JobSelection, *, with_history: bool = False) -> list[QueuedJob]:
        """What the queue knows of the selected jobs.

        Parameters
        ----------
        with_history
            Also jobs that have left the queue, as far as the backend remembers them. This may be slow: select few.
        """
        ...

    def scratch(self, cluster: int, proc: int) -> Path | None:
        """The scratch directory of a running job, if it can be read from here."""
        ...

    def count_machines(self, constraint: str) -> int | None:
        """How many slots of the pool satisfy a ClassAd constraint; None: there is no pool, or it cannot be asked."""
        ...

    def prospects(self, selection: JobSelection) -> Prospects | None:
        """What keeps an idle job from running, the first of those selected; None: none is idle. This may be slow."""
        ...

    def ensure_progress(self) -> None:
        """Make sure that queued jobs can run at all.

        Cheap and safe to call often. The local backend starts its supervisor again if jobs are waiting
        and none is alive; with HTCondor there is nothing to do, since no process of ours runs there.
        """
        ...
