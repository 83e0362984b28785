"""Ask the queue what became of jobs on which the event log is silent.

A log may be late (AFS, NFS) or never written to the end (its disk was full); a component must not be shown active for
ever when its job is gone. In: what the log leaves open (`Silence`), and the queue. Out: an `Answer` for each job on
which the queue, its history or the output of the job has something to say. Asked only after a long silence, one query
for all jobs of the map. On the other side: `htmap.observe.components`, which believes an answer until the log speaks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from htmap.backend.protocol import Backend, JobSelection, JobStatus, QueuedJob
from htmap.observe.fold import HoldReason, JobState
from htmap.observe.outputs import Outputs
from htmap_common.agreed import SOME_RAISED

_STATES = {
    JobStatus.IDLE: JobState.IDLE,
    JobStatus.RUNNING: JobState.RUNNING,
    JobStatus.TRANSFERRING_OUTPUT: JobState.RUNNING,
    JobStatus.SUSPENDED: JobState.SUSPENDED,
    JobStatus.HELD: JobState.HELD,
    JobStatus.REMOVED: JobState.REMOVED,
}

Job = tuple[int, int]  # cluster, proc

FORGOTTEN = "its queue does not know the job any more, and it left no output"

_NOT_MATERIALIZED = -1  # the proc by which the queue stands for all such jobs of a cluster


@dataclass(frozen=True, slots=True)
class Silence:
    """What the event log leaves open.

    Parameters
    ----------
    active
        Cluster to procs that the log last saw in the queue.
    unseen
        Cluster to procs that the log has never seen: not materialized, or the log is lost.
    submissions
        Cluster to the number of its submission.
    offset
        How much of the log has been read: an answer is about this moment.
    """

    active: Mapping[int, list[int]]
    unseen: Mapping[int, list[int]]
    submissions: Mapping[int, int]
    offset: int


class Answer(NamedTuple):
    """What the queue says of one job."""

    state: JobState
    hold: HoldReason | None = None  # of one that is held
    exit: int | None = None  # of one that failed: its exit code, or minus the signal
    removal: str = ""  # why, of one that was removed


def ask_queue(backend: Backend, uid: str, silence: Silence, outputs: Outputs) -> dict[Job, Answer]:
    """What became of the jobs that the log leaves open, as the queue and its history know it.

    Raises
    ------
    BackendError
        The queue cannot be asked.
    """
    queued = backend.query(JobSelection(uid, dict.fromkeys([*silence.active, *silence.unseen])))
    present = {(job.cluster, job.proc): job for job in queued}
    answers = {}
    missing: dict[int, list[int]] = {}
    for cluster, proc in _open_jobs(silence, present):
        job = present.get((cluster, proc))
        if job is None:
            missing.setdefault(cluster, []).append(proc)
        elif job.status is not JobStatus.COMPLETED:
            answers[cluster, proc] = _answer(job)
    if missing:
        answers |= _of_gone(backend, uid, missing, outputs, silence.submissions)
    return answers


def _open_jobs(silence: Silence, present: Mapping[Job, QueuedJob]) -> list[Job]:
    jobs = [(cluster, proc) for cluster, procs in silence.active.items() for proc in procs]
    for cluster, procs in silence.unseen.items():
        # As long as the cluster has jobs to materialize, it is these.
        if (cluster, _NOT_MATERIALIZED) not in present:
            jobs += [(cluster, proc) for proc in procs]
    return jobs


def _of_gone(
    backend: Backend, uid: str, missing: Mapping[int, list[int]], outputs: Outputs, submissions: Mapping[int, int]
) -> dict[Job, Answer]:
    history = {(job.cluster, job.proc): job for job in backend.query(JobSelection(uid, missing), with_history=True)}
    answers = {}
    for cluster, procs in missing.items():
        for proc in procs:
            job = history.get((cluster, proc))
            found = _judged_by_output(outputs, submissions[cluster], proc) if job is None else _answer(job)
            answers[cluster, proc] = found
    return answers


def _answer(job: QueuedJob) -> Answer:
    if job.status is JobStatus.HELD:
        return Answer(JobState.HELD, HoldReason(job.hold_code, job.hold_subcode, job.hold_reason))
    if job.status is not JobStatus.COMPLETED:
        return Answer(_STATES[job.status], removal=job.remove_reason)
    if job.exit_code == 0:
        return Answer(JobState.RETURNED)
    if job.exit_code == SOME_RAISED:
        return Answer(JobState.RAISED)
    return Answer(JobState.FAILED, exit=job.exit_code if job.exit_signal is None else -job.exit_signal)


def _judged_by_output(outputs: Outputs, submission: int, job: int) -> Answer:
    """What became of a job that nobody remembers: its output, if whole, tells."""
    raised = outputs.raised(submission, job)
    if raised is None:
        return Answer(JobState.REMOVED, removal=FORGOTTEN)
    return Answer(JobState.RAISED if raised else JobState.RETURNED)
