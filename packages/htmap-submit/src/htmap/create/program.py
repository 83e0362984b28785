"""Write the program of a map: its function, and all that the function and its inputs are made of.

In: the function that is mapped. Out: the function file (wire kind ``function``), and a table of the things in it, to
which the inputs refer. Written at once, so that a function that cannot be sent is told before any input is asked for,
and once more when the inputs have brought in classes of their own. Other side: `htmap_exec.function`, on the node, and
`htmap.results.program`.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Sequence
from typing import Any

from htmap.create.culprit import culprit_of
from htmap.create.transfers import Sender
from htmap.exceptions import CannotPickle, InvalidOption
from htmap.pickling import CLOUDPICKLE_VERSION, PROTOCOL, ProgramFreezer
from htmap.store.atomic import write_file
from htmap.store.mapdir import MapDir
from htmap_common import TransferPath
from htmap_common.program.shapes import code_of
from htmap_common.program.table import Table
from htmap_common.program.things import described
from htmap_common.wire import Buffer, SentFile, encode_function, read_function


class StoredProgram:
    """The function file of a map that is being made.

    Parameters
    ----------
    function, name
        The function, and how messages call it.
    sender
        Says how files go along.

    Attributes
    ----------
    files
        The TransferPaths in the function: they go along with each component.

    Raises
    ------
    CannotPickle
        The function cannot be sent.
    """

    def __init__(self, map_dir: MapDir, function: Callable[..., Any], name: str, sender: Sender) -> None:
        self._path = map_dir.function
        self._header = {
            "name": name,
            "module": _text(getattr(function, "__module__", None)),
            "qualname": _text(getattr(function, "__qualname__", None)) or name,
            "code": code_of(function),
            "python": list(map(int, platform.python_version_tuple()[:2])),
            "implementation": platform.python_implementation().lower(),
            "cloudpickle": CLOUDPICKLE_VERSION,
            "pickle_protocol": PROTOCOL,
        }
        try:
            self._freezer = ProgramFreezer(function)
        except Exception as error:
            culprit = culprit_of(function) or "it, or something it refers to,"
            raise CannotPickle(
                f"The function {name} cannot be sent to an execute node: {culprit} does not pickle "
                f"({type(error).__name__}: {error}). Open files, locks and connections never do: make such things "
                "inside the function."
            ) from error
        self.files: list[TransferPath] = list(self._freezer.files)
        self._sent = [
            SentFile(str(file.path), file.protocol, file.location, transfer.arrives_as)
            for file, transfer in zip(self.files, sender.of_call(self.files), strict=True)
        ]
        self._write(self._freezer.take())

    @property
    def table(self) -> Table:
        """The things in it."""
        return self._freezer.table

    def complete(self) -> None:
        """Define the things that have come in with the inputs."""
        try:
            if not self._freezer.define():
                return
        except Exception as error:
            culprit = culprit_of(self.table.things) or "it, or something it refers to,"
            raise CannotPickle(
                f"A class that the inputs are made of cannot be sent to an execute node: {culprit} does not pickle "
                f"({type(error).__name__}: {error})."
            ) from error
        if self._freezer.files:
            raise InvalidOption(
                f"A class that the inputs are made of refers to the file {next(iter(self._freezer.files))}: "
                "make that file an argument of the function instead."
            )
        # From the disk: the buffers were the caller's memory, which may have changed since.
        pickled, *buffers = read_function(self._path).segments
        more, *more_buffers = self._freezer.take()
        self._write([b"".join((pickled, more)), *buffers, *more_buffers])

    def _write(self, segments: Sequence[Buffer]) -> None:
        extras, classes = self._freezer.extras()
        things = list(map(described, self.table.things, self.table.qualnames))
        things += [described(each, each.__qualname__) for each in classes]
        write_file(
            self._path,
            encode_function(self._header, things, self._freezer.lists, self._sent, sys.argv[:1], segments, extras),
        )


def _text(name: object) -> str | None:
    return name if isinstance(name, str) else None
