"""Frames of a traceback as plain data.

In: the traceback of an exception. Out: for each frame of the user's where it was, the line if that is known to be what
ran, and its local variables as short texts; those whose text is up to code of the user's are left to be made later.
On the other side: `htmap_exec.describe_exception`, and the files that frames name, which may be anything by now.
"""

from __future__ import annotations

import itertools
import linecache
import os
import stat
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any

from .short_reprs import LONGEST, GuardedText, plain_text, short_repr

_MOST_FRAMES = 50
_MOST_LOCALS = 30
_LARGEST_SOURCE = 8 * 1024 * 1024
_LIBRARIES = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_STANDARD_LIBRARY = os.path.join(os.path.dirname(os.__file__), "")


def describe_frames(
    traceback: TracebackType | None, *, with_locals: bool, started: float
) -> tuple[list[dict[str, Any]], int]:
    """The frames that are not the runner's own, the outermost first; and how many of them are left out."""
    entries = list(_user_frames(traceback))
    return [_describe(entry, with_locals=with_locals, started=started) for entry in _both_ends(entries)], max(
        0, len(entries) - _MOST_FRAMES
    )


def _user_frames(entry: TracebackType | None) -> Iterator[TracebackType]:
    """Yield the entries of a traceback, from the first one that is not the runner's own."""
    while entry is not None and _is_ours(entry):
        entry = entry.tb_next
    while entry is not None:
        yield entry
        entry = entry.tb_next


def _is_ours(entry: TracebackType) -> bool:
    name = entry.tb_frame.f_globals.get("__name__")
    return type(name) is str and name.startswith(("htmap_exec.", "htmap_common."))


def _both_ends(entries: list[TracebackType]) -> list[TracebackType]:
    """Leave out the middle of a deep recursion."""
    if len(entries) <= _MOST_FRAMES:
        return entries
    half = _MOST_FRAMES // 2
    return entries[:half] + entries[-half:]


def _describe(entry: TracebackType, *, with_locals: bool, started: float) -> dict[str, Any]:
    code, line = entry.tb_frame.f_code, entry.tb_lineno or 0
    return {
        "file": plain_text(code.co_filename),
        "line": line,
        "function": plain_text(code.co_name),
        # Empty for a function that travelled as a pickle: its source is on the submit side.
        "code": plain_text(_line(entry.tb_frame, line, started)),
        "locals": _locals(entry.tb_frame) if with_locals and not is_of_library(code.co_filename) else {},
    }


def is_of_library(path: str) -> bool:
    """Whether a file belongs to Python or to a package that was installed."""
    return path.startswith((_STANDARD_LIBRARY, "<frozen ")) or any(part in path for part in _LIBRARIES)


def _locals(frame: FrameType) -> dict[str, str | GuardedText]:
    variables = frame.f_locals
    # A dictionary, or from 3.13 on a view; but any mapping, with any code, after exec(code, {}, mapping).
    if type(variables).__module__ != "builtins":
        return {}
    some = itertools.islice(variables.items(), _MOST_LOCALS)
    return {plain_text(name): short_text(value) for name, value in some if type(name) is str}


def short_text(value: object) -> str | GuardedText:
    """A short text of a value; to be made later, if code of the user's has to be asked."""
    text = short_repr(value)
    if text is not None:
        return text
    return GuardedText(lambda: repr(value), f"{plain_text(type(value).__name__)} whose repr", LONGEST)


def _line(frame: FrameType, number: int, started: float) -> str:
    """The text of a line, if it is known to be what ran."""
    path = frame.f_code.co_filename
    known = linecache.cache.get(path)
    if known is not None and len(known) > 1 and known[1] is None:
        # Made while the process ran: by IPython, doctest, attrs. There is no file that could have changed.
        lines = known[2]
        return lines[number - 1].strip() if 0 < number <= len(lines) else ""
    if not _is_what_ran(frame, path, started):
        return ""
    return linecache.getline(path, number, frame.f_globals).strip()


def _is_what_ran(frame: FrameType, path: str, started: float) -> bool:
    # Not of a module that was imported here: a function that came as a pickle. What is in a file of that name here, if
    # there is any, may be anything.
    loader = getattr(frame.f_globals.get("__spec__"), "loader", None)
    if loader is None or not hasattr(loader, "get_source"):
        return False
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return True  # in a zip: the loader knows its source
    return is_readable_source(status) and status.st_mtime <= started


def is_readable_source(status: os.stat_result) -> bool:
    """Whether a file may be opened to show a line: a FIFO would wait for a writer, a disk image would fill memory."""
    return stat.S_ISREG(status.st_mode) and status.st_size <= _LARGEST_SOURCE
