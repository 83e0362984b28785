"""Bring the events of the queue into the job event logs, each exactly once.

In: text that was left in the queue's outbox, in the transaction of the change that it tells of. Out: appended to the
log. On the other side: readers of the log, who take no lock and must never see half an event in the middle of the file.

Whoever changes the queue delivers afterwards, client or supervisor, and the next one delivers what a killed one left.
Only the holder of the lock on the log appends to it. It compares what lies behind the recorded end of the file with
what it is about to write: a predecessor that was killed after writing has written the beginning of just that text.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from htmap.backend.local.queue import Queue

# Rows at a time: bounds memory. A row of a large submission holds about 100 kB.
_MOST_ROWS = 50


def deliver(queue: Queue) -> None:
    """Append to each log what is left for it.

    A log that cannot be written keeps its text in the outbox and gets a note (``Queue.log_errors``).
    """
    for log in queue.logs_to_write():
        try:
            while _deliver_some(queue, log):
                pass
        except OSError as error:
            queue.set_log_error(log, f"{error.strerror or error} ({error.filename or 'event log'})")


def _deliver_some(queue: Queue, log: int) -> bool:
    """Deliver up to `_MOST_ROWS` rows. False: there was nothing."""
    target = queue.log(log)
    if target is None:
        return False
    with _locked_for_append(target.path) as file:
        # Read under the lock: another process may have delivered in the meantime.
        target, rows = queue.log(log), queue.undelivered(log, _MOST_ROWS)
        if target is None or not rows:
            return False
        text = "".join(row.text for row in rows).encode()
        written = _append(file, text, target.written)
        with queue.transaction():
            queue.set_delivered(log, rows[-1].id, written)
    return True


def check_writable(path: Path) -> None:
    """Raise OSError if the log cannot be written, so that nothing is queued whose fate nobody could learn."""
    os.close(_open(str(path)))


def _open(path: str) -> int:
    return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


@contextlib.contextmanager
def _locked_for_append(path: str) -> Iterator[int]:
    """Wait for the lock on a log.

    Never within a transaction: whoever has the lock waits for the queue, to record what has been delivered.
    """
    file = _open(path)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(file)


def _append(file: int, text: bytes, recorded_end: int) -> int:
    """Append what is not there yet. Returns the end of the text in the file."""
    end = min(recorded_end, os.fstat(file).st_size)  # less than recorded: somebody has cut the file
    there = os.pread(file, len(text), end)
    if not text.startswith(there):  # not ours, so it must be kept, and says nothing of what we wrote
        there, end = b"", os.fstat(file).st_size
    rest = memoryview(text)[len(there) :]
    while rest:
        rest = rest[os.write(file, rest) :]
    return end + len(text)
