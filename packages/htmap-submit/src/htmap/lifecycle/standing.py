"""Tell a map from what a killed creation or removal left behind. Removes nothing.

In: a directory below ``maps/``. Out: what it is. A map exists when its jobs have reached the queue. Evidence, cheapest
first: the cluster is recorded; its event log has begun; the queue has jobs with its uid.
"""

from __future__ import annotations

import enum

from htmap.backend.protocol import JobSelection
from htmap.backend.select import Backends
from htmap.exceptions import DamagedFile
from htmap.store.atomic import is_there, storage_errors
from htmap.store.locks import is_held
from htmap.store.mapdir import MapDir
from htmap.store.records import SubmissionRecord


class Standing(enum.Enum):
    """What a directory below ``maps/`` is."""

    MAP = "a map"
    BEING_MADE = "a map that a living process is making, or removing"
    LEFTOVER = "what a killed process left"


def standing(map_dir: MapDir, backends: Backends, *, with_history: bool = False) -> Standing:
    """Judge a map directory.

    Parameters
    ----------
    backends
        Gives the backend of the map; asked for only when the disk does not settle it.
    with_history
        Before anything is removed: jobs that were done before their log could be seen are not to be lost. To go through
        all that a schedd remembers takes too long for looking at maps.

    Raises
    ------
    BackendNotAvailable
        Only the queue could tell, and it cannot be reached.
    DamagedFile, StorageError
        The directory holds a map whose record cannot be read.
    """
    with storage_errors(f"look at the map in {map_dir.path}"):
        return _judged(map_dir, backends, with_history=with_history)


def _judged(map_dir: MapDir, backends: Backends, *, with_history: bool) -> Standing:
    if map_dir.path.name.startswith("."):
        return Standing.BEING_MADE if is_held(map_dir.lock) else Standing.LEFTOVER
    first = map_dir.submission(0).submission
    if not is_there(first) and not is_there(map_dir.map):
        return Standing.LEFTOVER
    for file in (first, map_dir.map):
        if not is_there(file) and is_there(map_dir.path):
            # No kill leaves that: a map comes into place whole.
            raise DamagedFile(
                f"There is no file {file}. Without it the map cannot be used; "
                "htmap.remove() with its tag takes it away."
            )
    record = SubmissionRecord.load(first)
    if record.cluster is not None or has_events(map_dir):
        return Standing.MAP
    if is_held(map_dir.lock):
        return Standing.BEING_MADE
    jobs = backends.of(map_dir).query(JobSelection(map_dir.uid), with_history=with_history)
    # The creator may have finished between our looks at the record and at the lock.
    record = SubmissionRecord.load(first)
    if record.cluster is None and jobs:
        record.with_cluster(jobs[0].cluster).save(first)
    return Standing.MAP if jobs or record.cluster is not None else Standing.LEFTOVER


def has_events(map_dir: MapDir) -> bool:
    """Whether the event log of a map has begun: its jobs have reached the queue."""
    try:
        return map_dir.events.stat().st_size > 0
    except FileNotFoundError:
        return False
