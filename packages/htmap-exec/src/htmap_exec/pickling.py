"""The one place of the runner that pickles and unpickles.

In: segments of records from the submit side; results and exceptions of the user's function.
Out: objects; segments for a record. On the other side: whoever submitted the map, and later reads its results.

What belongs to the program of the map is in the function file, once, and is here once: inputs and results only refer
to it (`htmap_common.program`).
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Sequence
from typing import Any

import cloudpickle

from htmap_common.program.building import Builder, load_extras
from htmap_common.program.definitions import Ident
from htmap_common.program.names import MAIN
from htmap_common.program.pickler import MakePath, Returner, Unpickler
from htmap_common.program.pickler import load as load_from
from htmap_common.program.table import Table, marks
from htmap_common.wire import Buffer, FunctionFile

from . import main_module

CLOUDPICKLE_VERSION: str = cloudpickle.__version__

# Below this a buffer is cheaper inside the pickle than as a segment of its own, with padding and a place in the header.
_OUT_OF_BAND_BYTES = 64 * 1024


class _Program:
    """What this process has of the user's program: a `htmap_common.program.building.World`."""

    def __init__(self) -> None:
        self.table = Table()
        self._made: dict[int, Any] = {}

    def thing(self, number: int) -> Any:
        return self.table.things[number]

    def known(self, ident: Ident) -> Any:
        if isinstance(ident, str):
            return marks.find(ident)
        return None if ident is None else self._made.get(ident)

    def made(self, ident: Ident, thing: Any) -> None:
        if isinstance(ident, int):
            self._made[ident] = thing

    @staticmethod
    def namespace(module: str) -> dict[str, Any]:
        made = main_module.module_of_program(module)
        if module != MAIN:
            cloudpickle.register_pickle_by_value(made)
        return vars(made)


_program = _Program()


def load_program(file: FunctionFile, make_path: MakePath | None = None) -> Any:
    """Unpickle the function of the map, and what its program consists of; all other calls here refer to it.

    Parameters
    ----------
    make_path
        What to make of each TransferPath in it; None leaves them alone.
    """
    global _program  # noqa: PLW0603 - a process has one program, as it has one __main__
    main_module.renew()
    _program = _Program()
    # TRUST: as in `load`.
    unpickler = Unpickler(file.segments[0], file.segments[1:], Builder(_program), make_path)
    function = unpickler.load()
    things = [thing for _ in range(file.lists) for thing in unpickler.load()]
    for thing, said in zip(things, file.things, strict=False):  # behind them are classes of the extras
        _program.table.add(thing, said.qualname)
        main_module.place(thing, said.module, said.qualname)
    main_module.place(function, getattr(function, "__module__", None), getattr(function, "__qualname__", None))
    load_extras(file.extras, _program.namespace, lambda pickled: load([pickled], make_path))
    return function


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
    return load_from(segments, Builder(_program), make_path)


def dump(value: object, *, with_chain: bool = False) -> list[Buffer]:
    """Pickle an object: the pickle, then its large buffers, which are not copied.

    Parameters
    ----------
    with_chain
        Whether exceptions take along those that led to them.
    """
    buffers: list[Buffer] = []

    def keep_in_band(buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if raw.nbytes < _OUT_OF_BAND_BYTES:
            return True
        buffers.append(raw)
        return False

    stream = io.BytesIO()
    pickler = Returner(stream, _program.table, keep_in_band)
    pickler.with_chain = with_chain
    pickler.dump(value)
    return [stream.getvalue(), *buffers]


def dump_exception(error: BaseException) -> list[Buffer]:
    """Pickle an exception if what comes back is an exception of the same type; else return no segments.

    Many exceptions pickle but do not unpickle, since their ``__init__`` takes other arguments than they remember.
    """
    for with_chain in (True, False):
        try:
            segments = dump(error, with_chain=with_chain)
            is_whole = type(load(segments)) is type(error)
        except BaseException:  # noqa: BLE001, S112 - the user's __reduce__ runs here; it travels as data anyway
            continue
        if is_whole:
            return segments
    return []
