"""Wait until something happens: a signal, or the end of a time.

In: signals of the kernel. Out: a call that returns early. On the other side: the loop of the supervisor.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Callable

_MOST_SIGNALS = 4096


class Wakeup:
    """What ends a wait early. For the main thread, once.

    Parameters
    ----------
    stop
        Called when this process is asked to end (SIGTERM, SIGINT).
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self._readable, writable = os.pipe()
        for end in (self._readable, writable):
            os.set_blocking(end, False)
        # The number of each signal that has a handler is written here, also when nobody waits at that moment.
        signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
        # Handlers that do nothing, not SIG_IGN: jobs would inherit that a signal is ignored.
        for ending in (signal.SIGTERM, signal.SIGINT):
            signal.signal(ending, lambda _number, _frame: stop())
        for other in (signal.SIGCHLD, signal.SIGHUP):
            signal.signal(other, lambda _number, _frame: None)
        # The shell that starts the supervisor in the background ignores it.
        signal.signal(signal.SIGQUIT, signal.SIG_DFL)

    def wait(self, timeout_s: float) -> None:
        """Return when there was a signal since the last call, or after a while."""
        select.select([self._readable], [], [], timeout_s)
        with contextlib.suppress(BlockingIOError):
            os.read(self._readable, _MOST_SIGNALS)
