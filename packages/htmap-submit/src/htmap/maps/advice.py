"""What to ask for next time, from what the jobs of a map have used.

In: the columns of the fold: of each job that ended well, what it used beside what it asked for. Out: advice, each with
the option that follows it. Nothing is opened.

The rule: from `ENOUGH` jobs on, the request should be the largest peak that was seen, and a fourth of it on top,
rounded up. The largest, not a quantile: a pool may hold whoever takes more than they asked for, and the next map has as
many chances to meet the largest as this one had. A request is called too large if it is half as much again as that,
and too small if less than a tenth of it was left.
"""

from __future__ import annotations

import itertools
import math
import statistics
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from htmap.backend.protocol import HoldCode
from htmap.maps.opened import Opened
from htmap.observe.fold import JobState, JobTable
from htmap.show.units import duration, size

ENOUGH = 10
"""Jobs from which on something is advised."""

_MARGIN = 1.25
_TOO_LARGE = 1.5
_TOO_SMALL = 0.9
_MB, _KB = 1024**2, 1024
_MEMORY_STEP_MB, _DISK_STEP_MB = 50, 100
_IDLE_SHARE = 0.5  # of the cores that were asked for

_MEMORY_SUBCODES = (0, 102)  # 0: execute points before 24.0.12 do not tell memory from disk

# A job should take much longer than starting it does, when there are many.
_MANY = 100
_SHORT_S = {"htcondor": 60.0, "local": 1.0}
_BETTER_S = {"htcondor": 600.0, "local": 60.0}


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to change next time.

    Parameters
    ----------
    option
        The map option, and the value that it should have, as they are written in `htmap.MapOptions`.
    why
        What was seen, in a sentence.
    """

    option: str
    value: str
    why: str

    def __str__(self) -> str:
        return f"{self.why}: {self.option}={self.value}"


class _Used:
    """Columns of the jobs that ended well: element j of each is of the same job."""

    def __init__(self, tables: Sequence[JobTable]) -> None:
        # Hot: once per job. A compressed array takes 4 bytes for each, at the speed of C.
        masks = [table.states.translate(_ENDED_WELL) for table in tables]

        def column(name: str) -> array[int]:
            found = array("I")
            for table, mask in zip(tables, masks, strict=True):
                found.extend(itertools.compress(getattr(table, name), mask))
            return found

        self.memory_mb, self.request_memory_mb = column("memory_mb"), column("request_memory_mb")
        self.disk_kb, self.request_disk_kb = column("disk_kb"), column("request_disk_kb")
        self.cpus_percent, self.request_cpus = column("cpus_percent"), column("request_cpus")
        times = zip(column("started"), column("ended"), strict=True)
        self.wall_s = array("I", (max(0, ended - started) for started, ended in times))

    def __len__(self) -> int:
        return len(self.wall_s)


_ENDED_WELL = bytes(code in (JobState.RETURNED, JobState.RAISED) for code in range(256))


def _known(used: array[int], asked: array[int]) -> array[int]:
    """What was used, where both are known."""
    return array("I", (one for one, other in zip(used, asked, strict=True) if one and other))


def advice(opened: Opened) -> list[Advice]:
    """What the jobs of a map, as of the last look, tell for the next one; nothing if they are too few."""
    tables = opened.components.tables()
    used = _Used(tables)
    found = _after_holds(tables)
    if len(used) >= ENOUGH:
        found = found or _on_memory(used)
        found += [*_on_disk(used), *_on_cpus(used)]
        found += _on_length(used, opened.record.backend, opened.components.submissions()[0].chunksize)
    return found


def _after_holds(tables: Sequence[JobTable]) -> list[Advice]:
    """Jobs that took more memory than they asked for: what they were held for is all that is known of their need."""
    held = [
        max(table.memory_mb[job], table.request_memory_mb[job])
        for table in tables
        for job, hold in table.holds.items()
        if hold.code == HoldCode.JOB_OUT_OF_RESOURCES and hold.subcode in _MEMORY_SUBCODES
    ]
    if not any(held):
        return []
    largest = max(held)
    value = _up(2 * largest, _MEMORY_STEP_MB)
    return [Advice("request_memory", f'"{value}MB"', f"{len(held)} held for using more than {size(largest * _MB)}")]


def _on_memory(used: _Used) -> list[Advice]:
    known = _known(used.memory_mb, used.request_memory_mb)
    if len(known) < ENOUGH:
        return []
    largest, asked = max(known), max(used.request_memory_mb)
    wanted = _up(largest * _MARGIN, _MEMORY_STEP_MB)
    if not _is_off(largest, asked, wanted):
        return []
    typical = sorted(known)[math.ceil(0.95 * len(known)) - 1]
    why = (
        f"asked for {size(asked * _MB)}, 95 % of {len(known):,} jobs used at most {size(typical * _MB)}, "
        f"the largest {size(largest * _MB)}"
    )
    return [Advice("request_memory", f'"{wanted}MB"', why)]


def _on_disk(used: _Used) -> list[Advice]:
    known = _known(used.disk_kb, used.request_disk_kb)
    if len(known) < ENOUGH:
        return []
    largest, asked = max(known), max(used.request_disk_kb)
    wanted = _up(largest * _MARGIN / _KB, _DISK_STEP_MB)
    if not _is_off(largest, asked, wanted * _KB):
        return []
    why = f"asked for {size(asked * _KB)} of disk, the largest of {len(known):,} jobs used {size(largest * _KB)}"
    return [Advice("request_disk", f'"{wanted}MB"', why)]


def _on_cpus(used: _Used) -> list[Advice]:
    known = _known(used.cpus_percent, used.request_cpus)
    if len(known) < ENOUGH:
        return []
    asked, busiest = max(used.request_cpus), max(known) / 100
    if asked == 1 or busiest > _IDLE_SHARE * asked:
        return []
    wanted = max(1, math.ceil(busiest))
    return [Advice("request_cpus", str(wanted), f"asked for {asked} cores, no job kept more than {busiest:.1f} busy")]


def _on_length(used: _Used, backend: str, chunksize: int) -> list[Advice]:
    typical_s = statistics.median_low(used.wall_s)
    if len(used) < _MANY or typical_s >= _SHORT_S.get(backend, 0.0):
        return []
    wanted = chunksize * math.ceil(_BETTER_S[backend] / max(typical_s, 1.0))
    why = f"half of {len(used):,} jobs took at most {duration(typical_s)}, hardly longer than it takes to start them"
    return [Advice("chunksize", str(wanted), why)]


def _is_off(used: float, asked: float, wanted: float) -> bool:
    return asked > _TOO_LARGE * wanted or used > _TOO_SMALL * asked


def _up(amount: float, step: int) -> int:
    """Rounded up, to two digits where it is large."""
    step = max(step, 10 ** (len(str(int(amount))) - 2))
    return step * math.ceil(amount / step)
