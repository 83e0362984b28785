"""Look maps up, show how they stand, and remove them."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Iterable

from htmap.backend.select import BackendsOf
from htmap.exceptions import DamagedFile, HTMapException, MapWasRemoved, TagNotFound, WrongType
from htmap.lifecycle.removal import remove_damaged, sweep
from htmap.maps.acting import Map
from htmap.maps.survey import Survey, is_map, lines, matching, survey
from htmap.observe.pace import Timeout
from htmap.observe.pace import seconds as to_seconds
from htmap.settings import settings
from htmap.show.lines import BrokenMap, MapLine
from htmap.show.status_machine import as_json, status_dict, status_rows
from htmap.show.status_text import status_table
from htmap.store import tags
from htmap.store.atomic import storage_errors
from htmap.store.mapdir import Home
from htmap.store.records import MapRecord

logger = logging.getLogger(__name__)


def load(tag: str) -> Map:
    """Reconstruct a Map from its tag.

    Raises
    ------
    TagNotFound
        The tag does not exist.

    Examples
    --------
    >>> htmap.map(abs, [-1, -2], tag="absolute", quiet=True).wait()
    >>> list(htmap.load("absolute"))
    [1, 2]
    """
    return Map.load(tag)


def get_tags(pattern: str | None = None) -> tuple[str, ...]:
    """Return a tuple containing the tag for all existing maps. Opens none of them.

    Parameters
    ----------
    pattern
        A glob-style pattern that the tags must fit. None: all tags.

    Examples
    --------
    >>> for tag in ("fit-1", "fit-2", "other"):
    ...     made = htmap.map(abs, [1], tag=tag, quiet=True)
    >>> htmap.get_tags("fit-*")
    ('fit-1', 'fit-2')
    """
    home = Home.of(settings)
    return tuple(tag for tag in matching(home, pattern) if is_map(home, tag))


def load_maps(pattern: str | None = None) -> tuple[Map, ...]:
    """Return a tuple containing the Map for all existing maps. One that cannot be loaded is logged and left out.

    Parameters
    ----------
    pattern
        A glob-style pattern that the tags must fit. None: all maps.
    """
    found = survey(Home.of(settings), pattern)
    for broken in found.broken:
        logger.warning("The map %s cannot be loaded: %s", broken.name, broken.problem)
    return tuple(found.maps.values())


def status(maps: Iterable[Map] | None = None, include_state: bool = True, include_meta: bool = True) -> str:
    """Return a formatted table containing information on the given maps. A ``*`` is before transient maps.

    Memory, wall time and CPU time are those of jobs, as the queue reports them: for single components, and more
    exactly, see `htmap.Map.table`.

    Parameters
    ----------
    maps
        The maps to display information on. None: all existing maps; what is broken is listed below the table, with
        what to do about it.
    include_state
        If True, include information on the state of the map's components.
    include_meta
        If True, include information about the map's memory usage, disk usage, and runtime.
    """
    shown, broken = _lines(maps, include_state, include_meta)
    return status_table(shown, broken, terminal_width())


def terminal_width() -> int | None:
    """The width of the terminal that standard output is; None if it is none, and COLUMNS says nothing."""
    return shutil.get_terminal_size((0, 0)).columns or None


def status_json(
    maps: Iterable[Map] | None = None, include_state: bool = True, include_meta: bool = True, compact: bool = False
) -> str:
    """Return a JSON-formatted string containing information on the given maps.

    Disk and memory usage are reported in bytes. Runtimes are reported in seconds.

    Parameters
    ----------
    maps, include_state, include_meta
        As for `status`. A map that cannot be used has a ``problem`` instead of numbers.
    compact
        If True, the JSON will be formatted in the most compact possible representation.
    """
    return as_json(status_dict(*_lines(maps, include_state, include_meta)), compact=compact)


def status_csv(maps: Iterable[Map] | None = None, include_state: bool = True, include_meta: bool = True) -> str:
    """Return a CSV-formatted string containing information on the given maps.

    Disk and memory usage are reported in bytes. Runtimes are reported in seconds.

    Parameters
    ----------
    maps, include_state, include_meta
        As for `status_json`.
    """
    shown, broken = _lines(maps, include_state, include_meta)
    return status_rows(shown, broken, with_state=include_state, with_usage=include_meta)


def _lines(
    maps: Iterable[Map] | None, include_state: bool, include_meta: bool
) -> tuple[list[MapLine], list[BrokenMap]]:
    home = Home.of(settings)
    found = survey(home) if maps is None else Survey({each.tag: each for each in _checked(maps)})
    shown, broken = lines(home, found.maps, with_state=include_state, with_usage=include_meta)
    return shown, [*found.unusable, *broken]


def _checked(maps: Iterable[Map]) -> Iterable[Map]:
    # A map is iterable itself: over its results, for which this would wait.
    given = [maps] if isinstance(maps, Map) else list(maps) if isinstance(maps, Iterable) else [maps]
    for each in given:
        if not isinstance(each, Map):
            raise WrongType(f"The status is that of maps, not of {each!r}: htmap.load() gives the map of a tag.")
    return given


def remove(tag: str, not_exist_ok: bool = True, *, force: bool = False) -> None:
    """Remove the map with the given tag, also one that is damaged.

    Parameters
    ----------
    tag
        The tag to search for and remove.
    not_exist_ok
        If False, raise `TagNotFound` if the tag doesn't exist.
    force
        As for `htmap.Map.remove`.
    """
    try:
        Map.load(tag).remove(force=force)
    except (TagNotFound, MapWasRemoved):
        if not not_exist_ok:
            raise
    except DamagedFile:
        home = Home.of(settings)
        remove_damaged(home, BackendsOf(home, settings), tag)


def clean(*, all: bool = False, older_than: Timeout = None) -> list[str]:  # noqa: A002 - the reference's name
    """Clean up: remove transient maps, and what killed processes left behind.

    Parameters
    ----------
    all
        If True, remove all maps, not just transient ones.
    older_than
        Remove only maps that were made longer ago than this (seconds, or a timedelta). None: whatever their age.

    Returns
    -------
    list of str
        The tags of the maps that were removed.
    """
    cleaned, refused = clean_up(everything=all, older_than_s=to_seconds(older_than))
    for error in refused:
        logger.warning("Cannot clean up: %s", error)
    return cleaned


def clean_up(*, everything: bool, older_than_s: float | None = None) -> tuple[list[str], list[HTMapException]]:
    """As `clean`; also gives what kept maps from being removed."""
    home = Home.of(settings)
    wanted, refused = to_be_cleaned(everything=everything, older_than_s=older_than_s)
    cleaned = []
    for tag in wanted:
        try:
            remove(tag, not_exist_ok=False)
            cleaned.append(tag)
        except (TagNotFound, MapWasRemoved):
            continue  # somebody else was quicker
        except HTMapException as error:
            refused.append(error)
    sweep(home, BackendsOf(home, settings))
    return cleaned, refused


def to_be_cleaned(*, everything: bool, older_than_s: float | None) -> tuple[list[str], list[HTMapException]]:
    """The tags of the maps that `clean` would remove; and what is wrong with those of which that cannot be known."""
    home = Home.of(settings)
    latest = float("inf") if older_than_s is None else time.time() - older_than_s
    wanted: list[str] = []
    refused: list[HTMapException] = []
    for tag in get_tags():
        try:
            found = tags.find(home, tag) if latest != float("inf") or not everything else None
            if found is None or ((everything or found.transient) and _made(home, found.uid) < latest):
                wanted.append(tag)
        except (TagNotFound, MapWasRemoved):
            continue
        except HTMapException as error:
            refused.append(error)
    return wanted, refused


def _made(home: Home, uid: str) -> float:
    """When a map was made, in seconds since 1970; of a damaged one, when its directory was last changed."""
    map_dir = home.map(uid)
    try:
        return MapRecord.load(map_dir.map).created
    except DamagedFile:
        with storage_errors(f"look at {map_dir.path}"):
            return map_dir.path.stat().st_mtime
