"""Put the queue in order after a supervisor that was killed.

In: jobs that the queue believes to be running, processes and scratch directories that nobody looks after. Out: no such
process, no such directory, and idle jobs with what they had made so far. On the other side: the new supervisor, before
it starts anything.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path

from htmap.backend.local import containers, ending, processes
from htmap.backend.local.clusters import Clusters
from htmap.backend.local.queue import IN_QUEUE, Queue
from htmap.backend.local.rows import JobRow
from htmap.backend.local.sandbox import CannotGoOn, Sandbox, scratch_root, spool_root, sweep_spool
from htmap.backend.local.trees import remove
from htmap.backend.protocol import HoldCode
from htmap.exceptions import InvalidOption

_LOG = logging.getLogger(__name__)


def recover(home: Path, queue: Queue, clusters: Clusters) -> None:
    """Evict the jobs of a dead supervisor. Killed half-way, it can be done again."""
    for root in (scratch_root(home), spool_root(home)):
        root.mkdir(mode=0o700, exist_ok=True)
    lost = queue.with_process()
    left = list(scratch_root(home).iterdir())
    if lost or left:
        _LOG.warning("recovering from a supervisor that was killed: %d jobs, %d directories", len(lost), len(left))
        known = [(row.pid, row.pid_started) for row in lost if row.pid]
        processes.end_leftovers(known, scratch_root(home))
        containers.end_leftovers(scratch_root(home))
    failures = [_keep_outputs(home, clusters, row) for row in lost]
    now = time.time()
    with queue.transaction():
        for row, failure in zip(lost, failures, strict=True):
            # Read again: somebody may have asked for something in the meantime.
            current = queue.job(row.key) or row
            consequence = ending.of_crash(current, failure, now)
            queue.set_jobs([row.key], consequence.columns)
            queue.post(clusters[row.key[0]].log, consequence.events)
    for directory in left:
        remove(directory)
    sweep_spool(home, lambda job: queue.is_in(job, IN_QUEUE))


def _keep_outputs(home: Path, clusters: Clusters, row: JobRow) -> CannotGoOn | None:
    """What an evicted job has made so far is for its next start. Returns why it must be held, if it must."""
    try:
        job = clusters.job(row)
        if job.spools_on_eviction:
            Sandbox(home, job.cluster, job.proc).keep_outputs(job)
    except InvalidOption as error:  # an edit that it cannot start with
        return CannotGoOn(HoldCode.FAILED_TO_CREATE_PROCESS, 0, str(error))
    except CannotGoOn as failure:
        return failure
    return None
