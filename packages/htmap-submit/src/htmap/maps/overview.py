"""What a listing, or one screen, says of a map, at next to no cost.

In: an opened map. Out: plain values. Only the event log is read, and small records: no output is opened, whatever the
number of components; so memory and time are those of jobs, as the queue reports them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from htmap.maps.opened import Opened
from htmap.observe.fold import Totals
from htmap.observe.statuses import ACTIVE, ComponentStatus
from htmap.store.atomic import storage_errors
from htmap.store.records import SubmissionRecord


@dataclass(frozen=True, slots=True)
class Overview:
    """A map at a moment.

    Parameters
    ----------
    peak_memory_mb
        The most that any job has reported so far; 0: none has.
    totals
        Time of the jobs that have ended.
    """

    counts: Mapping[ComponentStatus, int]
    peak_memory_mb: int
    totals: Totals

    @property
    def is_active(self) -> bool:
        """Whether something may still happen to any component."""
        return not ACTIVE.isdisjoint(self.counts)


def overview(opened: Opened, *, may_ask_queue: bool = False) -> Overview:
    """How a map stands, as its event log has it now.

    Parameters
    ----------
    may_ask_queue
        Whether a queue may be asked about jobs on which the log has been silent for long. That takes its time.

    Raises
    ------
    MapWasRemoved, DamagedFile, StorageError
    """
    if may_ask_queue:
        opened.watch.look()
    else:
        opened.watch.look_at_log()
    components = opened.components
    return Overview(components.counts(), components.peak_memory_mb(), components.totals())


@dataclass(frozen=True, slots=True)
class Submission:
    """One submission of a map: the first, or a rerun."""

    record: SubmissionRecord
    text_file: Path

    def text(self) -> str:
        """The submit description, as it was sent."""
        with storage_errors(f"read the submit description {self.text_file}"):
            return self.text_file.read_text(encoding="utf-8")


def submissions_of(opened: Opened) -> list[Submission]:
    """All submissions, oldest first."""
    opened.watch.look()
    return [
        Submission(record, opened.directory.submission(record.number).submit)
        for record in opened.components.submissions()
    ]
