"""What a component cost: time, CPU, memory.

In: the state of this process when a component starts and when it is done.
Out: a `Usage`, whose fields are named as in the header of a record.
"""

from __future__ import annotations

import resource
import sys
import time
from typing import NamedTuple


class Usage(NamedTuple):
    """The cost of one component.

    Attributes
    ----------
    started
        Unix seconds.
    wall_s, user_cpu_s, system_cpu_s
        CPU counts this process and those of its children that it has waited for.
    peak_memory_kb
        Resident memory of this process; or of the largest of those children that it has waited for, and theirs, if that
        is larger. As ``/usr/bin/time -v`` counts: those that run at the same time are not added up.
    """

    started: float
    wall_s: float
    user_cpu_s: float
    system_cpu_s: float
    peak_memory_kb: int


class Meter:
    """Starts to count when it is made.

    Parameters
    ----------
    before
        What the component had used by the checkpoint that it goes on from: it counts as if there had been no break.
    """

    def __init__(self, before: Usage | None = None) -> None:
        _forget_peak_memory()
        self._children_kb = _children_peak_memory_kb()
        _, wall_s, user_cpu_s, system_cpu_s, self._peak_memory_kb = before or Usage(0, 0, 0, 0, 0)
        self.started = time.time() - wall_s
        self._clock = time.perf_counter() - wall_s
        user_cpu_now_s, system_cpu_now_s = _cpu_s()
        self.user_cpu_s = user_cpu_now_s - user_cpu_s
        self.system_cpu_s = system_cpu_now_s - system_cpu_s

    def read(self) -> Usage:
        """Say what has been used since this meter was made."""
        user_cpu_s, system_cpu_s = _cpu_s()
        return Usage(
            started=self.started,
            wall_s=time.perf_counter() - self._clock,
            user_cpu_s=user_cpu_s - self.user_cpu_s,
            system_cpu_s=system_cpu_s - self.system_cpu_s,
            peak_memory_kb=max(self._peak_memory_kb, _peak_memory_kb(), self._children_since_kb()),
        )

    def _children_since_kb(self) -> int:
        """The largest child, if it is larger than all those before this meter: of others the kernel says nothing."""
        now_kb = _children_peak_memory_kb()
        return now_kb if now_kb > self._children_kb else 0


def max_rss_kb(usage: resource.struct_rusage) -> int:
    """Return the peak memory that the kernel reports, in KB: macOS reports bytes."""
    return usage.ru_maxrss // 1024 if sys.platform == "darwin" else usage.ru_maxrss


def _cpu_s() -> tuple[float, float]:
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + children.ru_utime, own.ru_stime + children.ru_stime


def _forget_peak_memory() -> None:
    """Make the kernel count the peak anew, so that a component is not charged for the ones before it."""
    try:
        with open("/proc/self/clear_refs", "wb", buffering=0) as clear_refs:
            clear_refs.write(b"5")
    except OSError:
        pass  # No /proc, or not allowed: the peak is then that of the process so far.


def _children_peak_memory_kb() -> int:
    return max_rss_kb(resource.getrusage(resource.RUSAGE_CHILDREN))


def _peak_memory_kb() -> int:
    try:
        with open("/proc/self/status", "rb", buffering=0) as status:
            _, label, rest = status.read().partition(b"VmHWM:")
            if label:
                return int(rest.split(None, 1)[0])
    except OSError:
        pass
    # ru_maxrss never falls: it also remembers the peak from before `_forget_peak_memory`.
    return max_rss_kb(resource.getrusage(resource.RUSAGE_SELF))
