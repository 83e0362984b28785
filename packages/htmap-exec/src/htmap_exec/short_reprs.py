"""Short texts of values, made without any code but Python's own.

In: any value. Out: a text of at most some hundred characters; or None, if only code of somebody else's (a ``__repr__``)
could say more. On the other side: records of failures, which are made right after memory may have run out: the text of
50 MB of bytes must not take 200 MB.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

LONGEST = 200
_MOST_ITEMS = 10
_DEEPEST = 4
_LARGEST_INT = 1 << 512  # its text takes no time yet

Make = Callable[[], str]


class GuardedText:
    """A text that code of somebody else's makes, and that is yet to be made (`htmap_exec.guarded_texts`).

    Attributes
    ----------
    otherwise
        What stands for it if its code fails; what happened to it is added to that.
    """

    def __init__(self, make: Make, otherwise: str, length: int) -> None:
        self.make = make
        self.otherwise = otherwise
        self.length = length


def plain_text(text: str, length: int = LONGEST) -> str:
    """Cut a text, and make it one that can be encoded: names of files may hold bytes that are no UTF-8."""
    if len(text) > length:
        text = f"{text[:length]}... ({len(text) - length} more characters)"
    # Not a subclass that has ways of its own.
    return str.__str__(text).encode("utf-8", "backslashreplace").decode("utf-8")


def short_repr(value: object) -> str | None:
    """The text of a value of Python's own types; None if there is any other in it."""
    try:
        return plain_text(_repr(value, 0))
    except _NotOurs:
        return None


class _NotOurs(Exception):
    """There is a value whose text somebody else's code makes."""


def _repr(value: Any, depth: int) -> str:
    # By the type itself, not isinstance: a subclass may have a __repr__ of its own, and any other method.
    kind = type(value)
    if kind in _PLAIN:
        return repr(value)
    if kind is int:
        return repr(value) if -_LARGEST_INT < value < _LARGEST_INT else f"<int of {value.bit_length()} bits>"
    if kind in _SEQUENCES:
        more = len(value) - LONGEST
        return repr(value[:LONGEST]) + (f"... ({more} more)" if more > 0 else "")
    if kind in _CONTAINERS:
        return "..." if depth >= _DEEPEST else _CONTAINERS[kind](value, depth + 1)
    raise _NotOurs


def _items(values: Iterable[Any], count: int, depth: int) -> str:
    shown = [_repr(each, depth) for each in itertools.islice(values, _MOST_ITEMS)]
    return ", ".join(shown + ["..."] * (count > _MOST_ITEMS))


def _tuple(values: tuple[Any, ...], depth: int) -> str:
    return f"({_items(values, len(values), depth)}{',' if len(values) == 1 else ''})"


def _set(values: set[Any], depth: int) -> str:
    return f"{{{_items(values, len(values), depth)}}}" if values else "set()"


def _dict(values: dict[Any, Any], depth: int) -> str:
    some = itertools.islice(values.items(), _MOST_ITEMS)
    shown = [f"{_repr(key, depth)}: {_repr(value, depth)}" for key, value in some]
    return f"{{{', '.join(shown + ['...'] * (len(values) > _MOST_ITEMS))}}}"


_PLAIN = frozenset((type(None), bool, float, complex, type(Ellipsis), type(NotImplemented), range))
_SEQUENCES = frozenset((str, bytes, bytearray))
_CONTAINERS: dict[type, Callable[[Any, int], str]] = {
    list: lambda values, depth: f"[{_items(values, len(values), depth)}]",
    tuple: _tuple,
    set: _set,
    frozenset: lambda values, depth: f"frozenset({_set(values, depth) if values else ''})",
    dict: _dict,
}
