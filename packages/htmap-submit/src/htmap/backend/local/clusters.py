"""Clusters as the supervisor needs them: read from the queue once, however many jobs they have.

In: rows of the queue. Out: jobs. A cluster never changes, and its number is never given again.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass

from htmap.backend.local.job import Job, expand
from htmap.backend.local.queue import Queue
from htmap.language.description import Description

_MOST_REMEMBERED = 64


@dataclass(frozen=True, slots=True)
class Cluster:
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
    inherited: dict[str, str]


class Clusters:
    """The clusters of a queue."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._remembered: dict[int, Cluster] = {}

    def __getitem__(self, number: int) -> Cluster:
        found = self._remembered.get(number)
        if found is None:
            row = self._queue.cluster(number)
            found = Cluster(row["log"], Description.from_json(row["description"]), json.loads(row["inherited"]))
            while len(self._remembered) >= _MOST_REMEMBERED:
                del self._remembered[next(iter(self._remembered))]
            self._remembered[number] = found
        return found

    def job(self, row: sqlite3.Row) -> Job:
        """The job of a row. Raises `htmap.exceptions.InvalidOption`."""
        cluster = self[row["cluster"]]
        edits = json.loads(row["edits"]) if row["edits"] else {}
        return expand(cluster.description, cluster.inherited, (row["cluster"], row["proc"]), row["item"], edits)
