"""Remote tracebacks as text.

In: an exception in a record. Out: frames as Python prints them, with the lines of files that are here and have not
changed since the map was made.
"""

from __future__ import annotations

import linecache
import re
import traceback
from collections.abc import Iterable
from pathlib import Path

from htmap.results.visible import visible
from htmap_common.wire import RemoteException, RemoteFrame

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
        is_known = Path(path).stat().st_mtime <= created
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


def format_chain(exception: RemoteException, created: float = 0.0) -> str:
    """The remote traceback of an exception, for a terminal. `created`: when the map was made, in seconds since 1970."""
    lines = [
        "Traceback on the execute node (most recent call last):",
        format_stack(stack_of(exception.frames, created)),
    ]
    lines.append(headline(exception))
    lines += exception.notes
    return visible("\n".join(line for line in lines if line))
