"""Tell a map from what a killed creation or removal left behind, and sweep up the latter.

A map exists when its jobs have reached the queue. Evidence, cheapest first: the cluster is recorded; its event log
has begun; the queue has jobs with its uid.
"""

from __future__ import annotations

import contextlib
import enum
import logging
from collections.abc import Callable

from htmap.backend.protocol import Action, Backend, JobSelection
from htmap.exceptions import DamagedFile, HTMapException, StorageError, TagNotFound
from htmap.store import tags
from htmap.store.atomic import remove_tree, storage_errors
from htmap.store.locks import exclusive, exclusive_if_free, is_held
from htmap.store.mapdir import Home, MapDir
from htmap.store.records import MapRecord, SubmissionRecord

logger = logging.getLogger(__name__)


class Standing(enum.Enum):
    """What a directory below ``maps/`` is."""

    MAP = "a map"
    BEING_MADE = "a map that a living process is making, or removing"
    DEBRIS = "what a killed process left"


def standing(map_dir: MapDir, backend: Callable[[str], Backend], *, with_history: bool = False) -> Standing:
    """Judge a map directory.

    Parameters
    ----------
    backend
        Gives the backend of a name; asked for only when the disk does not settle it.
    with_history
        Before anything is removed: jobs that were done before their log could be seen are not to be lost. To go through
        all that a schedd remembers takes too long for looking at maps.

    Raises
    ------
    BackendNotAvailable
        Only the queue could tell, and it cannot be reached.
    DamagedFile
        The directory holds a map whose record cannot be read.
    """
    if map_dir.path.name.startswith("."):
        return Standing.BEING_MADE if is_held(map_dir.lock) else Standing.DEBRIS
    first = map_dir.submission(0).submission
    if not first.exists() and not map_dir.map.exists():
        return Standing.DEBRIS
    for file in (first, map_dir.map):
        if not file.exists() and map_dir.path.exists():
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
    jobs = backend(MapRecord.load(map_dir.map).backend).query(JobSelection(map_dir.uid), with_history=with_history)
    # The creator may have finished between our looks at the record and at the lock.
    record = SubmissionRecord.load(first)
    if record.cluster is None and jobs:
        record.with_cluster(jobs[0].cluster).save(first)
    return Standing.MAP if jobs or record.cluster is not None else Standing.DEBRIS


def has_events(map_dir: MapDir) -> bool:
    """Whether the event log of a map has begun: its jobs have reached the queue."""
    try:
        return map_dir.events.stat().st_size > 0
    except FileNotFoundError:
        return False


def sweep_tag(home: Home, tag: str, backend: Callable[[str], Backend]) -> bool:
    """Free a tag that names debris. Returns whether the tag is free now."""
    try:
        found = tags.find(home, tag)
    except TagNotFound:
        return True
    except DamagedFile:
        return False
    map_dir = home.map(found.uid)
    try:
        if map_dir.path.exists() and standing(map_dir, backend, with_history=True) is not Standing.DEBRIS:
            return False
        _sweep(home, map_dir, None if not map_dir.map.exists() else backend(MapRecord.load(map_dir.map).backend))
    except StorageError:
        if map_dir.path.exists():
            raise  # else somebody else removes it at the same time
    tags.release(home, tag, found.uid)
    return True


def sweep(home: Home, backend: Callable[[str], Backend]) -> list[str]:
    """Remove everything below ``maps/`` and ``tags/`` that is debris; returns the uids.

    What cannot be judged now, because its queue is out of reach or its record is damaged, is left alone. So is what
    somebody else has put there.
    """
    swept = []
    for map_dir in home.map_directories():
        with contextlib.suppress(HTMapException):
            if standing(map_dir, backend, with_history=True) is Standing.DEBRIS:
                _sweep(
                    home, map_dir, None if not map_dir.map.exists() else backend(MapRecord.load(map_dir.map).backend)
                )
                swept.append(map_dir.uid)
    for name in tags.names(home):
        with contextlib.suppress(HTMapException):
            tag = tags.find(home, name)
            if not home.map(tag.uid).path.exists() and not home.staging(tag.uid).path.exists():
                tags.release(home, name, tag.uid)
    tags.sweep_unclaimed(home, lambda uid: is_held(home.map(uid).lock))
    return swept


def _sweep(home: Home, map_dir: MapDir, backend: Backend | None) -> None:
    if backend is not None:
        backend.act(Action.REMOVE, JobSelection(map_dir.uid), "HTMap: its map was never finished")
    remove_map(home, map_dir)
    logger.info("Swept up %s, which a killed process had left.", map_dir.path)


def remove_map(home: Home, map_dir: MapDir, tag: str | None = None) -> None:
    """Remove the directory of a map, and its tag. It is out of sight at once, whenever this is killed."""
    if map_dir.path.name.startswith("."):
        with exclusive_if_free(map_dir.lock) as is_free:
            if is_free:
                remove_tree(map_dir.path)
        return
    with storage_errors(f"remove {map_dir.path}"), contextlib.suppress(FileNotFoundError), exclusive(map_dir.lock):
        dying = home.dying(map_dir.uid)
        map_dir.path.rename(dying.path)
        if tag is not None:
            tags.release(home, tag, map_dir.uid)
        remove_tree(dying.path)
