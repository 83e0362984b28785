"""Look maps up, and remove them."""

from __future__ import annotations

import contextlib
import fnmatch
import logging

from htmap.backend.protocol import Action, JobSelection
from htmap.backend.select import NAMES
from htmap.create.debris import Standing, remove_map, standing, sweep
from htmap.exceptions import BackendError, DamagedFile, HTMapException, MapWasRemoved, TagNotFound
from htmap.maps import Map, backends
from htmap.settings import settings
from htmap.store import tags
from htmap.store.mapdir import Home

logger = logging.getLogger(__name__)


def load(tag: str) -> Map:
    """Reconstruct a Map from its tag.

    Raises
    ------
    TagNotFound
        The tag does not exist.
    """
    return Map.load(tag)


def get_tags(pattern: str | None = None) -> tuple[str, ...]:
    """Return a tuple containing the tag for all existing maps.

    Parameters
    ----------
    pattern
        A glob-style pattern that the tags must fit. None: all tags.
    """
    home = Home.of(settings)
    return tuple(tag for tag in tags.names(home) if fnmatch.fnmatchcase(tag, pattern or "*") and _is_map(home, tag))


def _is_map(home: Home, tag: str) -> bool:
    try:
        map_dir = home.map(tags.find(home, tag).uid)
        return map_dir.path.exists() and standing(map_dir, backends(home)) is Standing.MAP
    except TagNotFound:
        return False
    except HTMapException:
        return True  # there is a map, but something is wrong with it: to be said when it is loaded


def load_maps(pattern: str | None = None) -> tuple[Map, ...]:
    """Return a tuple containing the Map for all existing maps. One that cannot be loaded is logged and left out.

    Parameters
    ----------
    pattern
        A glob-style pattern that the tags must fit. None: all maps.
    """
    maps = []
    for tag in get_tags(pattern):
        try:
            maps.append(Map.load(tag))
        except TagNotFound:
            continue  # removed a moment ago
        except HTMapException as error:
            logger.warning("The map %s cannot be loaded: %s", tag, error)
    return tuple(maps)


def remove(tag: str, not_exist_ok: bool = True) -> None:
    """Remove the map with the given tag, also one that is damaged.

    Parameters
    ----------
    tag
        The tag to search for and remove.
    not_exist_ok
        If False, raise `TagNotFound` if the tag doesn't exist.
    """
    try:
        Map.load(tag).remove()
    except (TagNotFound, MapWasRemoved):
        if not not_exist_ok:
            raise
    except DamagedFile:
        _remove_damaged(Home.of(settings), tag)


def _remove_damaged(home: Home, tag: str) -> None:
    """Remove a map that cannot be loaded; its record may not even say where its jobs are."""
    if tags.discard_damaged(home, tag):
        logger.info("Removed the tag %s, which was damaged.", tag)
        return
    uid = tags.find(home, tag).uid
    for name in NAMES:
        with contextlib.suppress(BackendError):
            backends(home)(name).act(Action.REMOVE, JobSelection(uid), "HTMap: its map was removed")
    remove_map(home, home.map(uid), tag)
    tags.release(home, tag, uid)  # of a map whose directory was gone already
    logger.info("Removed map %s, which was damaged.", tag)


def clean(*, all: bool = False) -> list[str]:  # noqa: A002 - the reference's name
    """Clean up: remove transient maps, and what killed processes left behind.

    Parameters
    ----------
    all
        If True, remove all maps, not just transient ones.

    Returns
    -------
    list of str
        The tags of the maps that were removed.
    """
    home = Home.of(settings)
    cleaned = []
    for tag in get_tags():
        try:
            if all or tags.find(home, tag).transient:
                remove(tag, not_exist_ok=False)
                cleaned.append(tag)
        except (TagNotFound, MapWasRemoved):
            continue  # somebody else was quicker
        except HTMapException as error:
            logger.warning("Cannot clean up: %s", error)
    sweep(home, backends(home))
    return cleaned
