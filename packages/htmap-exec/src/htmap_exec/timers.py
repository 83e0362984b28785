"""Timers that a component has left running.

In: a process whose component has returned. Out: the same without a signal that is yet to come.
On the other side: the record of that component, which is not written yet, and the component after it.
"""

from __future__ import annotations

import signal

_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)


def stop_timers() -> None:
    """Stop what would interrupt, or end, whatever comes next."""
    for timer in _TIMERS:
        signal.setitimer(timer, 0)
