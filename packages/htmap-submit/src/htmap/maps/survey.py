"""Look at all maps at once: which there are, how they stand, and what is broken.

In: HTMAP_DIR. Out: maps, and plain values for `htmap.show`. One broken map never spoils the rest: it is listed with
what to do about it. Cheap with a thousand maps: a few small files and the news of the event log for each.
"""

from __future__ import annotations

import contextlib
import fnmatch
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from htmap.backend.select import BackendsOf
from htmap.exceptions import HTMapException, MapWasRemoved, TagNotFound
from htmap.lifecycle.standing import Standing, has_events, standing
from htmap.maps.acting import Map
from htmap.maps.overview import Overview, overview
from htmap.observe.pace import Deadline
from htmap.settings import settings
from htmap.show.lines import BrokenMap, MapLine, MapUsage
from htmap.show.units import count
from htmap.store import tags
from htmap.store.atomic import is_there, storage_errors
from htmap.store.mapdir import Home, MapDir
from htmap.store.sizes import Sizes

# What a listing may spend, over all maps, on asking queues about maps whose log is silent.
_PATIENCE_S = 0.5
_MB = 1024 * 1024

_CUT_SHORT = "It was being made, or removed, by a process that was killed: `htmap clean` sweeps up what is left of it."


@dataclass(slots=True)
class Survey:
    """What there is below HTMAP_DIR; maps in the order of their tags."""

    maps: dict[str, Map] = field(default_factory=dict)  # by tag
    broken: list[BrokenMap] = field(default_factory=list)
    of_old_tool: BrokenMap | None = None  # all of them as one: nothing is wrong with them

    @property
    def unusable(self) -> list[BrokenMap]:
        """What a listing says below the maps."""
        return self.broken + ([self.of_old_tool] if self.of_old_tool else [])


def matching(home: Home, pattern: str | None) -> Iterator[str]:
    """The names below ``tags/`` that fit a glob-style pattern (None: all), whatever they name."""
    return (tag for tag in tags.names(home) if fnmatch.fnmatchcase(tag, pattern or "*"))


def is_map(home: Home, tag: str) -> bool:
    """Whether a tag names a map, or something wrong with one: anything but what a killed process left."""
    try:
        map_dir = home.map(tags.find(home, tag).uid)
        with storage_errors(f"look at the map in {map_dir.path}"):
            if map_dir.submission(0).submission.exists() and has_events(map_dir):
                return True  # no map need be opened for it
        return is_there(map_dir.path) and standing(map_dir, BackendsOf(home, settings)) is Standing.MAP
    except TagNotFound:
        return False
    except HTMapException:
        return True


def survey(home: Home, pattern: str | None = None) -> Survey:
    """Load the maps whose tags fit a pattern; without one, look also at what has no tag."""
    found = Survey()
    seen = set()
    for tag in matching(home, pattern):
        try:
            loaded = Map.load(tag)
        except TagNotFound:
            if _is_cut_short(home, tag):
                found.broken.append(BrokenMap(tag, _CUT_SHORT))
        except MapWasRemoved:
            continue
        except HTMapException as error:
            found.broken.append(BrokenMap(tag, str(error)))
        else:
            found.maps[tag] = loaded
            seen.add(loaded.opened.directory.uid)
            continue
        with contextlib.suppress(HTMapException):
            seen.add(tags.find(home, tag).uid)
    if pattern is None:
        found.broken += _without_tag(home, seen)
        found.of_old_tool = _of_old_tool(home)
    return found


def _is_cut_short(home: Home, tag: str) -> bool:
    """Whether nobody is at work on a tag that names no map."""
    try:
        map_dir = home.map(tags.find(home, tag).uid)
        return not is_there(map_dir.path) or standing(map_dir, BackendsOf(home, settings)) is Standing.LEFTOVER
    except HTMapException:
        return False  # gone by now


def _without_tag(home: Home, seen: set[str]) -> Iterator[BrokenMap]:
    for map_dir in home.map_directories():
        if map_dir.uid not in seen:
            problem = _problem_without_tag(home, map_dir)
            if problem:
                yield BrokenMap(str(map_dir.path), problem)
    for path in home.foreign():
        yield BrokenMap(str(path), "HTMap did not put it there: move it elsewhere.")


def _of_old_tool(home: Home) -> BrokenMap | None:
    if old := len(home.maps_of_old_tool()):
        maps = count(old, "map")
        return BrokenMap(
            str(home.maps),
            f"{maps} of the HTMap before this one: left alone, as only that version can load or remove them. To keep "
            "them apart, use another HTMAP_DIR.",
        )
    return None


def _problem_without_tag(home: Home, map_dir: MapDir) -> str | None:
    try:
        match standing(map_dir, BackendsOf(home, settings)):
            case Standing.LEFTOVER:
                return _CUT_SHORT
            case Standing.MAP:
                return "It is a map, but no tag names it any more: delete this directory if you do not need it."
            case Standing.BEING_MADE:
                return None
    except HTMapException as error:
        return str(error) if is_there(map_dir.path) else None


def lines(
    home: Home, maps: Mapping[str, Map], *, with_state: bool = True, with_usage: bool = True
) -> tuple[list[MapLine], list[BrokenMap]]:
    """How maps stand: a line for each, but for those that turn out to be broken, or are gone by now."""
    sizes = Sizes(home)
    shown, broken = [], []
    deadline = Deadline(_PATIENCE_S)
    for tag, each in maps.items():
        try:
            now = overview(each.opened)
            if with_state and now.is_active and deadline.remaining_s() > 0:
                now = overview(each.opened, may_ask_queue=True)
            shown.append(
                MapLine(
                    tag=tag,
                    counts=now.counts if with_state else None,
                    usage=_usage(now, sizes.of(each.opened.directory)) if with_usage else None,
                    is_transient=_is_transient(home, tag),
                    created=each.opened.record.created,
                    age_s=time.time() - each.opened.record.created,
                )
            )
        except HTMapException as error:
            broken.append(BrokenMap(tag, str(error)))
    sizes.save()
    return shown, broken


def _is_transient(home: Home, tag: str) -> bool:
    with contextlib.suppress(TagNotFound):  # it has got another one since
        return tags.find(home, tag).transient
    return False


def _usage(now: Overview, size_bytes: int) -> MapUsage:
    totals = now.totals
    return MapUsage(
        local_data=size_bytes,
        max_memory=now.peak_memory_mb * _MB,
        max_runtime=totals.longest_cpu_s,
        total_runtime=totals.cpu_s,
        max_wall_time=totals.longest_wall_s,
        total_wall_time=totals.wall_s,
    )
