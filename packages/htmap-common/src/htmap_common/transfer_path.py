"""Where a file or directory lies that has to be moved to or from the execute node.

In: a path on this machine, or a path at a remote location. Out: what `pathlib` would answer, as transfer paths.
On the other side: user code makes them; the submit side turns them into transfer lists; the runner unpickles each one
as the `pathlib.Path` of the file that has arrived.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator
from io import IOBase
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

_PROTOCOL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_URL = re.compile(rf"{_PROTOCOL.pattern}://")


@functools.total_ordering
class TransferPath:
    """The location of a file or directory: on this machine, or, if a protocol or a location is given, elsewhere.

    As an argument of a mapped function (also inside lists, tuples, sets and values of dictionaries) it makes HTMap
    transfer the file; the function then gets a `pathlib.Path` to the file that has arrived. It is also the destination
    of an output file, in ``MapOptions(output_remaps=...)``.

    It never changes, can be hashed and sorted, and has the interface of a `pathlib.Path`; methods that return a path
    return a `TransferPath` to the same location. What needs a file system (``exists``, ``glob``, ...) works for local
    paths only.

    Parameters
    ----------
    path
        The path to the file or directory. Another `TransferPath` also brings its protocol and location along.
    protocol
        How to transfer it, such as ``"http"`` or ``"s3"``. None: HTCondor's own file transfer.
    location
        Where a remote file is, such as the address of a server.

    Raises
    ------
    ValueError
        The path is a URL, or the protocol is not the name of one.

    Examples
    --------
    >>> str(TransferPath("/", protocol="http", location="example.org") / "raw" / "run 7.csv")
    'http://example.org/raw/run 7.csv'
    """

    __slots__ = ("_location", "_path", "_protocol")

    def __init__(
        self, path: str | os.PathLike[str] | TransferPath, protocol: str | None = None, location: str | None = None
    ) -> None:
        if isinstance(path, TransferPath):
            protocol, location, path = protocol or path.protocol, location or path.location, path.path
        if protocol and not _PROTOCOL.fullmatch(protocol):
            raise ValueError(f"{protocol!r} is not the name of a protocol; give only the part before '://'.")
        if _URL.match(os.fspath(path)):
            raise ValueError(f"{path!r} is a URL; give its parts: TransferPath(path, protocol=..., location=...).")
        self._protocol = protocol or None
        self._location = location or None
        self._path: PurePath = Path(path) if self.is_local else PurePosixPath(path)

    @classmethod
    def cwd(cls) -> TransferPath:
        """The current directory of this process."""
        return cls(Path.cwd())

    @classmethod
    def home(cls) -> TransferPath:
        """The home directory of the user."""
        return cls(Path.home())

    @property
    def path(self) -> PurePath:
        """The path at its location, a `pathlib.Path` on this machine and a `pathlib.PurePosixPath` elsewhere."""
        return self._path

    @property
    def protocol(self) -> str | None:
        """How to transfer it. None means HTCondor's own file transfer."""
        return self._protocol

    @property
    def location(self) -> str | None:
        """Where a remote file is."""
        return self._location

    @property
    def is_local(self) -> bool:
        """Whether it is a path on this machine."""
        return self._protocol is None and self._location is None

    def __str__(self) -> str:
        if self.is_local:
            return str(self._path)
        scheme = f"{self._protocol}:" if self._protocol else ""
        return f"{scheme}//{self._location or ''}{_rooted(self)}"

    def __repr__(self) -> str:
        remote = "" if self.is_local else f", protocol={self._protocol!r}, location={self._location!r}"
        return f"{type(self).__name__}({str(self._path)!r}{remote})"

    def __fspath__(self) -> str:
        if not self.is_local:
            raise TypeError(f"{self} is remote: it has no path on this machine.")
        return str(self._path)

    def __reduce__(self) -> tuple[type[TransferPath], tuple[str, str | None, str | None]]:
        # The runner recognizes this call in a pickle, with exactly these arguments.
        return type(self), (str(self._path), self._protocol, self._location)

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return self._key == other._key if isinstance(other, TransferPath) else NotImplemented

    def __lt__(self, other: object) -> bool:
        return self._key < other._key if isinstance(other, TransferPath) else NotImplemented

    # --- what pathlib says about any path ---

    @property
    def parts(self) -> tuple[str, ...]:
        """The components of the path."""
        return self._path.parts

    @property
    def name(self) -> str:
        """The last component."""
        return self._path.name

    @property
    def stem(self) -> str:
        """The last component without its suffix."""
        return self._path.stem

    @property
    def suffix(self) -> str:
        """The last suffix of the last component."""
        return self._path.suffix

    @property
    def suffixes(self) -> list[str]:
        """All suffixes of the last component."""
        return self._path.suffixes

    @property
    def parent(self) -> TransferPath:
        """The directory it lies in."""
        return self._at(self._path.parent)

    @property
    def parents(self) -> tuple[TransferPath, ...]:
        """All directories above it, the nearest first."""
        return tuple(map(self._at, self._path.parents))

    def joinpath(self, *others: str | os.PathLike[str] | TransferPath) -> TransferPath:
        """A path below this one (or another one, if a part is absolute)."""
        return self._at(self._path.joinpath(*map(_path_of, others)))

    def __truediv__(self, other: str | os.PathLike[str] | TransferPath) -> TransferPath:
        if not isinstance(other, str | os.PathLike):
            return NotImplemented
        return self.joinpath(other)

    def __rtruediv__(self, other: str | os.PathLike[str]) -> TransferPath:
        if not isinstance(other, str | os.PathLike):
            return NotImplemented
        return self._at(other / self._path)

    def with_name(self, name: str) -> TransferPath:
        """The same place with another last component."""
        return self._at(self._path.with_name(name))

    def with_stem(self, stem: str) -> TransferPath:
        """The same place and suffix with another stem."""
        return self._at(self._path.with_stem(stem))

    def with_suffix(self, suffix: str) -> TransferPath:
        """The same place and stem with another suffix."""
        return self._at(self._path.with_suffix(suffix))

    def is_relative_to(self, other: str | os.PathLike[str] | TransferPath) -> bool:
        """Whether it lies below the other path."""
        try:
            self.relative_to(other)
        except ValueError:
            return False
        return True

    def relative_to(self, other: str | os.PathLike[str] | TransferPath) -> TransferPath:
        """What has to be joined to the other path to come here. Raises ValueError if nothing does."""
        if not isinstance(other, TransferPath):
            return self._at(self._path.relative_to(other))
        if (self.protocol, self.location) != (other.protocol, other.location):
            raise ValueError(f"{self} and {other} are at different locations.")
        return self._at(_rooted(self).relative_to(_rooted(other)))

    def as_uri(self) -> str:
        """The URL."""
        return self._path.as_uri() if self.is_local else str(self)

    def __getattr__(self, name: str) -> Any:
        """Everything else that pathlib offers; file systems only for local paths."""
        # Names with an underscore are asked for by copy, pickle and others while the object is not there yet.
        if name.startswith("_") or not hasattr(self._path, name):
            where = "" if name.startswith("_") or self.is_local else f" (the file system of {self} is not at hand)"
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{where}")
        attribute = getattr(self._path, name)
        if not callable(attribute):
            return attribute

        @functools.wraps(attribute)
        def call(*args: Any, **kwargs: Any) -> Any:
            return self._wrap(attribute(*args, **kwargs))

        return call

    # --- making others like this one ---

    @property
    def _key(self) -> tuple[str, str, PurePath]:
        return self._protocol or "", self._location or "", _rooted(self)

    def _at(self, path: str | os.PathLike[str]) -> TransferPath:
        return type(self)(path, self._protocol, self._location)

    def _wrap(self, value: Any) -> Any:
        if isinstance(value, PurePath):
            return self._at(value)
        # An open file is an iterator too.
        if isinstance(value, Iterator) and not isinstance(value, IOBase):
            return map(self._wrap, value)
        return value


def _path_of(part: str | os.PathLike[str] | TransferPath) -> str | os.PathLike[str]:
    return part.path if isinstance(part, TransferPath) else part


def _rooted(path: TransferPath) -> PurePath:
    """A remote path starts at the root of its location, whether or not it was given with a slash."""
    return path.path if path.is_local else PurePosixPath("/" + str(path.path).lstrip("/"))
