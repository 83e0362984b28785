"""What the header of a function file says of the things in it, and what this process has made of such.

In: things that are sent. Out: plain values, by which another process knows what it has already. On the other side: who
loads an object that names a thing (`htmap.results.program`).
"""

from __future__ import annotations

import weakref
from typing import Any

from htmap_common.wire.functions import Thing

from . import names
from .shapes import code_of, shape_of
from .table import marks

made_again: weakref.WeakValueDictionary[tuple[str, str, str, str], Any] = weakref.WeakValueDictionary()
"""What this process has made again because nothing had its name: by module, name, shape and code."""
_shapes: dict[int, tuple[weakref.ref[Any], str]] = {}


def described(thing: Any, qualname: str) -> Thing:
    """What the header of a function file says of a thing."""
    module = names.on_the_way(getattr(thing, "__module__", None)) or ""
    shape, code = shape_of(thing), code_of(thing)
    is_named = names.name_of(thing, qualname) is not None or made_again.get((module, qualname, shape, code)) is thing
    return Thing(
        module if is_named else "", qualname, shape, code, marks.mark_of(thing) if isinstance(thing, type) else ""
    )


def known_shape_of(thing: Any) -> str:
    """The shape of a thing of this process: a look at it once, as it cannot change."""
    known = _shapes.get(id(thing))
    if known is None or known[0]() is not thing:
        try:
            known = _shapes[id(thing)] = weakref.ref(thing), shape_of(thing)
        except TypeError:  # an object that no weak reference can be made of
            return shape_of(thing)
    return known[1]
