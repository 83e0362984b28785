"""Join what was submitted with what the log says: the status of every component of a map.

In: the records of the submissions, the event log, the answers of the queue where the log is silent; and, only for jobs
of several components that did not end well, the index of their output. Out: statuses, holds, places. A refresh reads
what the log gained, opens no output of a good job and never unpickles.
"""

from __future__ import annotations

import collections
import copy
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from htmap.exceptions import CorruptEventLog, DamagedFile, MapWasRemoved, StorageError
from htmap.observe import snapshot
from htmap.observe.events import EventLog
from htmap.observe.fold import HoldReason, JobFigures, JobState, JobTable, MapState, Totals, fold
from htmap.observe.from_queue import Answer, Job, Silence
from htmap.observe.outputs import Outputs
from htmap.observe.statuses import ACTIVE, ComponentStatus
from htmap.store.atomic import is_there
from htmap.store.mapdir import MapDir
from htmap.store.records import MapRecord, SubmissionRecord

logger = logging.getLogger(__name__)

_STATUS = {
    JobState.UNMATERIALIZED: ComponentStatus.UNMATERIALIZED,
    JobState.IDLE: ComponentStatus.IDLE,
    JobState.RUNNING: ComponentStatus.RUNNING,
    JobState.SUSPENDED: ComponentStatus.SUSPENDED,
    JobState.HELD: ComponentStatus.HELD,
    JobState.REMOVED: ComponentStatus.REMOVED,
    JobState.RETURNED: ComponentStatus.COMPLETED,
    JobState.RAISED: ComponentStatus.ERRORED,
    JobState.FAILED: ComponentStatus.ERRORED,
}
# The components of such a job may differ; its output tells.
_DIFFERING = frozenset({JobState.RAISED, JobState.FAILED})
_IN_QUEUE = frozenset({JobState.IDLE, JobState.RUNNING, JobState.SUSPENDED, JobState.HELD})

_SNAPSHOT_EVERY_BYTES = 4 * 1024 * 1024  # about 10,000 events: some 20 ms of folding

_STATUS_OF_CODE = tuple(_STATUS[state] for state in JobState)


class Place(NamedTuple):
    """The job that a component was last given to."""

    submission: int
    job: int


class Components:
    """The components of one map, as far as they are known here.

    Any thread may call any method: each takes the lock, so that no half-read log is seen. Two calls may be of two
    moments: what has to fit together comes from one call.
    """

    def __init__(self, map_dir: MapDir, record: MapRecord) -> None:
        self.map_dir = map_dir
        self.count = record.components
        self.created = record.created
        self.outputs = Outputs(map_dir)
        self._lock = threading.RLock()
        self._last_written = self._seen = 0.0
        self._named: set[int] = set()  # submissions that the log has named ...
        self._passed_over: set[int] = set()  # ... while they had no table
        self._start_over()

    def _start_over(self) -> None:
        self._snapshot_offset = 0
        self._answers: dict[Place, Answer] = {}
        self._submissions: list[SubmissionRecord] = []
        self._state = MapState()
        self._log = EventLog(self.map_dir.events)
        self._rerun: dict[int, Place] = {}
        self._has_late_output = False
        self._statuses: list[ComponentStatus] | None = None
        self._counts: collections.Counter[ComponentStatus] | None = None

    def refresh(self) -> bool:
        """Read what is new. Returns whether anything was.

        Raises
        ------
        MapWasRemoved
            The directory of the map is gone.
        """
        with self._lock:
            news = self._find_submissions()
            if self._log.was_replaced():
                self._start_over()
                self._find_submissions()
                news = True
            news = self._read_log() or news
            if self._state.beyond:
                # The log knows of a submission before its directory is seen here (NFS), or its cluster recorded.
                self._named |= self._state.beyond
                self._passed_over |= self._state.beyond
                if self._find_submissions():
                    news = True
                    self._read_log()
            if news:
                self._statuses = self._counts = None
            return news

    def _read_log(self) -> bool:
        if self._log.offset == 0:
            self._start_from_snapshot()
        before = self._log.offset
        if self._log.has_news():
            try:
                fold(self._state, self._log.read())
            except CorruptEventLog as error:
                # Whatever wrote that, the jobs of this map have their own events; all of them have been folded.
                logger.warning("%s: %s", self.map_dir.events, error)
        if self._log.offset == before:
            return False
        self._answers.clear()
        self._keep_snapshot()
        return True

    def _start_from_snapshot(self) -> None:
        sizes = [record.jobs for record in self._submissions]
        found = snapshot.load(self.map_dir.state, self.map_dir.events, sizes)
        if found is not None:
            known = self._state.submissions
            self._state, offset = found
            self._state.submissions = known | self._state.submissions
            self._log = EventLog(self.map_dir.events, offset)
            self._snapshot_offset = offset

    def _keep_snapshot(self) -> None:
        # In proportion to the log: so all snapshots of a map together cost no more than a few of its last one.
        if not self._state.beyond and self._log.offset - self._snapshot_offset > max(
            _SNAPSHOT_EVERY_BYTES, self._log.offset // 4
        ):
            self._snapshot_offset = self._log.offset
            snapshot.save(self.map_dir.state, self._state, self.map_dir.events, self._log.offset)

    def _find_submissions(self) -> bool:
        """Take in submissions that are new; returns whether any was.

        A rerun counts from the moment its jobs are in the queue: one that was killed, or is still at it, has not been.
        """
        added = []
        while (record := self._next_submission()) is not None:
            added.append(len(self._submissions))
            self._add(record)
        if not self._submissions:
            raise MapWasRemoved(f"The map with uid {self.map_dir.uid} has been removed.")
        if self._passed_over.intersection(added):
            self._passed_over.clear()
            self._start_over()
            self._find_submissions()
        return bool(added)

    def _next_submission(self) -> SubmissionRecord | None:
        number = len(self._submissions)
        path = self.map_dir.submission(number).submission
        if not is_there(path):
            return None
        try:
            record = SubmissionRecord.load(path)
        except StorageError:
            if is_there(path):
                raise
            return None  # taken back a moment ago
        has_reached_queue = number == 0 or record.cluster is not None or number in self._named
        return record if has_reached_queue else None

    def _add(self, record: SubmissionRecord) -> None:
        number = len(self._submissions)
        fits = all(start >= 0 and stop <= self.count for start, stop in record.ranges)
        if not fits or record.components > self.count or (number == 0 and record.components != self.count):
            raise DamagedFile(
                f"The records in {self.map_dir.path} contradict one another: the map has {self.count} components, its "
                f"submission {number} has others. Remove it, and make the map again."
            )
        self._submissions.append(record)
        self._state.tables.append(JobTable.of_size(record.jobs))
        if record.cluster is not None:
            # A queue that was set up anew gives numbers again: which is meant, the log says.
            self._state.submissions.setdefault(record.cluster, number)
        if number > 0:
            for position, component in enumerate(record):
                self._rerun[component] = Place(number, position // record.chunksize)

    def place(self, component: int) -> Place:
        """Where a component ran, or runs, last."""
        with self._lock:
            return self._rerun.get(component) or Place(0, component // self._submissions[0].chunksize)

    def statuses(self) -> list[ComponentStatus]:
        """The status of each component, as of the last refresh. Do not change the list."""
        with self._lock:
            if self._statuses is None:
                self._has_late_output = False
                joined = self._join()
                if self._has_late_output:
                    return joined  # looked at again next time
                self._statuses = joined
            return self._statuses

    def counts(self) -> Mapping[ComponentStatus, int]:
        """How many components are in each status, as of the last refresh."""
        with self._lock:
            if self._counts is None or self._statuses is None:
                self._counts = collections.Counter(self.statuses())
            return self._counts

    def is_active(self) -> bool:
        """Whether something may still happen to any component."""
        return any(status in ACTIVE for status in self.counts())

    def _join(self) -> list[ComponentStatus]:
        first = self._submissions[0]
        codes = self._state.tables[0].states
        if first.chunksize == 1:
            joined = [_STATUS_OF_CODE[code] for code in codes]
            for place, answer in self._answers.items():
                if place.submission == 0:
                    joined[place.job] = _STATUS_OF_CODE[answer.state]
        else:
            joined = []
            for job in range(first.jobs):
                joined += self._statuses_of_job(Place(0, job), first.components_of(job))
        for component, place in self._rerun.items():
            joined[component] = self._status_at(place, component)
        return joined

    def _table(self, place: Place) -> JobTable:
        return self._state.tables[place.submission]

    def _state_of(self, place: Place) -> int:
        answer = self._answers.get(place)
        return self._table(place).states[place.job] if answer is None else answer.state

    def _statuses_of_job(self, place: Place, components: Sequence[int]) -> list[ComponentStatus]:
        state = self._state_of(place)
        if state not in _DIFFERING:
            return [_STATUS_OF_CODE[state]] * len(components)
        return [self._status_at(place, component) for component in components]

    def _status_at(self, place: Place, component: int) -> ComponentStatus:
        state = self._state_of(place)
        if state in _DIFFERING and self._submissions[place.submission].chunksize > 1:
            return self._status_in_output(place, component, has_failed=state == JobState.FAILED)
        return _STATUS_OF_CODE[state]

    def _status_in_output(self, place: Place, component: int, *, has_failed: bool) -> ComponentStatus:
        """The status of one of several components of a job that did not end well."""
        size = self._submissions[place.submission].chunksize
        if has_failed:
            returned = component in self.outputs.returned(*place, size)
        else:
            raised = self.outputs.raised(*place, size)
            self._has_late_output |= raised is None
            returned = raised is not None and component not in raised
        return ComponentStatus.COMPLETED if returned else ComponentStatus.ERRORED

    def status(self, component: int) -> ComponentStatus:
        """The status of one component, as of the last refresh."""
        return self.statuses()[component]

    def silence(self) -> Silence:
        """What the log leaves open, as of the last refresh."""
        with self._lock:
            active, unseen = {}, {}
            for cluster, number in self._state.submissions.items():
                states = self._state.tables[number].states
                if in_queue := [proc for proc, state in enumerate(states) if state in _IN_QUEUE]:
                    active[cluster] = in_queue
                if not_seen := [proc for proc, state in enumerate(states) if not state]:
                    unseen[cluster] = not_seen
            return Silence(active, unseen, dict(self._state.submissions), self._log.offset)

    def silence_s(self) -> float:
        """For how many seconds nothing has been written to the event log; infinity if there is none."""
        try:
            written = self.map_dir.events.stat().st_mtime
        except OSError:
            return float("inf")
        if written != self._last_written:
            self._last_written, self._seen = written, time.monotonic()
        silence_s = time.time() - written
        # Written in the future: a clock was set back, or that of the file server is ahead.
        return silence_s if silence_s >= 0 else time.monotonic() - self._seen

    def settle(self, silence: Silence, answers: Mapping[Job, Answer]) -> None:
        """Take the word of the queue for what the log left open, until the log speaks; if it has not spoken since."""
        with self._lock:
            if self._log.offset == silence.offset:
                self._answers = {
                    Place(silence.submissions[cluster], proc): answer for (cluster, proc), answer in answers.items()
                }
                self._statuses = self._counts = None

    def hold(self, component: int) -> HoldReason | None:
        """Why a component is held, if it is."""
        with self._lock:
            place = self.place(component)
            answer = self._answers.get(place)
            return self._table(place).holds.get(place.job) if answer is None else answer.hold

    def holds(self) -> dict[int, HoldReason]:
        """The held components with their holds."""
        with self._lock:
            held = [each for each, status in enumerate(self.statuses()) if status is ComponentStatus.HELD]
            reasons = {component: self.hold(component) for component in held}
            return {component: reason for component, reason in reasons.items() if reason is not None}

    def removal(self, component: int) -> str:
        """Who removed a component, or why; empty if nobody says."""
        with self._lock:
            place = self.place(component)
            answer = self._answers.get(place)
            return self._table(place).removals.get(place.job, "") if answer is None else answer.removal

    def removals(self) -> dict[int, str]:
        """The removed components, with what `removal` says."""
        with self._lock:
            removed = [each for each, status in enumerate(self.statuses()) if status is ComponentStatus.REMOVED]
            return {component: self.removal(component) for component in removed}

    def figures(self, component: int) -> JobFigures:
        """What the log says of the job that a component was last given to."""
        with self._lock:
            place = self.place(component)
            return self._table(place).figures(place.job)

    def shares_job(self, component: int) -> bool:
        """Whether a component was last given to a job of several."""
        with self._lock:
            return self._submissions[self.place(component).submission].chunksize > 1

    def tables(self) -> list[JobTable]:
        """What the log says of the jobs of each submission: copies, which nobody folds on."""
        with self._lock:
            return copy.deepcopy(self._state.tables)

    def peak_memory_mb(self) -> int:
        """The most memory that any job has reported, in MB; 0 if none has. Opens nothing."""
        with self._lock:
            return max((max(table.memory_mb, default=0) for table in self._state.tables), default=0)

    def totals(self) -> Totals:
        """Time of all jobs that have ended, as the log says it. Opens nothing."""
        with self._lock:
            of_tables = [table.totals for table in self._state.tables]
            return Totals(
                cpu_s=sum(each.cpu_s for each in of_tables),
                longest_cpu_s=max((each.longest_cpu_s for each in of_tables), default=0),
                wall_s=sum(each.wall_s for each in of_tables),
                longest_wall_s=max((each.longest_wall_s for each in of_tables), default=0),
            )

    def exit_of(self, component: int) -> int | None:
        """How the job of a component ended if it failed: its exit code, or minus the signal."""
        with self._lock:
            place = self.place(component)
            answer = self._answers.get(place)
            return self._table(place).exits.get(place.job) if answer is None else answer.exit

    def clusters(self) -> list[int]:
        """The cluster of each submission whose cluster is known."""
        with self._lock:
            by_submission = {number: cluster for cluster, number in self._state.submissions.items()}
            return [by_submission[number] for number in sorted(by_submission)]

    def job_of(self, component: int) -> Job | None:
        """Cluster and proc of the job that a component was last given to; None: its cluster is not known (yet)."""
        with self._lock:
            place = self.place(component)
            known = self._state.submissions.items()
            return next(((cluster, place.job) for cluster, number in known if number == place.submission), None)

    def submissions(self) -> list[SubmissionRecord]:
        """All submissions, oldest first."""
        with self._lock:
            return list(self._submissions)
