"""Remove maps: whole ones, damaged ones, and what killed processes left behind.

In: the directory of a map, or a home to look through. Out: nothing of it, in the queue or on disk. The order is always
jobs, directory, tag: whatever is killed in between, what stays is judged by `htmap.lifecycle.standing`, and swept up.
"""

from __future__ import annotations

import contextlib
import logging
import warnings

from htmap.backend.of_map import last_queue
from htmap.backend.protocol import Action, Backend, JobSelection, QueueNotWritable
from htmap.backend.select import NAMES, Backends
from htmap.exceptions import BackendError, DamagedFile, HTMapException, StorageError, TagNotFound
from htmap.lifecycle.standing import Standing, standing
from htmap.observe.pace import Deadline, Pacer
from htmap.settings import settings
from htmap.store import tags
from htmap.store.atomic import is_there, remove_tree, storage_errors
from htmap.store.locks import exclusive, exclusive_if_free, is_held
from htmap.store.mapdir import Home, MapDir

logger = logging.getLogger(__name__)

_REMOVED = "HTMap: its map was removed"

# What runs must end first.
_REMOVAL_S = 30.0


def remove(map_dir: MapDir, backend: Backend, tag: str, *, may_run: bool, force: bool) -> None:
    """Remove a map: its jobs, its directory, its tag, in this order.

    Parameters
    ----------
    may_run
        Whether the log leaves it open that jobs run.
    force
        Delete its data even if that is open, and the queue cannot be asked or does not let go of the jobs in time.

    Raises
    ------
    BackendError
        Jobs may go on to run, and write to its directory; nothing was deleted.
    """
    try:
        backend.act(Action.REMOVE, JobSelection(map_dir.uid), _REMOVED)
        if not force:
            _let_queue_empty(map_dir.uid, backend, tag)
    except QueueNotWritable:
        pass  # it is the data of maps that the disk is full of
    except BackendError as error:
        if may_run and not force:
            raise
        if may_run:
            _tell_what_is_left(map_dir, tag, error)
    remove_directory(map_dir.home, map_dir, tag)
    if may_run:
        with contextlib.suppress(BackendError):  # said above
            # Another process may have rerun components meanwhile.
            backend.act(Action.REMOVE, JobSelection(map_dir.uid), _REMOVED)
    logger.info("Removed map %s.", tag)


def _let_queue_empty(uid: str, backend: Backend, tag: str) -> None:
    """Wait for the jobs of a map to leave the queue: until then they write to its directory."""
    deadline, pacer = Deadline(_REMOVAL_S), Pacer(settings["WAIT_TIME"])
    while left := backend.query(JobSelection(uid)):
        if deadline.remaining_s() <= 0:
            raise BackendError(
                f"The map {tag} is to be removed, but {len(left)} of its jobs are slow to leave the queue, and would "
                "write to its directory. Nothing was deleted: remove it again in a while, or by force."
            )
        pacer.pause()


def _tell_what_is_left(map_dir: MapDir, tag: str, problem: BackendError) -> None:
    queue = last_queue(map_dir)
    name = f"-name {queue.schedd} -pool {queue.pool} " if queue else ""
    warnings.warn(
        f"The data of map {tag} was deleted, but jobs of it may still be in the queue, and fail: {problem} Where they "
        f"are, `condor_rm {name}-constraint 'HTMapUid == \"{map_dir.uid}\"'` takes them out.",
        stacklevel=3,
    )


def remove_damaged(home: Home, backends: Backends, tag: str) -> None:
    """Remove a map that cannot be loaded; its record may not even say where its jobs are."""
    if tags.discard_damaged(home, tag):
        logger.info("Removed the tag %s, which was damaged.", tag)
        return
    uid = tags.find(home, tag).uid
    for name in NAMES:
        with contextlib.suppress(BackendError):
            backends.new(name).act(Action.REMOVE, JobSelection(uid), _REMOVED)
    remove_directory(home, home.map(uid), tag)
    tags.release(home, tag, uid)  # of a map whose directory was gone already
    logger.info("Removed map %s, which was damaged.", tag)


def sweep_tag(home: Home, tag: str, backends: Backends) -> bool:
    """Free a tag that names leftovers. Returns whether the tag is free now."""
    try:
        found = tags.find(home, tag)
    except TagNotFound:
        return True
    except DamagedFile:
        return False
    map_dir = home.map(found.uid)
    try:
        if is_there(map_dir.path) and standing(map_dir, backends, with_history=True) is not Standing.LEFTOVER:
            return False
        _sweep(home, map_dir, backends)
    except StorageError:
        if is_there(map_dir.path):
            raise  # else somebody else removes it at the same time
    tags.release(home, tag, found.uid)
    return True


def sweep(home: Home, backends: Backends) -> list[str]:
    """Remove everything below ``maps/`` and ``tags/`` that is left over; returns the uids.

    What cannot be judged now, because its queue is out of reach or its record is damaged, is left alone. So is what
    somebody else has put there.
    """
    swept = []
    for map_dir in home.map_directories():
        with contextlib.suppress(HTMapException):
            if standing(map_dir, backends, with_history=True) is Standing.LEFTOVER:
                _sweep(home, map_dir, backends)
                swept.append(map_dir.uid)
    for name in tags.names(home):
        with contextlib.suppress(HTMapException):
            tag = tags.find(home, name)
            if not is_there(home.map(tag.uid).path) and not is_there(home.staging(tag.uid).path):
                tags.release(home, name, tag.uid)
    tags.sweep_unclaimed(home, lambda uid: is_held(home.map(uid).lock))
    return swept


def _sweep(home: Home, map_dir: MapDir, backends: Backends) -> None:
    if is_there(map_dir.map):
        backends.of(map_dir).act(Action.REMOVE, JobSelection(map_dir.uid), "HTMap: its map was never finished")
    remove_directory(home, map_dir)
    logger.info("Swept up %s, which a killed process had left.", map_dir.path)


def remove_directory(home: Home, map_dir: MapDir, tag: str | None = None) -> None:
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
