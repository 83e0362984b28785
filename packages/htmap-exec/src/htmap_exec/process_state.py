"""What one component leaves behind in its process, and the next one in the same job is not to find.

In: the process before the first component. Out: the same state again, before each of the others.
On the other side: functions that were written as programs of their own. What is reset here is said to users in
``docs/tutorials/large-maps.md``; what they load and keep (modules, globals, caches, the environment) stays on purpose.
"""

from __future__ import annotations

import _locale
import contextlib
import os
import signal
import sys
from typing import Any

from .timers import stop_timers

_SIGNALS = frozenset(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP}


class ProcessState:
    """The state at the moment when this is made."""

    def __init__(self) -> None:
        self._handlers = {number: signal.getsignal(number) for number in _SIGNALS}
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        self._umask = os.umask(0o077)
        os.umask(self._umask)
        self._arguments = list(sys.argv)
        self._locale = _locale.setlocale(_locale.LC_ALL)
        self._recursion_limit = sys.getrecursionlimit()
        self._warnings: Any = None
        self._watch_warnings()

    def reset(self) -> None:
        """Make the process what it was."""
        stop_timers()
        for number, handler in self._handlers.items():
            # None: set by something that is not Python, and cannot be set again.
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        os.umask(self._umask)
        sys.argv = list(self._arguments)
        if _locale.setlocale(_locale.LC_ALL) != self._locale:
            _locale.setlocale(_locale.LC_ALL, self._locale)
        sys.settrace(None)
        sys.setprofile(None)
        sys.setrecursionlimit(self._recursion_limit)
        if self._warnings is not None:
            self._warnings.__exit__(None, None, None)
        self._watch_warnings()
        _seed_anew()

    def _watch_warnings(self) -> None:
        warnings = sys.modules.get("warnings")
        if warnings is not None:
            self._warnings = warnings.catch_warnings()
            self._warnings.__enter__()


def _seed_anew() -> None:
    """Make random numbers as random as in a process of one's own: a seed set by one component is not the next one's."""
    for name in ("random", "numpy.random"):
        module = sys.modules.get(name)
        with contextlib.suppress(Exception):
            if module is not None:
                module.seed()
