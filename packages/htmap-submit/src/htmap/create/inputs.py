"""Write the inputs of a map into shards, one pass, as they come.

In: the calls of a map, one for each component, from any iterable. Out: shard files below ``inputs/`` (wire kind
``inputs``), and for each component what the submit description has to know: its shard and its TransferPaths.
Other side: ``htmap_exec.inputs``, which seeks the records of its job; `htmap.results.inputs`, to show inputs again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from htmap.create.culprit import culprit_of
from htmap.create.program import StoredProgram
from htmap.create.transfers import Sender
from htmap.exceptions import CannotPickle
from htmap.pickling import Freezer
from htmap.store.atomic import make_private_directory, write_file
from htmap.store.mapdir import PER_FOLDER, MapDir
from htmap_common import TransferPath
from htmap_common.wire import Buffer, Run, SentFile, encode_shard

Call = tuple[tuple[Any, ...], dict[str, Any]]

SHARD_COMPONENTS = 1000
SHARD_BYTES = 256 * 1024
"""A shard is closed when it holds this much: a job carries whole shards. A larger input gets one of its own."""


@dataclass(frozen=True, slots=True)
class StoredInputs:
    """Inputs that went into the same shard.

    Parameters
    ----------
    components
        Whose they are, ascending.
    files
        The files of a component, as a transfer list names them; those without any are left out.
    """

    shard: int
    components: Sequence[int]
    files: Mapping[int, tuple[str, ...]] = field(default_factory=dict)


def store_inputs(
    map_dir: MapDir, calls: Iterable[Call], sender: Sender, program: StoredProgram
) -> Iterator[StoredInputs]:
    """Store each call, and say where, shard by shard; memory holds one shard at a time.

    Parameters
    ----------
    sender
        Says how files go along.
    program
        What the inputs refer to; it is complete when all inputs are stored.

    Raises
    ------
    CannotPickle
        An input cannot be sent; the message names its component.
    """
    shard = _Shard(map_dir, sender, program)
    for call in _callers(calls):
        if shard.add(call):
            yield from shard.flush()
    yield from shard.flush()
    program.complete()


class _Shard:
    """The shard that is being filled, and those after it."""

    def __init__(self, map_dir: MapDir, sender: Sender, program: StoredProgram) -> None:
        self._map_dir = map_dir
        self._sender = sender
        self._number = 0
        self._first = 0
        self._freezer = Freezer(program.table)
        self._of_all = program.files
        self._files: dict[int, list[TransferPath]] = {}

    def add(self, call: Call) -> bool:
        """Put one more call in; whether it is time to write."""
        # Hot: once per component.
        freezer = self._freezer
        try:
            freezer.add(call)
        except Exception as error:
            raise CannotPickle(
                f"The input of component {self._first + len(freezer.lengths)} cannot be sent to an execute node: "
                f"{type(error).__name__}: {error}{_blame(call)}. "
                "Inputs must be objects that pickle: pass what is needed to make the object, and make it in the "
                "function."
            ) from error
        if freezer.files or self._of_all:
            self._files[self._first + len(freezer.lengths) - 1] = list(dict.fromkeys((*self._of_all, *freezer.files)))
        return len(freezer.lengths) == SHARD_COMPONENTS or self._is_too_much()

    def _is_too_much(self) -> bool:
        return self._freezer.size > SHARD_BYTES or bool(self._freezer.buffers)

    def flush(self) -> Iterator[StoredInputs]:
        """Write what there is; but an input that makes it too much gets the next shard, for itself if it is large."""
        count = len(self._freezer.lengths)
        if count > 1 and self._is_too_much():
            yield self._write(count - 1, [])
            if not self._is_too_much():
                return
        if self._freezer.lengths:
            # Its buffers are the caller's memory, which a generator may reuse for the next input: write them now.
            yield self._write(len(self._freezer.lengths), self._freezer.buffers)

    def _write(self, count: int, buffers: Sequence[Buffer]) -> StoredInputs:
        pickles, lengths = self._freezer.take(count)
        components = range(self._first, self._first + count)
        transfers = {
            component: list(zip(files, self._sender.of_call(files), strict=True))
            for component, files in self._files.items()
            if component in components
        }
        sent = {
            component: [SentFile(str(file.path), file.protocol, file.location, each.arrives_as) for file, each in pairs]
            for component, pairs in transfers.items()
        }
        path = self._map_dir.shard(self._number)
        if self._number % PER_FOLDER == 0:
            make_private_directory(path.parent)
        if buffers:
            shard = encode_shard(components, [pickles, *buffers], sent, per_component=[1 + len(buffers)])
        else:
            shard = encode_shard(components, Run(pickles, lengths), sent)
        write_file(path, shard)
        entries = {component: tuple(transfer.entry for _, transfer in pairs) for component, pairs in transfers.items()}
        stored = StoredInputs(self._number, components, entries)
        self._files = {component: files for component, files in self._files.items() if component not in components}
        self._number += 1
        self._first += count
        return stored


def _blame(call: Call) -> str:
    culprit = culprit_of([*call[0], call[1]])
    return "" if culprit is None else f" (in {culprit})"


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
