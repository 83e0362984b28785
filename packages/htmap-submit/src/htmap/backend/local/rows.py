"""Rows of the queue, as values with types.

In: rows of SQLite, which know no types. Out: what they say. On the other side: ``queue``, the only one that sees rows.
"""

from __future__ import annotations

import enum
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from htmap.backend.local.eventlog import Usage
from htmap.backend.protocol import JobStatus
from htmap.language.description import Description
from htmap.language.operators import UNDEFINED, Value

JobKey: TypeAlias = "tuple[int, int]"
"""Cluster and proc."""


class Request(str, enum.Enum):
    """What a process of a job is to suffer. The first three end it."""

    HOLD = "hold"
    VACATE = "vacate"
    REMOVE = "remove"
    SUSPEND = "suspend"
    CONTINUE = "continue"


@dataclass(frozen=True, slots=True)
class ClusterRow:
    """What the jobs of a cluster share.

    Parameters
    ----------
    log
        Id of their event log.
    inherited
        Environment of the process that submitted them, as far as they get it.
    """

    log: int
    description: Description
    inherited: Mapping[str, str]

    @classmethod
    def of(cls, row: sqlite3.Row) -> ClusterRow:
        return cls(int(row["log"]), Description.from_json(row["description"]), json.loads(row["inherited"]))


@dataclass(frozen=True, slots=True)
class Past:
    """What a job has been through, as its expressions may ask.

    Parameters
    ----------
    completions
        How often it has ended by itself.
    memory_mb, disk_kb
        The most that it has used; 0: it has not run yet.
    entered
        When it came into its state, in unix seconds.
    """

    starts: int = 0
    completions: int = 0
    memory_mb: int = 0
    disk_kb: int = 0
    entered: float = 0.0

    def attributes(self) -> dict[str, Value]:
        """The attributes of the job that tell of it, by casefolded name."""
        return {
            "numjobstarts": self.starts,
            "numjobcompletions": self.completions,
            "memoryusage": self.memory_mb or UNDEFINED,
            "diskusage": self.disk_kb or UNDEFINED,
            "enteredcurrentstatus": int(self.entered),
        }


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job, whole: to be started, or to be changed after its process has ended.

    Parameters
    ----------
    edits
        Attributes set since it was submitted, by casefolded name: text of expressions.
    request, reason
        What the supervisor is asked to do to its process, and why.
    pid, pid_started
        Its process; 0: it has none.
    request_code, request_subcode
        Why it is to be held, if it is.
    usage
        Of all its processes so far.
    hold_code
        Why it is held.
    """

    key: JobKey
    status: JobStatus
    item: str
    edits: Mapping[str, str]
    request: Request | None
    reason: str
    request_code: int
    request_subcode: int
    pid: int
    pid_started: float
    usage: Usage
    past: Past
    hold_code: int

    @classmethod
    def of(cls, row: sqlite3.Row) -> JobRow:
        return cls(
            key=(int(row["cluster"]), int(row["proc"])),
            status=JobStatus(row["status"]),
            item=str(row["item"]),
            edits=json.loads(row["edits"]) if row["edits"] else {},
            request=_request(row),
            reason=row["reason"] or "",
            request_code=int(row["request_code"]),
            request_subcode=int(row["request_subcode"]),
            pid=int(row["pid"] or 0),
            pid_started=float(row["pid_started"] or 0.0),
            usage=Usage(row["user_s"], row["system_s"], row["sent_bytes"], row["received_bytes"]),
            past=Past(
                int(row["starts"]),
                int(row["completions"]),
                int(row["memory_mb"]),
                int(row["disk_kb"]),
                float(row["entered"]),
            ),
            hold_code=int(row["hold_code"]),
        )


@dataclass(frozen=True, slots=True)
class SelectedJob:
    """A job that somebody asks for, or about.

    Parameters
    ----------
    edits
        As JSON: most jobs have the same, or none.
    log
        Id of its event log.
    """

    key: JobKey
    status: JobStatus
    request: Request | None
    edits: str
    hold_code: int
    hold_subcode: int
    hold_reason: str
    exit_code: int | None
    exit_signal: int | None
    log: int

    @classmethod
    def of(cls, row: sqlite3.Row) -> SelectedJob:
        return cls(
            key=(int(row["cluster"]), int(row["proc"])),
            status=JobStatus(row["status"]),
            request=_request(row),
            edits=row["edits"] or "{}",
            hold_code=int(row["hold_code"]),
            hold_subcode=int(row["hold_subcode"]),
            hold_reason=str(row["hold_reason"]),
            exit_code=row["exit_code"],
            exit_signal=row["exit_signal"],
            log=int(row["log"]),
        )


@dataclass(frozen=True, slots=True)
class LogRow:
    """An event log: its path, and its size when the last delivery was recorded."""

    path: str
    written: int

    @classmethod
    def of(cls, row: sqlite3.Row) -> LogRow:
        return cls(str(row["path"]), int(row["written"]))


@dataclass(frozen=True, slots=True)
class Undelivered:
    """Text that is still to be appended to a log."""

    id: int
    text: str

    @classmethod
    def of(cls, row: sqlite3.Row) -> Undelivered:
        return cls(int(row["id"]), str(row["text"]))


def _request(row: sqlite3.Row) -> Request | None:
    return Request(row["request"]) if row["request"] else None
