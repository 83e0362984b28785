"""Wait for something to become true of a map, at next to no cost.

One stat of the event log at each look; the looks get rarer while nothing happens and quicker when something does.
"""

from __future__ import annotations

import datetime as dt
import math
import numbers
import time
from collections.abc import Callable

from htmap.exceptions import TimeoutError, WrongType  # noqa: A004 - ours

Timeout = int | float | dt.timedelta | None

_SHORTEST_S = 0.005
_GROWTH = 1.5
_IDLE_SHARE = 10  # times as long asleep as at work, up to the longest pause


def seconds(timeout: Timeout) -> float | None:
    """A timeout in seconds; None: for ever.

    Raises
    ------
    htmap.exceptions.WrongType
        It is no timeout.
    """
    if timeout is None:
        return None
    wait_s = timeout.total_seconds() if isinstance(timeout, dt.timedelta) else timeout
    if not isinstance(wait_s, numbers.Real) or math.isnan(wait_s):
        raise WrongType(f"A timeout must be a number of seconds, a timedelta, or None for ever, not {timeout!r}.")
    return float(wait_s)


class Deadline:
    """A moment after which one stops waiting."""

    def __init__(self, timeout: Timeout) -> None:
        wait_s = seconds(timeout)
        self._at = None if wait_s is None else time.monotonic() + wait_s

    def remaining_s(self) -> float:
        """Seconds left; infinite if there is no deadline."""
        return float("inf") if self._at is None else self._at - time.monotonic()

    def check(self, waiting_for: Callable[[], str]) -> None:
        """Raise `htmap.exceptions.TimeoutError` if the moment has come."""
        if self.remaining_s() <= 0:
            raise TimeoutError(f"Timed out while waiting for {waiting_for()}.")


class Pacer:
    """Sleeps between looks: shortly after news, longer and longer without; and long beside what a look costs."""

    def __init__(self, longest_s: float) -> None:
        self._longest_s = longest_s
        self._pause_s = _SHORTEST_S
        self._woke = time.monotonic()

    def saw_news(self) -> None:
        """Something happened: look again soon."""
        self._pause_s = _SHORTEST_S

    def pause(self, at_most_s: float = float("inf")) -> None:
        """Sleep until it is time for the next look."""
        busy_s = time.monotonic() - self._woke
        pause_s = max(self._pause_s, _IDLE_SHARE * busy_s)
        time.sleep(max(0.0, min(pause_s, self._longest_s, at_most_s)))
        self._pause_s *= _GROWTH
        self._woke = time.monotonic()


def wait_until(
    is_true: Callable[[], bool],
    refresh: Callable[[], bool],
    longest_s: float,
    timeout: Timeout,
    waiting_for: Callable[[], str],
) -> None:
    """Refresh until something is true.

    Raises
    ------
    htmap.exceptions.TimeoutError
        It did not become true in time; the message says what was waited for.
    """
    deadline, pacer = Deadline(timeout), Pacer(longest_s)
    while True:
        if refresh():
            pacer.saw_news()
        if is_true():
            return
        deadline.check(waiting_for)
        pacer.pause(deadline.remaining_s())
