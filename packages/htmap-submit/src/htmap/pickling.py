"""The one place on the submit side where user objects are pickled and unpickled.

In: functions, arguments. Out: segments, as `htmap_common.wire` stores them: a pickle, then its large buffers.
Other side: ``htmap_exec.pickling`` on the execute node. What of the user's program goes along, and how, is said in
`htmap_common.program`; which class of this process an object belongs to, in `htmap.results.program`.
"""

from __future__ import annotations

import io
import pickle
import sys
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import cloudpickle

from htmap_common import TransferPath
from htmap_common.program.building import Builder, World
from htmap_common.program.pickler import PROTOCOL, Definer, MakePath, Offerer, Pickler, Referrer, Unpickler, load
from htmap_common.program.table import Table

__all__ = [
    "CLOUDPICKLE_VERSION",
    "PROTOCOL",
    "Freezer",
    "MakePath",
    "ProgramFreezer",
    "call_of",
    "thaw",
    "thaw_program",
]

Segment = bytes | memoryview

# A buffer of its own costs a segment and padding: only worth it when the copy that it saves is large.
_OUT_OF_BAND_BYTES = 256 * 1024
_LARGEST_EXTRA = 64 * 1024
_CODE = (types.FunctionType, types.ModuleType, type)


class _Finder:
    """Sees the TransferPaths and the large buffers of what is pickled."""

    def __init__(self) -> None:
        self.buffers: list[memoryview] = []
        self.files: dict[TransferPath, None] = {}

    def keep_buffer(self, buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if raw.nbytes < _OUT_OF_BAND_BYTES:
            return True  # leave it in the pickle
        self.buffers.append(raw)
        return False

    def note_file(self, file: TransferPath) -> Any:
        self.files[file] = None
        return NotImplemented


def _finding(pickler_class: type[Pickler]) -> type[Pickler]:
    """A pickler that calls `note_file`: reducers are called for objects of any depth, in any container or cycle."""

    class Finding(pickler_class):  # type: ignore[misc,valid-type]
        note_file: Callable[[TransferPath], Any]

        def _reducer_for(self, kind: type) -> Any:
            return self.note_file if issubclass(kind, TransferPath) else super()._reducer_for(kind)

    return Finding


_FindingDefiner = _finding(Definer)
_FindingReferrer = _finding(Referrer)


def _pickler(kind: type[Pickler], stream: io.BytesIO, table: Table, finder: _Finder) -> Any:
    pickler: Any = kind(stream, table, finder.keep_buffer)
    pickler.note_file = finder.note_file
    # The user's program is called so in a process that multiprocessing started, and no node can import it.
    if "__mp_main__" in sys.modules:
        cloudpickle.register_pickle_by_value(sys.modules["__mp_main__"])
    return pickler


class Freezer:
    """Pickles objects one behind the other, each so that it can be unpickled alone.

    One pickler serves them all: making a pickler costs ten times what a small object does.

    Parameters
    ----------
    table
        The things of the program. The objects refer to them; those that are new are added.

    Attributes
    ----------
    lengths
        The length of each pickle, in bytes.
    buffers
        The out-of-band buffers of the object that was added last: memory of the caller's, which may change it.
    files
        The TransferPaths inside the object that was added last, each once.
    """

    def __init__(self, table: Table) -> None:
        self._stream = io.BytesIO()
        self.size = 0
        self.lengths: list[int] = []
        finder = _Finder()
        self.buffers, self.files = finder.buffers, finder.files
        self._pickler = _pickler(_FindingReferrer, self._stream, table, finder)

    def add(self, thing: Any) -> None:
        """Pickle one more object. Whatever the object raises while it is pickled passes through."""
        # Hot: once per component.
        if self.files or self.buffers:
            self.files.clear()
            self.buffers.clear()
        self._pickler.clear_memo()
        self._pickler.dump_alone(thing)
        size = self._stream.tell()
        self.lengths.append(size - self.size)
        self.size = size

    def take(self, count: int) -> tuple[bytes, list[int]]:
        """Give the first so many pickles away: their bytes, and the length of each."""
        lengths, self.lengths = self.lengths[:count], self.lengths[count:]
        pickles = self._stream.getvalue()
        size = sum(lengths)
        self._stream.seek(0)
        self._stream.truncate()
        self._stream.write(pickles[size:])
        self.size -= size
        return pickles[:size] if self.size else pickles, lengths


class ProgramFreezer:
    """Pickles the program of a map: its function, then lists of the things that it and its inputs are made of.

    Attributes
    ----------
    table
        All things so far. What is added by others is defined by `define`.
    lists
        The number of lists behind the function.
    buffers, files
        As of `Freezer`, of what was pickled since the last `take`.
    """

    def __init__(self, function: Any) -> None:
        self.table = Table()
        self.lists = 0
        finder = _Finder()
        self.buffers, self.files = finder.buffers, finder.files
        self._stream = io.BytesIO()
        self._pickler = _pickler(_FindingDefiner, self._stream, self.table, finder)
        self._listed = 0
        self._pickler.dump_alone(function)
        self.define()

    def define(self) -> bool:
        """Pickle the things that have come in since the last call; whether there were any."""
        first = self._listed
        # What defines a thing may bring in others.
        while self._listed < len(self.table.things):
            new = self.table.things[self._listed :]
            self._listed += len(new)
            self._pickler.dump_alone(new)
            self.lists += 1
        return self._listed > first

    def extras(self) -> tuple[list[tuple[str, str, bytes]], list[Any]]:
        """What code of the program may look up by name, as far as it pickles; and the classes that this defines.

        Each is pickled alone, for a node may lack what one of them needs. Large variables are left out.
        """
        extras, classes = [], {}
        for (module, name), value in self._pickler.found_by_name.items():
            stream = io.BytesIO()
            pickler = Offerer(stream, self.table)
            try:
                pickler.dump_alone(value)
            except Exception:  # noqa: BLE001, S112 - whatever the user's objects raise: they were not asked for
                continue
            if isinstance(value, _CODE) or stream.tell() <= _LARGEST_EXTRA:
                extras.append((module, name, stream.getvalue()))
                classes.update({id(each): each for each in pickler.classes})
        return extras, list(classes.values())

    def take(self) -> list[Segment]:
        """Give away what was pickled since the last call: a part of the stream, and its buffers."""
        segments: list[Segment] = [self._stream.getvalue(), *self.buffers]
        self._stream.seek(0)
        self._stream.truncate()
        self.buffers.clear()
        self.files.clear()
        return segments


# TRUST: the bytes that the next two functions are given come from a map of this user: written by this library, or by
# the runner in a job that this user submitted. Nothing else is ever given to them, and no listing or status does so.


def thaw(segments: Sequence[Segment], world: World, make_path: MakePath | None = None) -> Any:
    """Unpickle what a `Freezer`, or the runner, made.

    Parameters
    ----------
    make_path
        What to make of each TransferPath in it; None leaves them what they are.

    Raises
    ------
    Exception
        Whatever unpickling the user's object raises: a module that is missing here, say.
    """
    return load(segments, Builder(world), make_path)


def thaw_program(
    segments: Sequence[Segment], lists: int, world: World, make_path: MakePath | None = None
) -> tuple[Any, list[Any]]:
    """Unpickle what a `ProgramFreezer` made: the function, and the things; raises as `thaw` does."""
    unpickler = Unpickler(segments[0], segments[1:], Builder(world), make_path)
    function = unpickler.load()
    return function, [thing for _ in range(lists) for thing in unpickler.load()]


def call_of(args: Iterable[Any], kwargs: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The shape in which the inputs of one component are pickled."""
    return tuple(args), dict(kwargs)


CLOUDPICKLE_VERSION: str = cloudpickle.__version__
