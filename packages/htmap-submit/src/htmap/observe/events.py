"""Door 2: read a job event log, only what is new, and only what is whole.

In: the text of an HTCondor job event log, which HTCondor and the local backend both write. Out: typed events, oldest
first, for `htmap.observe.fold`. Nothing is believed of the log but that events follow one another: an event may be
half written, with the next one right behind it; its kind unknown; a block of NULs in between (some file systems leave
one after a crash). How dates are written does not matter, as none is used.

Source: the section "Job Event Log" of HTCondor's manual, and logs written by 23.9 and 25.14.
"""

from __future__ import annotations

import collections
import functools
import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from htmap.backend.condor import translated_log
from htmap.observe.measured import LARGEST
from htmap.store.atomic import storage_errors

# Kinds of events, numbered as in the log. Those not listed say nothing about the state of a component.
SUBMITTED = 0
EXECUTING = 1
EXECUTABLE_ERROR = 2
EVICTED = 4
TERMINATED = 5
IMAGE_SIZE = 6
SHADOW_EXCEPTION = 7
ABORTED = 9
SUSPENDED = 10
UNSUSPENDED = 11
HELD = 12
RELEASED = 13
RECONNECT_FAILED = 24
CLUSTER_SUBMITTED = 35
CLUSTER_REMOVED = 36

# An access point may write its logs as XML or JSON. The binding reads those.
_FOREIGN_BEGINNINGS = (b"<", b"{")

_END = b"\n...\n"
# Number, job, and the beginning of the date. HTCondor has no subprocs any more.
_HEAD = re.compile(rb"(\d{3}) \((\d{1,10})\.(-?\d{1,10})\.000\) (?=\d\d)")
_HEAD_END = b".000)"
# To look these up takes a fourth of the time of int().
_KINDS = {b"%03d" % kind: kind for kind in range(1000)}
_BLOCK_BYTES = 256 * 1024  # stays in the processor's cache, which makes a third of the cost of an event
_LONGEST_EVENT_BYTES = 64 * 1024

Event: TypeAlias = tuple[int, int, int, bytes]
"""Kind, cluster, proc (-1: the whole cluster), and the text as written, from its header line on.

A plain tuple: there are millions, and a named one would cost a tenth of all that is done with it.
"""


class EventLog:
    """A reader that remembers where it stopped.

    Parameters
    ----------
    path
        The log. It need not exist yet.
    offset
        Where to go on: the value of `offset` after an earlier reading.
    """

    def __init__(self, path: Path, offset: int = 0) -> None:
        self._path = path
        self.offset = offset
        self._inode: int | None = None
        self._foreign: Iterator[bytes] | None = None

    def has_news(self) -> bool:
        """Whether the file is longer than what was read. One stat, nothing opened."""
        try:
            return self._path.stat().st_size > self.offset
        except OSError:
            return False

    def was_replaced(self) -> bool:
        """Whether what was read is no longer the beginning of the file: it must be read again from the start."""
        try:
            status = self._path.stat()
        except OSError:
            return False
        return status.st_size < self.offset or self._inode not in (None, status.st_ino)

    def read(self) -> Iterator[Event]:
        """The events that are new and whole.

        Raises
        ------
        StorageError
            It cannot be read.
        BackendError
            It is in XML or JSON, and the bindings, which can read that, are missing or refuse.
        """
        return itertools.chain.from_iterable(self._read_blocks())

    def _read_blocks(self) -> Iterator[list[Event]]:
        with storage_errors(f"read the event log {self._path}"):
            try:
                file = self._path.open("rb")
            except FileNotFoundError:
                return
            with file:
                self._inode = os.fstat(file.fileno()).st_ino
                if self._foreign is None and self.offset == 0 and file.read(1) in _FOREIGN_BEGINNINGS:
                    self._foreign = translated_log(self._path)
                if self._foreign is not None:
                    yield from self._read_foreign(os.fstat(file.fileno()).st_size)
                    return
                file.seek(self.offset)
                while block := file.read(_BLOCK_BYTES):
                    whole = block.rfind(_END) + len(_END)
                    if whole < len(_END):
                        if len(block) < _BLOCK_BYTES:
                            return  # half an event: the rest is still to come
                        whole = len(block) - _LONGEST_EVENT_BYTES  # no event ends in so much text: garbage
                    self.offset += whole
                    file.seek(self.offset)
                    yield parse(block[:whole])

    def _read_foreign(self, size: int) -> Iterator[list[Event]]:
        assert self._foreign is not None  # noqa: S101 - for the type checker
        for text in self._foreign:
            if not text:
                break  # no more for now
            yield parse(text)
        self.offset = size


def parse(block: bytes) -> list[Event]:
    """The events in a piece of a log that ends with an event. What is no event is passed over."""
    texts = block.split(_END)
    events: list[Event] = []
    kinds, match = _KINDS, _HEAD.match
    last_digits, cluster = b"", 0
    # Hot: once per event (benchmarks/bench_events.py).
    for text in texts:
        head = match(text)
        if head is not None:
            kind, digits, proc = head.groups()
            if digits != last_digits:
                last_digits, cluster = digits, int(digits)
            events.append((kinds[kind], cluster, int(proc), text))
    if len(events) == block.count(_HEAD_END):
        return events
    # There is a head where none begins an event, or one in the text of another event.
    return [event for text in texts for event in _last_event(text)]


def _last_event(text: bytes) -> Iterator[Event]:
    """The last event in a text, if there is any: those before it were never finished, as their writer died."""
    for head in collections.deque(_HEAD.finditer(text), maxlen=1):
        kind, cluster, proc = head.groups()
        yield int(kind), int(cluster), int(proc), text[head.start() :]


# Digits are counted, so that garbage cannot make a number that nothing holds.
_NOTES = re.compile(rb"^\s+htmap submission (\d{1,9})\s*$", re.MULTILINE)
_SUCCESS = b"(return value 0)"
_RETURNED = re.compile(rb"\(return value (-?\d{1,10})\)")
_SIGNALED = re.compile(rb"\(signal (\d{1,9})\)")
_MEMORY_LABEL = b"  -  MemoryUsage of job (MB)"
_CPU_LABEL = b"  -  Total Remote Usage"
_TIME = rb"(\d{1,9}) (\d\d?):(\d\d?):(\d\d?)"
_CPU = re.compile(rb"\s*Usr " + _TIME + rb", Sys " + _TIME)
_DIGITS = 10
_HOLD_CODE = re.compile(rb"^\s*Code (-?\d{1,10}) Subcode (-?\d{1,10})\s*$", re.MULTILINE)


def submission_of(text: bytes) -> int | None:
    """Which submission of its map a job belongs to, as the notes of its submit event say."""
    found = _NOTES.search(text)
    return int(found[1]) if found else None


def exit_of(text: bytes) -> int | None:
    """How a terminated job ended: its exit code, or minus the signal. None: the event does not say."""
    if _SUCCESS in text:  # most
        return 0
    found = _RETURNED.search(text)
    if found:
        return int(found[1])
    found = _SIGNALED.search(text)
    return -int(found[1]) if found else None


def memory_mb_of(text: bytes) -> int:
    """Peak memory so far, in MB; 0 if an image size event does not say."""
    return _megabytes(_before(_MEMORY_LABEL, text))


def cpu_s_of(text: bytes) -> int:
    """User and system time of a terminated job over all its runs, in whole seconds."""
    return _seconds(_before(_CPU_LABEL, text))


def _before(label: bytes, text: bytes) -> bytes:
    """What stands before a label in its line."""
    end = text.find(label)
    return text[text.rfind(b"\n", 0, end) + 1 : end] if end >= 0 else b""


# The jobs of a map are like one another: few values come up, again and again.
@functools.lru_cache(maxsize=4096)
def _megabytes(number: bytes) -> int:
    digits = number.strip()
    return int(digits) if digits.isdigit() and len(digits) < _DIGITS else 0


@functools.lru_cache(maxsize=4096)
def _seconds(usage: bytes) -> int:
    found = _CPU.fullmatch(usage)
    if found is None:
        return 0
    days, hours, minutes, seconds = (
        int(user) + int(system) for user, system in zip(found.groups()[:4], found.groups()[4:], strict=True)
    )
    return min(((days * 24 + hours) * 60 + minutes) * 60 + seconds, LARGEST)


# Many jobs are removed at once, for one reason.
@functools.lru_cache(maxsize=64)
def _decoded(line: bytes) -> str:
    return " ".join(line.decode("utf-8", "replace").split())


def removal_of(text: bytes) -> str:
    """Why a job was aborted, and by whom; empty if the event does not say."""
    _, _, body = text.partition(b"\n")
    # What follows is about the machine that it ran on.
    return _decoded(next((line for line in body.split(b"\n") if line.strip()), b""))


def hold_of(text: bytes) -> tuple[int, int, str]:
    """Code, subcode and reason of a hold."""
    found = _HOLD_CODE.search(text)
    code, subcode = (int(found[1]), int(found[2])) if found else (0, 0)
    _, _, body = text[: found.start() if found else None].partition(b"\n")
    reason = " ".join(body.decode("utf-8", "replace").split())
    return code, subcode, reason
