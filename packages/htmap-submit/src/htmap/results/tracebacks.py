"""Remote tracebacks as text.

In: an exception in a record. Out: frames as Python prints them, with the lines of files that are here and have not
changed since the map was made.
"""

from __future__ import annotations

import linecache
import re
import stat
import traceback
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from htmap_common.wire import RemoteException, RemoteFrame
from htmap_common.wording import visible

_LARGEST_SOURCE = 8 * 1024 * 1024
_CELL = re.compile(r"/ipykernel_\d+/|<ipython-input-")


def headline(exception: RemoteException) -> str:
    """Type and message of an exception, in a line."""
    return f"{exception.type}: {exception.message}" if exception.message else exception.type


def stack_of(frames: Iterable[RemoteFrame], created: float) -> traceback.StackSummary:
    """The frames of an exception. `created`: when the map was made, in seconds since 1970."""
    return traceback.StackSummary.from_list(
        [
            traceback.FrameSummary(
                frame.file,
                frame.line,
                frame.function,
                lookup_line=False,
                line=frame.code or _line_here(frame.file, frame.line, created),
                # Reprs already: FrameSummary would take the repr of each.
                locals={name: _Verbatim(shown) for name, shown in frame.locals.items()} or None,
            )
            for frame in frames
        ]
    )


def _line_here(path: str, number: int, created: float) -> str:
    """The line of a file that was not on the node: a script of the user's, unless it has changed since it was sent."""
    try:
        # Whatever a frame says: a FIFO would wait for a writer, a disk image would fill the memory.
        status = Path(path).stat()
        is_source = stat.S_ISREG(status.st_mode) and status.st_size <= _LARGEST_SOURCE
        is_known = is_source and status.st_mtime <= created
    except (OSError, ValueError):
        # No file: a cell of this notebook, perhaps. Its name is made of what is in it.
        is_known = _CELL.search(path) is not None and path in linecache.cache
    return linecache.getline(path, number).strip() if is_known and number else ""


class _Verbatim(str):
    """Text whose repr is itself."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def format_stack(stack: traceback.StackSummary) -> str:
    """The frames as Python prints them, local variables indented below each."""
    return "".join(stack.format()).rstrip("\n")


def format_exception(exception: RemoteException, created: float = 0.0) -> str:
    """An exception, what led to it, and what it is a group of, for a terminal: as Python prints them.

    Parameters
    ----------
    created
        When the map was made, in seconds since 1970.
    """
    return visible("\n".join(_lines_of(exception, created)))


def headlines(exception: RemoteException) -> list[str]:
    """A line each for what led to an exception, the nearest first, and for the members of a group."""
    ancestors = [f"{_SHORT[each.relation]} {_first_line(each)}" for each in exception.chain if each.relation in _SHORT]
    return ancestors + [f"member {number}: {_first_line(each)}" for number, each in enumerate(exception.members, 1)]


_SHORT = {"cause": "caused by", "context": "while handling"}
_RELATIONS = {
    "cause": "The above exception was the direct cause of the following exception:",
    "context": "During handling of the above exception, another exception occurred:",
}
_OF_WORKERS = ("_RemoteTraceback", "RemoteTraceback")
"""What concurrent.futures and multiprocessing make the cause of an exception: its traceback in another process."""


def _first_line(exception: RemoteException) -> str:
    if exception.type in _OF_WORKERS:
        return "a traceback in a worker process"
    return next(iter(headline(exception).splitlines()), "")


def _lines_of(exception: RemoteException, created: float) -> Iterator[str]:
    for ancestor in reversed(exception.chain):
        yield from _lines_of_one(ancestor, created)
        yield from ("", _RELATIONS.get(ancestor.relation, "And then:"), "")
    yield from _lines_of_one(exception, created)


def _lines_of_one(exception: RemoteException, created: float) -> Iterator[str]:
    if exception.type in _OF_WORKERS:
        yield "In a worker process:"
        yield exception.message.strip().strip('"').strip()
        return
    yield "Traceback on the execute node (most recent call last):"
    yield from _stack_lines(exception, created)
    yield headline(exception)
    yield from exception.notes
    for number, member in enumerate(exception.members, 1):
        yield f"  +---------------- {number} ----------------"
        for text in _lines_of(member, created):
            yield from (f"  | {line}".rstrip() for line in text.split("\n"))
    if exception.members_left_out:
        yield f"  + and {exception.members_left_out} more"


def _stack_lines(exception: RemoteException, created: float) -> Iterator[str]:
    parts: list[Sequence[RemoteFrame]] = [exception.frames]
    if exception.frames_left_out:
        half = len(exception.frames) // 2
        parts = [exception.frames[:half], exception.frames[half:]]
    for number, part in enumerate(parts):
        if number > 0:
            yield f"  [{exception.frames_left_out} frames left out]"
        if part:
            yield format_stack(stack_of(part, created))
