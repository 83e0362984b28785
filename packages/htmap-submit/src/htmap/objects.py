"""The one place on the submit side where user objects are pickled and unpickled.

In: functions, arguments. Out: segments, as `htmap_common.wire` stores them: a pickle, then its large buffers.
Other side: ``htmap_exec.objects`` on the execute node.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cloudpickle

from htmap_common import TransferPath

Segment = bytes | memoryview

# A buffer of its own costs a segment and padding: only worth it when the copy that it saves is large.
_OUT_OF_BAND_BYTES = 256 * 1024

PROTOCOL = 5


@dataclass(slots=True)
class Frozen:
    """A pickled object.

    ``segments[0]`` is the pickle, the rest its out-of-band buffers. ``files`` are the TransferPaths inside, each once.
    """

    segments: list[Segment]
    files: list[TransferPath]


class Freezer:
    """Pickle many objects, one after another, each on its own.

    One pickler serves them all: making a pickler costs ten times what a small input does.
    """

    def __init__(self) -> None:
        self._stream = io.BytesIO()
        self._buffers: list[memoryview] = []
        self._files: dict[TransferPath, None] = {}
        self._pickler = _Pickler(self._stream, self._keep_buffer, self._files)

    def freeze(self, thing: Any) -> Frozen:
        """Pickle one object. Whatever the object raises while it is pickled passes through."""
        stream = self._stream
        stream.seek(0)
        stream.truncate()
        self._pickler.clear_memo()
        self._buffers.clear()
        self._files.clear()
        self._pickler.dump(thing)
        return Frozen([stream.getvalue(), *self._buffers], list(self._files))

    def _keep_buffer(self, buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if raw.nbytes < _OUT_OF_BAND_BYTES:
            return True  # leave it in the pickle
        self._buffers.append(raw)
        return False


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
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
    return Freezer().freeze(thing).segments


def thaw(segments: Sequence[Segment]) -> Any:
    """Unpickle what `freeze`, or the runner, made.

    Raises
    ------
    Exception
        Whatever unpickling the user's object raises: a module that is missing here, say.
    """
    # TRUST: these bytes come from a map of this user: written by this library, or by the runner in a job that this
    # user submitted. Nothing else is ever given to it, and no listing or status does so.
    return pickle.loads(segments[0], buffers=segments[1:])


def call_of(args: Iterable[Any], kwargs: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The shape in which the inputs of one component are pickled."""
    return tuple(args), dict(kwargs)


CLOUDPICKLE_VERSION: str = cloudpickle.__version__
