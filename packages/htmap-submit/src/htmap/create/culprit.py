"""Find what keeps an object from being pickled, to name it to the user.

In: a function, a class or an input that did not pickle. Out: words for the innermost part that does not, such as "the
attribute lock of the global variable model". Only used when something has gone wrong, so it may take its time: it
pickles each part alone.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator, Mapping
from typing import Any

from htmap.pickling import ProgramFreezer
from htmap_common.program.definitions import used_variables

_DEEPEST = 8
_MOST_ITEMS = 1000


def culprit_of(thing: Any) -> str | None:
    """Words for the innermost part that does not pickle; None if nothing inside of it is to blame."""
    return _search(thing, _DEEPEST, {id(thing)})


def _search(thing: Any, depth: int, seen: set[int]) -> str | None:
    if depth == 0:
        return None
    for words, part in _parts(thing):
        if id(part) in seen or _pickles(part):
            continue
        seen.add(id(part))
        inner = _search(part, depth - 1, seen)
        if inner is None:
            return words
        # A function or a class that is used needs no words: what is wrong with it has a name of its own.
        return inner if isinstance(part, (types.FunctionType, type)) else f"{inner} of {words}"
    return None


def _pickles(part: Any) -> bool:
    try:
        ProgramFreezer(part)
    except Exception:  # noqa: BLE001 - whatever the user's objects raise
        return False
    return True


def _parts(thing: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(thing, types.MethodType):
        yield "the object of the method", thing.__self__
        yield "the method", thing.__func__
    elif isinstance(thing, functools.partial):
        yield from ((f"the argument {number} of the partial", each) for number, each in enumerate(thing.args))
        yield from ((f"the argument {name} of the partial", each) for name, each in thing.keywords.items())
        yield "the function of the partial", thing.func
    elif isinstance(thing, types.FunctionType):
        yield from _parts_of_function(thing)
    elif isinstance(thing, type):
        yield from ((f"the attribute {name} of the class {thing.__qualname__}", each) for name, each in _own(thing))
        yield from ((f"the class {base.__qualname__}", base) for base in thing.__bases__)
    elif isinstance(thing, (staticmethod, classmethod)):
        yield "the method", thing.__func__
    elif isinstance(thing, Mapping):
        yield from ((f"the item {key!r:.40}", each) for key, each in list(thing.items())[:_MOST_ITEMS])
    elif isinstance(thing, (list, tuple, set, frozenset)):
        yield from ((f"the item {number}", each) for number, each in enumerate(list(thing)[:_MOST_ITEMS]))
    else:
        yield "its class", type(thing)
        yield from ((f"the attribute {name}", each) for name, each in getattr(thing, "__dict__", {}).items())


def _parts_of_function(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    for name, value in used_variables(function).items():
        yield f"the global variable {name}", value
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield f"the variable {name} of the function around it", cell.cell_contents
        except ValueError:  # not set yet
            continue
    arguments = function.__code__.co_varnames[: function.__code__.co_argcount]
    defaults = function.__defaults__ or ()
    for name, value in zip(arguments[len(arguments) - len(defaults) :], defaults, strict=True):
        yield f"the default of {name}", value
    yield from ((f"the default of {name}", value) for name, value in (function.__kwdefaults__ or {}).items())
    yield from ((f"the attribute {name} of the function", value) for name, value in vars(function).items())


def _own(cls: type) -> Iterator[tuple[str, Any]]:
    made = (types.GetSetDescriptorType, types.MemberDescriptorType)
    return ((name, value) for name, value in vars(cls).items() if not isinstance(value, made))
