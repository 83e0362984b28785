"""What events tell of the runs of a job: when, where, what it used and what it had asked for.

In: the text of one event (`htmap.observe.events`). Out: whole numbers and names, for `htmap.observe.fold`. What an
event does not say is 0 or empty; nothing here raises.

Source: logs written by HTCondor 23.9 and 25.14, and the section "Job Event Log" of its manual.
"""

from __future__ import annotations

import calendar
import functools
import re
import time
from typing import NamedTuple

_DATE = re.compile(rb"(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.\d+)?(Z?)")
_LONGEST_DATE = 24  # 2026-03-01 10:00:00.123Z
_ALIAS = b"&alias="
_SLOT = re.compile(rb"^\s*SlotName: \S*@(\S+)", re.MULTILINE)
_TABLE = b"Partitionable Resources"
_COLON = b":"
LARGEST = 2**32 - 1
"""What an array of a `JobTable` holds."""


class Resources(NamedTuple):
    """The table of partitionable resources of a terminated job."""

    cpus_percent: int = 0  # of one core, used on average
    request_cpus: int = 0
    disk_kb: int = 0
    request_disk_kb: int = 0
    memory_mb: int = 0
    request_memory_mb: int = 0


_UNKNOWN = Resources()


def when_of(text: bytes) -> int:
    """When an event was written, in seconds since 1970; 0: the log does not write the year."""
    start = text.find(b") ") + 2
    return _unix_time(text[start : start + _LONGEST_DATE])


# Hot: a log has few dates, each many times.
@functools.lru_cache(maxsize=4096)
def _unix_time(date: bytes) -> int:
    found = _DATE.match(date)
    if found is None:
        return 0
    year, month, day, hour, minute, second = (int(number) for number in found.groups()[:6])
    parts = (year, month, day, hour, minute, second, 0, 0, -1)
    try:
        # Without a Z it is the time of the access point, which is here.
        unix_time = int(calendar.timegm(parts) if found[7] else time.mktime(parts))
    except (ValueError, OverflowError):
        return 0
    return unix_time if 0 <= unix_time <= LARGEST else 0


def host_of(text: bytes) -> bytes:
    """The machine on which a job begins to execute; empty: the event does not say."""
    start = text.find(_ALIAS)
    if start >= 0:
        start += len(_ALIAS)
        end = text.find(b">", start)
        more = text.find(b"&", start, end)
        return text[start : end if more < 0 else more]
    found = _SLOT.search(text)
    return found[1] if found else b""


def resources_of(text: bytes) -> Resources:
    """What a terminated job has used and requested."""
    start = text.find(_TABLE)
    return _UNKNOWN if start < 0 else _resources(text[start : text.find(b"\n\n", start)])


# The jobs of a map are like one another.
@functools.lru_cache(maxsize=4096)
def _resources(table: bytes) -> Resources:
    rows = {}
    for line in table.split(b"\n")[1:]:
        name, _, values = line.partition(_COLON)
        rows[name.strip()] = _used_and_requested(values.split())
    cpus, request_cpus = rows.get(b"Cpus", (0.0, 0.0))
    disk_kb, request_disk_kb = rows.get(b"Disk (KB)", (0.0, 0.0))
    memory_mb, request_memory_mb = rows.get(b"Memory (MB)", (0.0, 0.0))
    return Resources(
        _whole(100 * cpus),
        _whole(request_cpus),
        _whole(disk_kb),
        _whole(request_disk_kb),
        _whole(memory_mb),
        _whole(request_memory_mb),
    )


_WITH_USAGE = 3  # usage, request, allocated; what was not measured leaves its column empty


def _used_and_requested(values: list[bytes]) -> tuple[float, float]:
    try:
        numbers = [float(value) for value in values[:_WITH_USAGE]]
    except ValueError:
        return 0.0, 0.0
    if len(numbers) == _WITH_USAGE:
        return numbers[0], numbers[1]
    return 0.0, numbers[0] if numbers else 0.0


def _whole(number: float) -> int:
    return int(min(max(number, 0.0), LARGEST)) if number == number else 0  # noqa: PLR0124 - not a number
