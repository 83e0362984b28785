"""Tell whether a thing of a later process is the one that was sent: fingerprints that come out the same there.

In: classes, functions, values. Out: two short texts. The **shape** is what an object of a class must fit into: bases,
slots, fields, the members of an enum. The **code** is all that the thing does. On the other side: the header of the
function file, and who loads a result that names a class.
"""

from __future__ import annotations

import enum
import hashlib
import types
from collections.abc import Iterator
from typing import Any

from . import names
from .definitions import MADE_WITH_THE_CLASS, annotations_of

_NOT_CODE = MADE_WITH_THE_CLASS | {"__doc__", "__firstlineno__"}
_PLAIN = (bool, int, float, complex, str, bytes, type(None))


def shape_of(thing: Any) -> str:
    """The shape of a class; of a function its code, of anything else its type."""
    if isinstance(thing, type):
        return _digest("\n".join(_shape_lines(thing)))
    return code_of(thing)


def code_of(thing: Any) -> str:
    """What a class or a function does: its code, and the plain values in it."""
    return _digest("\n".join(_code_lines(thing)))


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "backslashreplace"), digest_size=8).hexdigest()


def _shape_lines(cls: Any) -> Iterator[str]:
    yield f"metaclass {type(cls).__qualname__}"
    for base in cls.__bases__:
        yield f"base {names.on_the_way(base.__module__)} {base.__qualname__}"
        if names.is_by_value(base.__module__):
            yield from _shape_lines(base)
    if "__slots__" in vars(cls):
        slots = cls.__slots__
        yield f"slots {[slots] if isinstance(slots, str) else list(slots)}"
    if issubclass(cls, enum.Enum):
        yield from (f"member {name} {_plain(each._value_)}" for name, each in cls.__members__.items())
    elif "_fields" in vars(cls):
        yield f"fields {cls._fields}"
    else:
        yield f"annotations {list(annotations_of(cls))}"


def _plain(value: object) -> str:
    """A text that is the same in every process; of objects only what they are."""
    # Of these types only: what a subclass says of itself is code of the user's.
    if type(value) in _PLAIN:
        return repr(value)
    if isinstance(value, (tuple, list)) and type(value) in (tuple, list):
        return f"[{', '.join(map(_plain, value))}]"
    if isinstance(value, (set, frozenset)) and type(value) in (set, frozenset):
        return f"{{{', '.join(sorted(map(_plain, value)))}}}"
    return type(value).__qualname__


def _code_lines(thing: Any) -> Iterator[str]:
    code = getattr(thing, "__code__", None)
    if isinstance(code, types.CodeType):
        yield from _lines_of_code(code)
        yield _plain(getattr(thing, "__defaults__", None))
    elif isinstance(thing, type):
        yield from _shape_lines(thing)
        for name, value in sorted(vars(thing).items()):
            if name not in _NOT_CODE:
                yield f"attribute {name}"
                yield from _code_lines(value)
    else:
        parts = [getattr(thing, name, None) for name in ("__func__", "__wrapped__", "fget", "fset", "func")]
        functions = [part for part in parts if isinstance(part, types.FunctionType)]
        for function in functions:
            yield from _code_lines(function)
        if not functions:
            yield _plain(thing)


def _lines_of_code(code: types.CodeType) -> Iterator[str]:
    yield code.co_code.hex()
    yield f"{code.co_names} {code.co_varnames} {code.co_freevars}"
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            yield from _lines_of_code(each)
        else:
            yield _plain(each)
