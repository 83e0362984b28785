"""Texts that code of the user's makes (``__repr__``, ``__str__``), whatever that code does.

In: functions that return a text. Out: the texts; for each one that did not come, a text that says why.
On the other side: a child process, which has little time and little memory, and which nothing waits for: what sleeps,
prints, crashes, ends Python, or changes what it is asked about, does so there.
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import select
import signal
import struct
import time
import warnings
from collections.abc import Sequence
from typing import NoReturn

from .short_reprs import GuardedText, plain_text

_ALL_S = 5.0
_EACH_S = 0.5
_MEMORY_BYTES = 32 * 1024 * 1024
_PIECE = 65536
_PREFIX = struct.Struct("=II")


def make_texts(wanted: Sequence[GuardedText]) -> list[str]:
    """Make all of them, in a child process, and wait for that no longer than a few seconds."""
    found: dict[int, str] = {}
    # Without a process for it, nothing of the user's is run.
    with contextlib.suppress(OSError):
        found = _read_from_child(wanted)
    return [found.get(number, f"({text.otherwise} did not come to an end)") for number, text in enumerate(wanted)]


def _read_from_child(wanted: Sequence[GuardedText]) -> dict[int, str]:
    reading, writing = os.pipe()
    try:
        with warnings.catch_warnings():
            # From 3.12 on: there are threads. What is locked in the child stays so, and then it is out of time.
            warnings.simplefilter("ignore")
            child = os.fork()
        if child == 0:
            _be_child(wanted, writing)
        os.close(writing)
        try:
            return _parsed(_read(reading, time.monotonic() + _ALL_S))
        finally:
            # None is left where the function has said that it does not care for children (SIGCHLD ignored).
            with contextlib.suppress(OSError):
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
    finally:
        os.close(reading)


def _read(reading: int, deadline: float) -> bytes:
    content = b""
    while (left := deadline - time.monotonic()) > 0:
        ready, _, _ = select.select([reading], [], [], left)
        if not ready:
            break
        piece = os.read(reading, _PIECE)
        if not piece:
            break
        content += piece
    return content


def _parsed(content: bytes) -> dict[int, str]:
    found = {}
    place = 0
    while place + _PREFIX.size <= len(content):
        number, length = _PREFIX.unpack_from(content, place)
        place += _PREFIX.size
        if place + length > len(content):
            break
        found[number] = content[place : place + length].decode("utf-8", "replace")
        place += length
    return found


def _be_child(wanted: Sequence[GuardedText], writing: int) -> NoReturn:
    try:
        gc.disable()  # it would touch, so copy, all memory of the parent
        _limit_memory()
        silence = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(silence, number)
        signal.signal(signal.SIGALRM, _on_alarm)
        for number, text in enumerate(wanted):
            encoded = _made(text).encode("utf-8", "replace")
            os.write(writing, _PREFIX.pack(number, len(encoded)) + encoded)
    finally:
        os._exit(0)


def _made(text: GuardedText) -> str:
    signal.setitimer(signal.ITIMER_REAL, _EACH_S)
    try:
        return plain_text(text.make(), text.length)
    except BaseException as problem:  # noqa: BLE001 - it is the user's
        return f"({text.otherwise} {_what_happened(problem)})"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


class _TooLong(BaseException):
    """A text has taken more than its time."""


def _on_alarm(_number: int, _frame: object) -> None:
    raise _TooLong


def _what_happened(problem: BaseException) -> str:
    return f"took more than {_EACH_S:g} s" if isinstance(problem, _TooLong) else f"raised {type(problem).__name__}"


def _limit_memory() -> None:
    """Let this process take only a little more memory than it has."""
    with contextlib.suppress(OSError, ValueError):
        with open("/proc/self/statm", "rb") as statm:
            has = int(statm.read().split()[0]) * resource.getpagesize()
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (has + _MEMORY_BYTES, hard))
