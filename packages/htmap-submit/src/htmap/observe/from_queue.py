"""Ask the queue what became of jobs on which the event log is silent.

A log may be late (AFS, NFS) or never written to the end (its disk was full); a component must not be shown active for
ever when its job is gone. In: the jobs that the log last saw in the queue, and the queue. Out: the states of those jobs
on which both disagree. Asked only after a long silence, one query for all jobs of the map.
"""

from __future__ import annotations

from collections.abc import Mapping

from htmap.backend.protocol import Backend, JobSelection, JobStatus, QueuedJob
from htmap.observe.fold import JobState
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

_NOT_MATERIALIZED = -1  # the proc by which the queue stands for all such jobs of a cluster


def ask_queue(  # noqa: PLR0917 - what the log says, and whom to ask
    backend: Backend,
    uid: str,
    active: Mapping[int, list[int]],
    outputs: Outputs,
    submissions: Mapping[int, int],
    unseen: Mapping[int, list[int]] | None = None,
) -> dict[Job, JobState]:
    """The states of active jobs, as the queue and its history know them.

    Parameters
    ----------
    active
        Cluster to procs that the log last saw in the queue.
    unseen
        Cluster to procs that the log has never seen. As long as their cluster has jobs to materialize, they are these.
    submissions
        Cluster to number of the submission.

    Raises
    ------
    BackendError
        The queue cannot be asked.
    """
    states = {}
    unseen = unseen or {}
    queued = backend.query(JobSelection(uid, dict.fromkeys([*active, *unseen])))
    present = {(job.cluster, job.proc): job for job in queued}
    wanted = dict(active)
    for cluster, procs in unseen.items():
        if (cluster, _NOT_MATERIALIZED) not in present:
            wanted[cluster] = [*wanted.get(cluster, ()), *procs]
    missing: dict[int, list[int]] = {}
    for cluster, procs in wanted.items():
        for proc in procs:
            job = present.get((cluster, proc))
            if job is None:
                missing.setdefault(cluster, []).append(proc)
            elif job.status is not JobStatus.COMPLETED:
                states[cluster, proc] = _STATES[job.status]
    if missing:
        states |= _of_gone(backend, uid, missing, outputs, submissions)
    return states


def _of_gone(
    backend: Backend, uid: str, missing: Mapping[int, list[int]], outputs: Outputs, submissions: Mapping[int, int]
) -> dict[Job, JobState]:
    history = {(job.cluster, job.proc): job for job in backend.query(JobSelection(uid, missing), with_history=True)}
    states = {}
    for cluster, procs in missing.items():
        for proc in procs:
            job = history.get((cluster, proc))
            state = None if job is None else _end_of(job)
            states[cluster, proc] = state or _judged_by_output(outputs, submissions[cluster], proc)
    return states


def _end_of(job: QueuedJob) -> JobState | None:
    if job.status is not JobStatus.COMPLETED:
        return _STATES[job.status]
    if job.exit_code == 0:
        return JobState.RETURNED
    return JobState.RAISED if job.exit_code == SOME_RAISED else JobState.FAILED


def _judged_by_output(outputs: Outputs, submission: int, job: int) -> JobState:
    """What became of a job that nobody remembers: its output, if whole, tells."""
    raised = outputs.raised(submission, job)
    if raised is None:
        return JobState.REMOVED
    return JobState.RAISED if raised else JobState.RETURNED
