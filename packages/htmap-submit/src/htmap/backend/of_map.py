"""The queues that the submissions of one map went to, as one backend.

In: what is asked of the jobs of a map. Out: the same, asked of each queue about its own jobs: most maps have one queue,
but a rerun may have gone to another. On the other side: a backend for each, and the records of the submissions, which
say which queue it is. Those of older versions do not; they learn it from the first queue that proves to be theirs.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from htmap.backend.protocol import Action, Backend, JobSelection, QueuedJob, QueueIsGone
from htmap.exceptions import BackendNotAvailable, StorageError
from htmap.store.atomic import storage_errors
from htmap.store.mapdir import MapDir
from htmap.store.records import QueueIdentity, SubmissionRecord

logger = logging.getLogger(__name__)


class QueuesOfMap:
    """The backend of a map: `htmap.backend.protocol.Backend`, but for what has been submitted already.

    Parameters
    ----------
    at
        Gives the backend of a queue; of None: that which settings name.
    """

    def __init__(self, map_dir: MapDir, name: str, at: Callable[[QueueIdentity | None], Backend]) -> None:
        self.name = name
        self._map_dir = map_dir
        self._at = at
        self._known: list[SubmissionRecord] = []

    def identity(self) -> QueueIdentity | None:
        """The queue that the last submission went to, if it can be reached."""
        return self._at(last_queue(self._map_dir)).identity()

    def submit(self, description: Path, uid: str) -> int:
        return self._at(last_queue(self._map_dir)).submit(description, uid)

    def act(self, action: Action, selection: JobSelection, reason: str) -> int:
        done = 0
        for backend, part in self._parts(selection):
            with contextlib.suppress(QueueIsGone):  # with all of its jobs
                done += backend.act(action, part, reason)
        return done

    def edit(self, selection: JobSelection, attributes: Mapping[str, str]) -> int:
        edited = 0
        for backend, part in self._parts(selection):
            with contextlib.suppress(QueueIsGone):
                edited += backend.edit(part, attributes)
        return edited

    def query(self, selection: JobSelection, *, with_history: bool = False) -> list[QueuedJob]:
        """What the queues know of the selected jobs. That they do not know a job means that it is gone.

        Raises
        ------
        BackendNotAvailable
            Also where it is not known which queue the jobs went to, and the one that can be asked does not know them.
        """
        found: list[QueuedJob] = []
        for backend, part in self._parts(selection):
            with contextlib.suppress(QueueIsGone):
                found += backend.query(part, with_history=with_history)
        self._learn({job.cluster for job in found}, is_whole=not found)
        return found

    def scratch(self, cluster: int, proc: int) -> Path | None:
        return self._at(None).scratch(cluster, proc)

    def count_machines(self, constraint: str) -> int | None:
        return self._at(None).count_machines(constraint)

    def ensure_progress(self) -> None:
        self._at(None).ensure_progress()

    def _parts(self, selection: JobSelection) -> Iterator[tuple[Backend, JobSelection]]:
        """Each queue, and what is selected of its jobs."""
        by_queue: dict[QueueIdentity | None, set[int | None]] = {}
        # Of a map that is being removed, those that were there a moment ago.
        self._known = submissions_of(self._map_dir) or self._known
        for record in self._known:
            by_queue.setdefault(record.queue, set()).add(record.cluster)
        if selection.jobs is None or len(by_queue) <= 1:
            for queue in by_queue or [None]:
                yield self._at(queue), selection
            return
        for queue, clusters in by_queue.items():
            # A cluster that no record names yet is that of a submission which was killed before it could be written.
            others = set().union(*(known for other, known in by_queue.items() if other != queue))
            jobs = {
                cluster: procs
                for cluster, procs in selection.jobs.items()
                if cluster in clusters or (None in clusters and cluster not in others)
            }
            if jobs:
                yield self._at(queue), JobSelection(selection.uid, jobs)

    def _learn(self, clusters: set[int], *, is_whole: bool) -> None:
        """Write down which queue it is, for submissions that do not know, as soon as that is sure."""
        unknown = [record for record in submissions_of(self._map_dir) if record.queue is None]
        if not unknown:
            return
        queue = self._at(None).identity()
        if queue is None:
            return
        for record in unknown:
            if record.cluster in clusters or _must_be(queue, record, self._map_dir):
                with contextlib.suppress(StorageError):  # for the next time
                    record.with_queue(queue).save(self._map_dir.submission(record.number).submission)
                logger.info("The jobs of submission %d in %s are at %s.", record.number, self._map_dir.path, queue)
            elif is_whole:
                raise BackendNotAvailable(
                    f"The map in {self._map_dir.path} was made by a version of HTMap that did not write down which "
                    f"access point its jobs are at. This one, {queue}, does not know them: ask where it was made."
                )


_LOG_HEAD_BYTES = 4096


def _must_be(queue: QueueIdentity, record: SubmissionRecord, map_dir: MapDir) -> bool:
    """Whether a submission can have gone to no other queue: its log names the machine, whose queue is older than it."""
    if not 0 < queue.born <= record.created or record.cluster is None:
        return False
    try:
        with map_dir.events.open("rb") as file:
            head = file.read(_LOG_HEAD_BYTES)
    except OSError:
        return False
    machine = queue.schedd.rpartition("@")[2].encode()
    return f"({record.cluster:03d}.000.000)".encode() in head and b"alias=" + machine + b"&" in head


def submissions_of(map_dir: MapDir) -> list[SubmissionRecord]:
    """The submissions of a map that can be read, oldest first."""
    with storage_errors(f"list the submissions in {map_dir.path}"):
        return [SubmissionRecord.load(map_dir.submission(number).submission) for number in map_dir.submission_numbers()]


def last_queue(map_dir: MapDir) -> QueueIdentity | None:
    """The queue that the last submission of a map went to. None: not known."""
    queues = [record.queue for record in submissions_of(map_dir)]
    return queues[-1] if queues else None
