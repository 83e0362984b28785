"""The one place of the runner that pickles and unpickles.

In: segments of records from the submit side; results and exceptions of the user's function.
Out: objects; segments for a record. On the other side: whoever submitted the map, and later reads its results.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Sequence
from typing import Any

import cloudpickle

from htmap_common.wire import Buffer

CLOUDPICKLE_VERSION: str = cloudpickle.__version__

_PROTOCOL = 5
# Below this a buffer is cheaper inside the pickle than as a segment of its own, with padding and a place in the header.
_OUT_OF_BAND_BYTES = 64 * 1024
_TRANSFER_PATH = ("htmap_common.transfer_path", "TransferPath")

MakePath = Callable[..., object]
"""Stands in for the class TransferPath while inputs are unpickled; takes (path, protocol, location)."""


def load(segments: Sequence[Buffer], make_path: MakePath | None = None) -> Any:
    """Unpickle an object.

    Parameters
    ----------
    segments
        The pickle, then its out-of-band buffers, which the object will share (and write to, if it likes).
    make_path
        What to make of each TransferPath in it; None leaves them alone.
    """
    # TRUST: these bytes come from the person who submitted the job, who may run any code here anyway.
    return _Unpickler(segments, make_path).load()


def dump(value: object) -> list[Buffer]:
    """Pickle an object: the pickle, then its large buffers, which are not copied."""
    buffers: list[Buffer] = []

    def keep_in_band(buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if raw.nbytes < _OUT_OF_BAND_BYTES:
            return True
        buffers.append(raw)
        return False

    return [cloudpickle.dumps(value, protocol=_PROTOCOL, buffer_callback=keep_in_band), *buffers]


def dump_exception(error: BaseException) -> list[Buffer]:
    """Pickle an exception if what comes back is an exception of the same type; else return no segments.

    Many exceptions pickle but do not unpickle, since their ``__init__`` takes other arguments than they remember.
    """
    try:
        segments = dump(error)
        is_whole = type(load(segments)) is type(error)
    except BaseException:  # noqa: BLE001 - the user's __reduce__ and __init__ run here; it travels as data anyway
        return []
    return segments if is_whole else []


class _Unpickler(pickle.Unpickler):
    def __init__(self, segments: Sequence[Buffer], make_path: MakePath | None) -> None:
        super().__init__(io.BytesIO(segments[0]), buffers=segments[1:])
        self._make_path = make_path

    def find_class(self, module: str, name: str, /) -> Any:
        if self._make_path is not None and (module, name) == _TRANSFER_PATH:
            return self._make_path
        return super().find_class(module, name)
