"""Turn an exception into plain data.

In: an exception, however broken. Out: strings, numbers and lists: the header key ``exception`` of a record.
On the other side: the submit side shows it as an error report, and tools read it, without unpickling anything.
Nothing here may fail, nor take long, nor take memory, perhaps right after memory has run out: texts that code of the
user's makes are collected, and made in a process of their own (`htmap_exec.guarded_texts`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .errors import ComponentFailure
from .frames import describe_frames, short_text
from .hints import hint_for
from .short_reprs import GuardedText, plain_text

_MESSAGE_LENGTH = 20_000
_LONGEST_CHAIN = 10
_MOST_MEMBERS = 10
_MOST_NOTES = 20
_MOST_EXCEPTIONS = 100


def describe(error: BaseException, *, with_locals: bool = True, started: float = 0.0) -> dict[str, Any]:
    """Describe an exception, those that led to it, and those that it is a group of.

    Parameters
    ----------
    with_locals
        Whether to show the local variables of each frame, as short reprs.
    started
        When modules were first imported, in seconds since 1970: what has changed since is not what ran.
    """
    try:
        description = _Description(with_locals=with_locals, started=started).of(error)
        _make_all_texts(description)
    except BaseException:  # noqa: BLE001 - a poor description is better than none
        return _describe_poorly(error)
    return description


class _Description:
    """What is being described; some of its texts are yet to be made."""

    def __init__(self, *, with_locals: bool, started: float) -> None:
        self._with_locals = with_locals
        self._started = started
        # By identity: equality is the user's. They go on to exist, so no two have the same.
        self._seen: set[int] = set()

    def of(self, error: BaseException) -> dict[str, Any]:
        """An exception, with its ancestors and members."""
        description = self._one(error)
        description["chain"] = [
            {**self._one(other), "relation": relation} for relation, other in self._ancestors(error)
        ]
        return description

    def _one(self, error: BaseException) -> dict[str, Any]:
        self._seen.add(id(error))
        frames, left_out = describe_frames(error.__traceback__, with_locals=self._with_locals, started=self._started)
        description: dict[str, Any] = {
            "type": plain_text(type(error).__qualname__),
            "module": plain_text(str(type(error).__module__)),
            "message": _message_of(error),
            "frames": frames,
            "chain": [],
            "notes": [_text_of(note) for note in _notes(error)],
        }
        if left_out:
            description["frames_left_out"] = left_out
        hint = hint_for(error)
        if hint is not None:
            description["hint"] = plain_text(hint, _MESSAGE_LENGTH)
        if members := _members(error):
            shown = [member for member in members[:_MOST_MEMBERS] if self._is_new(member)]
            description["members"] = [self.of(member) for member in shown]
            if len(members) > len(shown):
                description["members_left_out"] = len(members) - len(shown)
        return description

    def _ancestors(self, error: BaseException) -> Iterator[tuple[str, BaseException]]:
        """Yield what led to an exception, nearest first, the way Python would show it."""
        for _ in range(_LONGEST_CHAIN):
            if error.__cause__ is not None:
                relation, ancestor = "cause", error.__cause__
            elif error.__context__ is not None and not error.__suppress_context__:
                relation, ancestor = "context", error.__context__
            else:
                return
            if not self._is_new(ancestor):
                return
            yield relation, ancestor
            error = ancestor

    def _is_new(self, error: BaseException) -> bool:
        return id(error) not in self._seen and len(self._seen) < _MOST_EXCEPTIONS


def _members(error: BaseException) -> tuple[BaseException, ...]:
    """Those of a group. By what a group has, since Python 3.10 knows no groups, but packages for it do."""
    if not any(kind.__name__ == "BaseExceptionGroup" for kind in type(error).__mro__):
        return ()
    members = getattr(error, "exceptions", ())
    return tuple(each for each in members if isinstance(each, BaseException)) if type(members) is tuple else ()


def _notes(error: BaseException) -> list[Any]:
    notes = getattr(error, "__notes__", None)
    return list(notes[:_MOST_NOTES]) if type(notes) in (list, tuple) else []  # type: ignore[index]


def _message_of(error: BaseException) -> str | GuardedText:
    if isinstance(error, SystemExit):
        code = short_text(error.code)
        # Nobody else's code is worth a process of its own here.
        shown = code if isinstance(code, str) else f"<{type(error.code).__name__}>"
        return f"The function called sys.exit({shown})."
    if isinstance(error, ComponentFailure) or _is_plain(error):
        return plain_text(str(error), _MESSAGE_LENGTH)
    return _text_of(error)


def _is_plain(error: BaseException) -> bool:
    """Whether the text of an exception is made by Python's own code, of what is short and Python's own."""
    if type(type(error).__str__) is not type(BaseException.__str__):
        return False
    values = (*error.args, getattr(error, "filename", None), getattr(error, "filename2", None))
    return all(type(value) in _SCALARS and (type(value) is not str or len(value) < _MESSAGE_LENGTH) for value in values)


_SCALARS = frozenset((str, int, float, bool, type(None)))


def _text_of(value: object) -> str | GuardedText:
    if type(value) is str:
        return plain_text(value, _MESSAGE_LENGTH)
    return GuardedText(lambda: str(value), "its __str__", _MESSAGE_LENGTH)


def _make_all_texts(description: dict[str, Any]) -> None:
    """Put texts into all places where one is yet to be made."""
    places = list(_places(description))
    if places:
        from .guarded_texts import make_texts  # noqa: PLC0415 - most errors do without

        texts = make_texts([container[key] for container, key in places])
        for (container, key), text in zip(places, texts, strict=True):
            container[key] = text


def _places(container: Any) -> Iterator[tuple[Any, Any]]:
    pairs = container.items() if type(container) is dict else enumerate(container)
    for key, value in pairs:
        if isinstance(value, GuardedText):
            yield container, key
        elif type(value) in (dict, list):
            yield from _places(value)


def _describe_poorly(error: BaseException) -> dict[str, Any]:
    return {
        "type": plain_text(type(error).__name__),
        "module": plain_text(str(type(error).__module__)),
        "message": "(the runner could not describe this exception any further)",
        "frames": [],
        "chain": [],
        "notes": [],
    }
