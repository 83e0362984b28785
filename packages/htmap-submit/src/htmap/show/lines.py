"""What a listing says of each map, as plain values; `htmap.maps.survey` fills them in, its neighbours show them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from htmap.observe.statuses import ACTIVE, ComponentStatus


@dataclass(frozen=True, slots=True)
class MapUsage:
    """What a map has used so far. Memory and time are those of its jobs, as the event log reports them.

    Parameters
    ----------
    local_data
        Bytes in its directory.
    max_memory
        Peak memory of the job that needed most, in bytes; 0: none has reported yet.
    max_runtime, total_runtime
        User and system time of the job that took most of it among those that have ended, and of all of them, in
        seconds.
    max_wall_time, total_wall_time
        Time from start to end of the longest of the jobs that have ended, in its last run, and of all of them, in
        seconds.
    """

    local_data: int
    max_memory: int
    max_runtime: int
    total_runtime: int
    max_wall_time: int = 0
    total_wall_time: int = 0


@dataclass(frozen=True, slots=True)
class MapLine:
    """One map of a listing; without counts or usage where they are not wanted.

    Parameters
    ----------
    created
        When it was made, in seconds since 1970.
    age_s
        How long ago that was, at the moment of the listing; None: it is not to be shown.
    """

    tag: str
    counts: Mapping[ComponentStatus, int] | None
    usage: MapUsage | None
    is_transient: bool = False
    created: float = 0.0
    age_s: float | None = None

    @property
    def is_active(self) -> bool:
        """Whether something may still happen to any component, as far as the counts say."""
        return not ACTIVE.isdisjoint(self.counts or ())


_ORDERS: Mapping[str, Callable[[MapLine], Any]] = {
    "tag": lambda line: line.tag,
    "created": lambda line: line.created,
    "disk": lambda line: line.usage.local_data if line.usage else 0,
    "memory": lambda line: line.usage.max_memory if line.usage else 0,
    "wall": lambda line: line.usage.total_wall_time if line.usage else 0,
    "cpu": lambda line: line.usage.total_runtime if line.usage else 0,
}
ORDERS = tuple(_ORDERS)
"""What a listing can be sorted by."""


def in_order(lines: Iterable[MapLine], order: str) -> list[MapLine]:
    """Lines by one of `ORDERS`; with a ``-`` before it, the largest first."""
    return sorted(lines, key=_ORDERS[order.lstrip("-")], reverse=order.startswith("-"))


@dataclass(frozen=True, slots=True)
class BrokenMap:
    """Something that should be a map, but cannot be used.

    Parameters
    ----------
    name
        Its tag; or its path, if it has none.
    problem
        What is wrong with it, and what to do.
    """

    name: str
    problem: str
