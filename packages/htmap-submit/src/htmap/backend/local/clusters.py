"""Clusters as the supervisor needs them: read from the queue once, however many jobs they have.

In: rows of the queue. Out: jobs. A cluster never changes, and its number is never given again.
"""

from __future__ import annotations

from htmap.backend.local.job import Job, expand
from htmap.backend.local.queue import Queue
from htmap.backend.local.rows import ClusterRow, JobRow

_MOST_REMEMBERED = 64


class Clusters:
    """The clusters of a queue."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._remembered: dict[int, ClusterRow] = {}

    def __getitem__(self, number: int) -> ClusterRow:
        found = self._remembered.get(number)
        if found is None:
            found = self._queue.cluster(number)
            while len(self._remembered) >= _MOST_REMEMBERED:
                del self._remembered[next(iter(self._remembered))]
            self._remembered[number] = found
        return found

    def job(self, row: JobRow) -> Job:
        """The job of a row. Raises `htmap.exceptions.InvalidOption`."""
        cluster = self[row.key[0]]
        return expand(cluster.description, cluster.inherited, row.key, row.item, row.edits, past=row.past)
