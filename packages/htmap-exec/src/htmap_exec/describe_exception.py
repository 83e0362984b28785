"""Turn an exception into plain data.

In: an exception, however broken. Out: strings, numbers and lists: the header key ``exception`` of a record.
On the other side: the submit side shows it as an error report, and tools read it, without unpickling anything.
Nothing here may fail: the user's ``__repr__`` and ``__str__`` run here, perhaps right after memory has run out.
"""

from __future__ import annotations

import itertools
import linecache
import reprlib
from collections.abc import Iterator
from types import TracebackType
from typing import Any

from .hints import hint_for

_MESSAGE_LENGTH = 20_000
_MOST_FRAMES = 50
_MOST_LOCALS = 30
_REPR_LENGTH = 200
_LONGEST_CHAIN = 10


def describe(error: BaseException, *, with_locals: bool = True) -> dict[str, Any]:
    """Describe an exception and those that led to it.

    Parameters
    ----------
    with_locals
        Whether to show the local variables of each frame, as short reprs.
    """
    try:
        description = _describe_one(error, with_locals=with_locals)
        description["chain"] = [
            {**_describe_one(other, with_locals=with_locals), "relation": relation}
            for relation, other in _ancestors(error)
        ]
    except BaseException:  # noqa: BLE001 - a poor description is better than none
        return _describe_poorly(error)
    return description


def plain_text(text: str, length: int = _MESSAGE_LENGTH) -> str:
    """Cut a text, and make it one that can be encoded: names of files may hold bytes that are no UTF-8."""
    if len(text) > length:
        text = f"{text[:length]}... ({len(text) - length} more characters)"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _describe_one(error: BaseException, *, with_locals: bool) -> dict[str, Any]:
    entries = list(_user_frames(error.__traceback__))
    description: dict[str, Any] = {
        "type": plain_text(type(error).__qualname__),
        "module": plain_text(str(type(error).__module__)),
        "message": _message_of(error),
        "frames": [_describe_frame(entry, with_locals=with_locals) for entry in _both_ends(entries)],
        "chain": [],
        "notes": [plain_text(str(note)) for note in getattr(error, "__notes__", ())],
    }
    if len(entries) > _MOST_FRAMES:
        description["frames_left_out"] = len(entries) - _MOST_FRAMES
    hint = hint_for(error)
    if hint is not None:
        description["hint"] = plain_text(hint)
    return description


def _describe_poorly(error: BaseException) -> dict[str, Any]:
    return {
        "type": type(error).__name__,
        "module": str(type(error).__module__),
        "message": "(the runner could not describe this exception any further)",
        "frames": [],
        "chain": [],
        "notes": [],
    }


def _message_of(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"The function called sys.exit({_short_repr(error.code)})."
    try:
        return plain_text(str(error))
    except Exception as problem:  # noqa: BLE001 - __str__ is the user's
        return f"(its __str__ raised {type(problem).__name__})"


def _ancestors(error: BaseException) -> Iterator[tuple[str, BaseException]]:
    """Yield what led to an exception, nearest first, the way Python would show it."""
    seen = {id(error)}
    for _ in range(_LONGEST_CHAIN):
        if error.__cause__ is not None:
            relation, ancestor = "cause", error.__cause__
        elif error.__context__ is not None and not error.__suppress_context__:
            relation, ancestor = "context", error.__context__
        else:
            return
        if id(ancestor) in seen:
            return
        seen.add(id(ancestor))
        yield relation, ancestor
        error = ancestor


def _user_frames(entry: TracebackType | None) -> Iterator[TracebackType]:
    """Yield the entries of a traceback, from the first one that is not the runner's own."""
    while entry is not None and _is_ours(entry):
        entry = entry.tb_next
    while entry is not None:
        yield entry
        entry = entry.tb_next


def _is_ours(entry: TracebackType) -> bool:
    return str(entry.tb_frame.f_globals.get("__name__")).startswith(("htmap_exec.", "htmap_common."))


def _both_ends(entries: list[TracebackType]) -> list[TracebackType]:
    """Leave out the middle of a deep recursion."""
    if len(entries) <= _MOST_FRAMES:
        return entries
    half = _MOST_FRAMES // 2
    return entries[:half] + entries[-half:]


def _describe_frame(entry: TracebackType, *, with_locals: bool) -> dict[str, Any]:
    frame, line = entry.tb_frame, entry.tb_lineno
    code = frame.f_code
    return {
        "file": plain_text(code.co_filename),
        "line": line or 0,
        "function": plain_text(code.co_name),
        # Empty for a function that travelled as a pickle: its source is on the submit side.
        "code": plain_text(linecache.getline(code.co_filename, line or 0, frame.f_globals).strip(), _REPR_LENGTH),
        "locals": _describe_locals(frame.f_locals) if with_locals else {},
    }


def _describe_locals(variables: dict[str, Any]) -> dict[str, str]:
    return {plain_text(name): _short_repr(value) for name, value in itertools.islice(variables.items(), _MOST_LOCALS)}


def _short_repr(value: object) -> str:
    try:
        return plain_text(_SHORT.repr(value), _REPR_LENGTH)
    except BaseException as problem:  # noqa: BLE001 - __repr__ is the user's
        return f"<{type(value).__name__} whose repr raised {type(problem).__name__}>"


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _REPR_LENGTH
