"""Write the inputs of a map into shards, one pass, as they come.

In: the calls of a map, one for each component, from any iterable. Out: shard files below ``inputs/`` (wire kind
``inputs``), and for each component what the submit description has to know: its shard and its TransferPaths.
Other side: ``htmap_exec.inputs``, which seeks the records of its job; `htmap.observe.results`, to show inputs again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from htmap.create.transfers import to_transfer
from htmap.exceptions import CannotPickle
from htmap.objects import Freezer, Frozen, Segment
from htmap.store.atomic import make_private_directory, write_file
from htmap.store.mapdir import PER_FOLDER, MapDir
from htmap_common.wire import Kind, encode_file

Call = tuple[tuple[Any, ...], dict[str, Any]]

SHARD_COMPONENTS = 1000
SHARD_BYTES = 256 * 1024
"""A shard is closed when it holds this much: a job carries whole shards. A larger input gets one of its own."""

_ALIGN = 64  # for out-of-band buffers: what numpy and vector units like best


@dataclass(frozen=True, slots=True)
class StoredInput:
    """Where the input of one component went."""

    component: int
    shard: int
    files: tuple[str, ...]  # as a transfer list names them


@dataclass(slots=True)
class _Shard:
    """The shard that is being filled."""

    number: int
    first: int
    segments: list[Segment] = field(default_factory=list)
    per_component: list[int] = field(default_factory=list)
    size: int = 0
    files: dict[str, list[list[str | None]]] = field(default_factory=dict)

    def is_full_for(self, size: int) -> bool:
        count = len(self.per_component)
        return count >= SHARD_COMPONENTS or (count > 0 and self.size + size > SHARD_BYTES)


def store_inputs(map_dir: MapDir, calls: Iterable[Call]) -> Iterator[StoredInput]:
    """Store each call, and say where; memory holds one shard at a time.

    Raises
    ------
    CannotPickle
        An input cannot be sent; the message names its component.
    """
    freezer = Freezer()
    shard = _Shard(0, 0)
    for component, call in enumerate(_callers(calls)):
        frozen = _freeze(freezer, component, call)
        size = sum(len(segment) for segment in frozen.segments)
        if shard.is_full_for(size):
            _write(map_dir, shard)
            shard = _Shard(shard.number + 1, component)
        shard.segments += frozen.segments
        shard.per_component.append(len(frozen.segments))
        shard.size += size
        files = [to_transfer(file) for file in frozen.files]
        if files:
            shard.files[str(component)] = [
                [str(file.path), file.protocol, file.location, transfer.arrives_as]
                for file, transfer in zip(frozen.files, files, strict=True)
            ]
        stored = StoredInput(component, shard.number, tuple(transfer.entry for transfer in files))
        if len(frozen.segments) > 1:
            # Its buffers are the caller's memory, which a generator may reuse for the next input: write them now.
            _write(map_dir, shard)
            shard = _Shard(shard.number + 1, component + 1)
        yield stored
    if shard.per_component:
        _write(map_dir, shard)


class CallerError(Exception):
    """Carries what the caller's own iterable raised past our handling of errors of the disk."""

    def __init__(self, original: BaseException) -> None:
        super().__init__(original)
        self.original = original


def _callers(calls: Iterable[Call]) -> Iterator[Call]:
    iterator = iter(calls)
    while True:
        try:
            call = next(iterator)
        except StopIteration:
            return
        except OSError as error:
            raise CallerError(error) from error
        yield call


def _freeze(freezer: Freezer, component: int, call: Call) -> Frozen:
    try:
        return freezer.freeze(call)
    except Exception as error:
        raise CannotPickle(
            f"The input of component {component} cannot be sent to an execute node: {type(error).__name__}: {error}. "
            "Inputs must be objects that pickle: pass what is needed to make the object, and make it in the function."
        ) from error


def _write(map_dir: MapDir, shard: _Shard) -> None:
    header: dict[str, Any] = {"first": shard.first, "count": len(shard.per_component)}
    simple = len(shard.segments) == len(shard.per_component)
    if not simple:
        header["per_component"] = shard.per_component
    if shard.files:
        header["files"] = shard.files
    path = map_dir.shard(shard.number)
    if shard.number % PER_FOLDER == 0:
        make_private_directory(path.parent)
    write_file(path, encode_file(Kind.INPUTS, header, shard.segments, align=1 if simple else _ALIGN))
