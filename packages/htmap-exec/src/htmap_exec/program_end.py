"""Do what a Python program does at its end.

In: a process whose last component has been called. Out: the same process with all done that was left for later: threads
joined, executors drained, atexit handlers run, open files written out.
On the other side: loggers, trackers and pools of workers, which rely on it; and those that never come to an end, which
a watchdog of the interpreter's own ends, together with this process.
"""

from __future__ import annotations

import atexit
import contextlib
import faulthandler
import gc
import io
import sys
from collections.abc import Iterator
from typing import Any

_STDERR = 2


def end_program(limit_s: float) -> None:
    """Do all of it; or, if it takes longer than that, print the stack of each thread and end this process.

    A handler that raises keeps nobody from running the others: as in any program, its traceback goes to stderr.
    """
    # A thread in C, which needs neither the interpreter nor a signal: whatever hangs, it does not hang with it.
    faulthandler.dump_traceback_later(limit_s, exit=True, file=_STDERR)
    try:
        _join_threads()
        atexit._run_exitfuncs()  # noqa: SLF001 - as below
        _close_files()
    except Exception:  # noqa: BLE001 - the user's; the interpreter would print it too, and end well
        sys.excepthook(*sys.exc_info())
    finally:
        faulthandler.cancel_dump_traceback_later()


def _join_threads() -> None:
    """Wait for all threads that are not daemons. Executors get nothing new to do, and finish what they have."""
    threading = sys.modules.get("threading")
    if threading is not None:
        threading._shutdown()  # noqa: SLF001 - what the interpreter calls: there is no public way that does not end it


def _close_files() -> None:
    """Write out what open files hold back. Those on top first: each writes into the one below."""
    for file in sorted(_open_files(), key=_height, reverse=True):
        with contextlib.suppress(Exception):
            file.close() if _height(file) == _COMPRESSED else file.flush()


def _open_files() -> Iterator[Any]:
    # What was there before the function was called is frozen (`gc.freeze`), and not looked at.
    concrete: Any = io.IOBase.__base__  # the abstract one is slow to ask
    standard = {id(stream) for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)}
    for each in gc.get_objects():
        if isinstance(each, concrete) and id(each) not in standard:
            with contextlib.suppress(Exception):
                if not each.closed and each.writable():
                    yield each


_TEXT, _COMPRESSED, _BYTES = 2, 1, 0


def _height(file: object) -> int:
    if isinstance(file, io.TextIOWrapper):
        return _TEXT
    # Those of gzip, bz2 and lzma write their end when they are closed.
    return _BYTES if type(file).__module__ == "_io" or isinstance(file, io.RawIOBase) else _COMPRESSED
