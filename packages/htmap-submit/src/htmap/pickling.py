"""The one place on the submit side where user objects are pickled and unpickled.

In: functions, arguments. Out: segments, as `htmap_common.wire` stores them: a pickle, then its large buffers.
Other side: ``htmap_exec.pickling`` on the execute node.
"""

from __future__ import annotations

import collections
import io
import pickle
import sys
import types
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import Any, ClassVar

import cloudpickle

from htmap_common import TransferPath

Segment = bytes | memoryview

# A buffer of its own costs a segment and padding: only worth it when the copy that it saves is large.
_OUT_OF_BAND_BYTES = 256 * 1024

PROTOCOL = 5


class Freezer:
    """Pickles objects one behind the other, each so that it can be unpickled alone.

    One pickler serves them all: making a pickler costs ten times what a small object does.

    Attributes
    ----------
    lengths
        The length of each pickle, in bytes.
    buffers
        The out-of-band buffers of the object that was added last: memory of the caller's, which may change it.
    files
        The TransferPaths inside the object that was added last, each once.
    """

    def __init__(self) -> None:
        self._stream = io.BytesIO()
        self.size = 0
        self.lengths: list[int] = []
        self.buffers: list[memoryview] = []
        self.files: dict[TransferPath, None] = {}
        self._pickler = _Pickler(self._stream, self._keep_buffer, self.files)
        # The user's program is called so in a process that multiprocessing started, and no node can import it.
        if "__mp_main__" in sys.modules:
            cloudpickle.register_pickle_by_value(sys.modules["__mp_main__"])

    def add(self, thing: Any) -> None:
        """Pickle one more object. Whatever the object raises while it is pickled passes through."""
        # Hot: once per component.
        if self.files or self.buffers:
            self.files.clear()
            self.buffers.clear()
        self._pickler.clear_memo()
        # Not cloudpickle's own dump(): all it adds is other words for an object that is nested too deeply.
        pickle.Pickler.dump(self._pickler, thing)
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

    def _keep_buffer(self, buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if raw.nbytes < _OUT_OF_BAND_BYTES:
            return True  # leave it in the pickle
        self.buffers.append(raw)
        return False


_NAMELESS = "<dynamic-code>"
_REDUCERS: MutableMapping[Any, Callable[..., Any]] = cloudpickle.Pickler.dispatch_table


def _reduce_code(code: types.CodeType) -> tuple[Any, ...]:
    """Keep the name of the file, which error reports show with the line in it.

    Workaround for cloudpickle 3.1.3: it puts another name there, so that pickles do not depend on where they are made.
    """
    make, arguments = _REDUCERS[types.CodeType](code)
    return make, tuple(code.co_filename if each == _NAMELESS else each for each in arguments)


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
    dispatch_table: ClassVar[Any] = collections.ChainMap({types.CodeType: _reduce_code}, _REDUCERS)

    def __init__(
        self, stream: io.BytesIO, keep: Callable[[pickle.PickleBuffer], bool], files: dict[TransferPath, None]
    ) -> None:
        super().__init__(stream, protocol=PROTOCOL, buffer_callback=keep)
        self._seen_files = files

    def reducer_override(self, thing: Any) -> Any:
        # Called for every object that is not of a plain built-in type, so TransferPaths are found at any depth, in
        # any container, and cycles are pickle's business.
        if isinstance(thing, TransferPath):
            self._seen_files[thing] = None
        return super().reducer_override(thing)


def freeze(thing: Any) -> list[Segment]:
    """Pickle one object into segments."""
    freezer = Freezer()
    freezer.add(thing)
    pickled, _ = freezer.take(1)
    return [pickled, *freezer.buffers]


MakePath = Callable[..., object]
"""Stands in for the class TransferPath while a call is unpickled; takes (path, protocol, location)."""


class _Unpickler(pickle.Unpickler):
    def __init__(self, segments: Sequence[Segment], make_path: MakePath | None) -> None:
        super().__init__(io.BytesIO(segments[0]), buffers=segments[1:])
        self._make_path = make_path

    def find_class(self, module: str, name: str, /) -> Any:
        if self._make_path is not None and (module, name) == (TransferPath.__module__, TransferPath.__name__):
            return self._make_path
        return super().find_class(module, name)


def thaw(segments: Sequence[Segment], make_path: MakePath | None = None) -> Any:
    """Unpickle what `freeze`, or the runner, made.

    Parameters
    ----------
    make_path
        What to make of each TransferPath in it; None leaves them what they are.

    Raises
    ------
    Exception
        Whatever unpickling the user's object raises: a module that is missing here, say.
    """
    # TRUST: these bytes come from a map of this user: written by this library, or by the runner in a job that this
    # user submitted. Nothing else is ever given to it, and no listing or status does so.
    return _Unpickler(segments, make_path).load()


def call_of(args: Iterable[Any], kwargs: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The shape in which the inputs of one component are pickled."""
    return tuple(args), dict(kwargs)


CLOUDPICKLE_VERSION: str = cloudpickle.__version__
