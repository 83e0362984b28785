# ruff: noqa: SLF001 - reads what a map knows of itself, for listings
"""What a listing, or one screen, says of a map, at next to no cost.

In: a map. Out: plain values. Only the event log is read, and small records: no output is opened, whatever the number of
components; so memory and time are those of jobs, as the queue reports them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from htmap.maps.readable import ReadableMap
from htmap.observe.statuses import ACTIVE, ComponentStatus
from htmap.store.atomic import storage_errors
from htmap.store.mapdir import MapDir
from htmap.store.records import MapRecord, SubmissionRecord


@dataclass(frozen=True, slots=True)
class Overview:
    """A map at a moment.

    Parameters
    ----------
    peak_memory_mb
        The most that any job has reported so far; 0: none has.
    longest_cpu_s, total_cpu_s
        User and system time of the jobs that have ended.
    """

    counts: Mapping[ComponentStatus, int]
    peak_memory_mb: int
    longest_cpu_s: int
    total_cpu_s: int

    @property
    def is_active(self) -> bool:
        """Whether something may still happen to any component."""
        return not ACTIVE.isdisjoint(self.counts)


def overview(map: ReadableMap, *, may_ask_queue: bool = False) -> Overview:  # noqa: A002 - what it is
    """How a map stands, as its event log has it now.

    Parameters
    ----------
    may_ask_queue
        Whether a queue may be asked about jobs on which the log has been silent for long. That takes its time.

    Raises
    ------
    MapWasRemoved, DamagedFile, StorageError
    """
    map._check_exists()
    components = map._components
    if may_ask_queue:
        map._refresh()
    else:
        components.refresh()
    return Overview(
        components.counts(), components.peak_memory_mb(), components.longest_cpu_s(), components.total_cpu_s()
    )


def directory_of(map: ReadableMap) -> MapDir:  # noqa: A002 - as above
    """Where a map lies."""
    return map._dir


def record_of(map: ReadableMap) -> MapRecord:  # noqa: A002 - as above
    """The facts of a map that never change."""
    return map._record


@dataclass(frozen=True, slots=True)
class Submission:
    """One submission of a map: the first, or a rerun."""

    record: SubmissionRecord
    text_file: Path

    def text(self) -> str:
        """The submit description, as it was sent."""
        with storage_errors(f"read the submit description {self.text_file}"):
            return self.text_file.read_text(encoding="utf-8")


def submissions_of(map: ReadableMap) -> list[Submission]:  # noqa: A002 - as above
    """All submissions, oldest first."""
    map._refresh()
    return [Submission(record, map._dir.submission(record.number).submit) for record in map._components.submissions()]
