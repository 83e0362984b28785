"""How ``htmap`` ends: the exit codes that scripts may rely on, and which error has which."""

from __future__ import annotations

import enum

from htmap.exceptions import (
    BackendError,
    HTMapException,
    InvalidOption,
    InvalidTag,
    MapComponentError,
    MapComponentHeld,
    MapComponentRemoved,
    MapWasRemoved,
    NoSuchComponent,
    TagNotFound,
    TimeoutError,  # noqa: A004 - ours
)


class Exit(enum.IntEnum):
    """An exit code."""

    DONE = 0
    FAILED = 1
    USAGE = 2  # click's own, too
    NOT_FOUND = 3
    ERRORED = 4
    HELD = 5
    REMOVED = 6
    TIMED_OUT = 7
    QUEUE = 8
    INTERRUPTED = 130  # 128 + SIGINT, as shells have it
    PIPE_CLOSED = 141  # 128 + SIGPIPE, likewise


MEANINGS = {
    Exit.DONE: "all is well",
    Exit.FAILED: "it could not be done, as the message says; doctor: it found something wrong",
    Exit.USAGE: "the command line makes no sense",
    Exit.NOT_FOUND: "there is no such map or component",
    Exit.ERRORED: "components have raised, or left no output (wait, debug)",
    Exit.HELD: "components are held: nothing more happens until they are released (wait)",
    Exit.REMOVED: "components were removed from the queue (wait)",
    Exit.TIMED_OUT: "the time was up first",
    Exit.QUEUE: "the queue refused, or cannot be reached",
    Exit.INTERRUPTED: "Ctrl-C",
    Exit.PIPE_CLOSED: "nobody reads the output any more",
}

_OF_ERRORS: tuple[tuple[type[HTMapException], Exit], ...] = (
    (InvalidOption, Exit.USAGE),
    (InvalidTag, Exit.USAGE),
    (TagNotFound, Exit.NOT_FOUND),
    (MapWasRemoved, Exit.NOT_FOUND),
    (NoSuchComponent, Exit.NOT_FOUND),
    (MapComponentError, Exit.ERRORED),
    (MapComponentHeld, Exit.HELD),
    (MapComponentRemoved, Exit.REMOVED),
    (TimeoutError, Exit.TIMED_OUT),
    (BackendError, Exit.QUEUE),
)


def exit_of(error: HTMapException) -> Exit:
    """The exit code for an error."""
    return next((code for kind, code in _OF_ERRORS if isinstance(error, kind)), Exit.FAILED)
