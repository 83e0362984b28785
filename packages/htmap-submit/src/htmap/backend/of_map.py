"""The queues that the submissions of one map went to, as one backend.

In: what is asked of the jobs of a map. Out: the same, asked of each queue about its own jobs: most maps have one queue,
but a rerun may have gone to another. On the other side: a backend for each, and the records of the submissions, which
say which queue it is. Those of older versions do not; they learn it from the first queue that proves to be theirs.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from htmap.backend.protocol import Action, Backend, JobSelection, Prospects, QueuedJob, QueueIsGone
from htmap.exceptions import BackendError, BackendNotAvailable, InvalidOption, StorageError
from htmap.language.description import read
from htmap.store.atomic import is_there, storage_errors
from htmap.store.mapdir import MapDir
from htmap.store.place import Place, place_of
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
        self._places: dict[int, Place] = {}

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

    def prospects(self, selection: JobSelection) -> Prospects | None:
        for backend, part in self._parts(selection):
            with contextlib.suppress(QueueIsGone):
                if found := backend.prospects(part):
                    return found
        return None

    def ensure_progress(self) -> None:
        self._at(None).ensure_progress()

    def _parts(self, selection: JobSelection) -> Iterator[tuple[Backend, JobSelection]]:
        """Each queue, and what is selected of the jobs that this map has there."""
        # Of a map that is being removed, those that were there a moment ago.
        self._known = self._submissions() or self._known
        clusters: dict[tuple[QueueIdentity | None, str], set[int | None]] = {}
        for record in self._known:
            clusters.setdefault((record.queue, record.uid or selection.uid), set()).add(record.cluster)
        for (queue, uid), own in clusters.items():
            others = set().union(*(known for other, known in clusters.items() if other != (queue, uid)))
            jobs = None if selection.jobs is None else _among(selection.jobs, own, others)
            if jobs is None or jobs:
                yield self._at(queue), JobSelection(uid, jobs)

    def _submissions(self) -> list[SubmissionRecord]:
        """Those whose jobs are of this map: of a copy, they are not the jobs of its original."""
        known = submissions_of(self._map_dir)
        return [record for record in known if self._place(record.number) is not Place.ORIGINAL]

    def _place(self, number: int) -> Place:
        if number not in self._places:
            log = log_of(self._map_dir, number)
            self._places[number] = Place.HERE if log is None else place_of(self._map_dir, log)
        return self._places[number]

    def _learn(self, clusters: set[int], *, is_whole: bool) -> None:
        """Write down which queue it is, for submissions that do not know, as soon as that is sure."""
        unknown = [record for record in self._submissions() if record.queue is None]
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


def _among(
    jobs: Mapping[int, Sequence[int] | None], own: set[int | None], others: set[int | None]
) -> dict[int, Sequence[int] | None]:
    """The jobs of some clusters; one that no record names yet is of a submission which was killed before that."""
    return {
        cluster: procs for cluster, procs in jobs.items() if cluster in own or (None in own and cluster not in others)
    }


def log_of(map_dir: MapDir, number: int) -> Path | None:
    """The event log that a submission was made with. None: its description cannot be read."""
    try:
        return Path(read(map_dir.submission(number).submit).commands["log"])
    except (BackendError, InvalidOption, OSError, UnicodeDecodeError, KeyError):
        return None


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
    """The submissions of a map, oldest first; none of a map that another process removes at this moment."""
    try:
        with storage_errors(f"list the submissions in {map_dir.path}"):
            numbers = map_dir.submission_numbers()
        return [SubmissionRecord.load(map_dir.submission(number).submission) for number in numbers]
    except StorageError:
        if is_there(map_dir.map):
            raise
        return []


def last_queue(map_dir: MapDir) -> QueueIdentity | None:
    """The queue that the last submission of a map went to. None: not known."""
    queues = [record.queue for record in submissions_of(map_dir)]
    return queues[-1] if queues else None
