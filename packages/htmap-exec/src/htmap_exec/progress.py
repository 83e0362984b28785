"""What the keeper and the worker tell each other: a page of memory that they share, and how the worker ended.

In: the worker says which component it is at, how far, and how the job ended; the keeper, that the job is to stop.
Out: each reads what the other said. The page outlives the worker, however that dies.
"""

from __future__ import annotations

import mmap
import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import resource

_STOPPING_AT = 0
_EXIT_CODE_AT = 8
_POSITION_AT = 16
_EXIT_CODE = struct.Struct("=i")
_POSITION = struct.Struct("=qdddid")
_NONE = -1

NEXT_WORKER = -2
"""Said in the place of an exit code: the worker has done its part, and another one is to do the rest."""


class Position(NamedTuple):
    """Where the worker is.

    Attributes
    ----------
    component
        The component in progress, or the one that was finished last; None: the worker has not begun any.
    started
        Unix seconds.
    user_cpu_s, system_cpu_s
        What the worker had used when the component started.
    write_errno
        Not 0: the component is done, but its record could not be written, and the worker has left.
    returned_at
        Not 0: when, on the clock of time.monotonic(), the component had returned and what it has left for the end of
        the program began.
    """

    component: int | None
    started: float = 0.0
    user_cpu_s: float = 0.0
    system_cpu_s: float = 0.0
    write_errno: int = 0
    returned_at: float = 0.0


class Ended(NamedTuple):
    """How a worker ended.

    Attributes
    ----------
    exit_code
        As `os.waitstatus_to_exitcode` gives it: negative means a signal.
    usage
        What it and its children used, over all components that it ran.
    """

    exit_code: int
    usage: resource.struct_rusage


class Progress:
    """The shared page. Made by the keeper, before it forks."""

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, _POSITION_AT + _POSITION.size)
        self.reset()

    def reset(self) -> None:
        """Keeper: forget what the last worker said."""
        self.set_position(Position(None))
        self.set_exit_code(_NONE)

    def set_position(self, position: Position) -> None:
        """Worker: say which component is in progress."""
        component = _NONE if position.component is None else position.component
        _POSITION.pack_into(self._page, _POSITION_AT, component, *position[1:])

    def position(self) -> Position:
        """Keeper: read where the worker is, or was when it died."""
        component, *rest = _POSITION.unpack_from(self._page, _POSITION_AT)
        return Position(None if component == _NONE else component, *rest)

    def set_exit_code(self, exit_code: int) -> None:
        """Worker: say that the job is done. Its own exit status would not do: the user's function can set that too."""
        _EXIT_CODE.pack_into(self._page, _EXIT_CODE_AT, exit_code)

    def exit_code(self) -> int | None:
        """Keeper: the exit code of the job, or None if the worker ended before it was done."""
        (exit_code,) = _EXIT_CODE.unpack_from(self._page, _EXIT_CODE_AT)
        return None if exit_code == _NONE else exit_code

    def set_stopping(self) -> None:
        """Keeper: say that the job is being evicted."""
        self._page[_STOPPING_AT] = 1

    def is_stopping(self) -> bool:
        """Worker: whether what goes wrong from now on may be only the eviction."""
        return self._page[_STOPPING_AT] != 0
