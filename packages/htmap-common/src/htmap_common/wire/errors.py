"""What can be wrong with a file of ours.

::

    WireError
    ├── NotOurFile      it does not start with our magic bytes
    ├── UnknownFormat   a newer HTMap wrote it
    ├── WrongKind       a file of ours, but not the one that was asked for
    ├── Torn            it ends too early
    └── Corrupt         a checksum, or the structure, is wrong

In: raised by every decoder of this package. Out: one sentence for a person. The submit side turns them into
`htmap.exceptions.DamagedFile`, the runner into a record of an error. All of them survive pickling.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


class WireError(Exception):
    """A file of ours cannot be read.

    Attributes
    ----------
    path
        The file, once somebody knows which one it is.
    """

    path: str | None = None

    def predicate(self) -> str:
        """What is wrong, as the end of a sentence that starts with the file."""
        return "cannot be read"

    def __str__(self) -> str:
        subject = "The file" if self.path is None else f"The file {self.path}"
        return f"{subject} {self.predicate()}."

    def with_path(self, path: str | os.PathLike[str]) -> WireError:
        """Say which file it is about; returns the same error."""
        self.path = os.fspath(path)
        return self


class NotOurFile(WireError):
    """The file does not start with HTMap's magic bytes."""

    def predicate(self) -> str:
        return "is not a file of HTMap"


class UnknownFormat(WireError):
    """The file has a format number that this version does not read."""

    def __init__(self, found: int, known: int) -> None:
        super().__init__(found, known)
        self.found = found
        self.known = known

    def predicate(self) -> str:
        return f"has format {self.found}, but this version reads format {self.known}: install a newer htmap-common"


class WrongKind(WireError):
    """The file is one of ours, but of another kind than expected."""

    def __init__(self, found: str, expected: str) -> None:
        super().__init__(found, expected)
        self.found = found
        self.expected = expected

    def predicate(self) -> str:
        return f"is of kind '{self.found}', where one of kind '{self.expected}' is expected"


class Torn(WireError):
    """The file ends before it should: its writer was interrupted, or the copy of it is not whole."""

    def predicate(self) -> str:
        return f"is cut short: {self.args[0]}"


class Corrupt(WireError):
    """Bytes of the file have changed since it was written, or they never made sense."""

    def predicate(self) -> str:
        return f"is damaged: {self.args[0]}"


@contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Every `WireError` that leaves the block says that it is about this file."""
    try:
        yield
    except WireError as error:
        error.path = os.fspath(path)
        raise
