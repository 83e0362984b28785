"""Pickles that belong to no map: each holds all that it needs.

In: objects. Out: segments, and objects again. What it means to belong to a map is tested where maps are.
"""

from __future__ import annotations

import builtins
import io
import pickle
from collections.abc import Sequence
from typing import Any

from htmap_common.program.building import Builder
from htmap_common.program.definitions import Ident
from htmap_common.program.pickler import MakePath, Returner, load
from htmap_common.program.table import Table, marks
from htmap_common.wire import Buffer

_LARGE = 64 * 1024


class Nowhere:
    """A process that has nothing of a program but the classes that it knows by their marks."""

    def __init__(self) -> None:
        self._namespaces: dict[str, dict[str, Any]] = {}

    def thing(self, number: int) -> Any:
        raise AssertionError(f"thing {number} of no program")

    def known(self, ident: Ident) -> Any:
        return marks.find(ident) if isinstance(ident, str) else None

    def made(self, ident: Ident, thing: Any) -> None:
        """Forget it."""

    def namespace(self, module: str) -> dict[str, Any]:
        return self._namespaces.setdefault(module, {"__name__": module, "__builtins__": builtins})


def freeze(thing: Any) -> list[Buffer]:
    """Pickle an object as the runner does, with all that the object is made of."""
    buffers: list[Buffer] = []

    def keep(buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if raw.nbytes < _LARGE:
            return True
        buffers.append(raw)
        return False

    stream = io.BytesIO()
    Returner(stream, Table(), keep).dump(thing)
    return [stream.getvalue(), *buffers]


def thaw(segments: Sequence[Buffer], make_path: MakePath | None = None) -> Any:
    """Unpickle it again."""
    return load(segments, Builder(Nowhere()), make_path)
