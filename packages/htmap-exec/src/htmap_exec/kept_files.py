"""Files of ours that are still there when the user's function has removed all that lies in its directory.

In: files that a job needs, or that it is to send back, all in the scratch directory, which is the function's working
directory. Out: the same files, put back where they were.
On the other side: functions that tidy up: ``for name in os.listdir(): os.remove(name)``.

A file that is open loses its name, not its content. So each one is held open, and written anew if its last name is
gone. That costs one system call a file, and nothing at all is copied while nobody removes anything.

What the worker holds is not to die with it::

    worker ──descriptors──> a socket that both have ──> keeper, when the worker is gone
"""

from __future__ import annotations

import _socket
import contextlib
import os
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .task import Task

# The function needs descriptors too, and 1024 is the usual limit. What goes beyond is not held: a checkpoint of a
# thousand files, say.
_MOST = 128
_PIECE = 1024 * 1024
_LONGEST_MESSAGE = 1024 * 1024
_DESCRIPTOR_SIZE = struct.calcsize("=i")
_BETWEEN = b"\0"


class _Kept(NamedTuple):
    descriptor: int
    identity: tuple[int, int]


class KeptFiles:
    """Files that are held open.

    Parameters
    ----------
    legacy
        Gets them too, with each change.
    """

    def __init__(self, legacy: Legacy | None = None) -> None:
        self._kept: dict[str, _Kept] = {}
        self._legacy = legacy

    def keep(self, path: str, *, make: bool = False) -> None:
        """Hold a file, or all files of a directory. What cannot be opened is left to whoever needs it.

        Parameters
        ----------
        make
            Make it, empty, if it is not there.
        """
        for file in [path] if make else _files(path):
            if len(self._kept) >= _MOST:
                return
            # What is no regular file might never open (a FIFO).
            with contextlib.suppress(OSError):
                flags = os.O_RDWR | os.O_CREAT if make else os.O_RDONLY
                descriptor = os.open(file, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
                self._hold(file, descriptor)
        self._leave()

    def take_over(self, legacy: Legacy) -> None:
        """Hold what another process held that is gone."""
        for path, descriptor in legacy.take():
            if path in self._kept or len(self._kept) >= _MOST:
                put_back(descriptor, path)
                os.close(descriptor)
            else:
                self._hold(path, descriptor)

    def _hold(self, path: str, descriptor: int) -> None:
        self._kept[path] = _Kept(descriptor, _identity(os.fstat(descriptor)))

    def _leave(self) -> None:
        if self._legacy is not None:
            self._legacy.leave({path: kept.descriptor for path, kept in self._kept.items() if _is_still(kept)})

    def keep_sent(self, task: Task) -> None:
        """Hold what came with the job: its files, and the zip of the runner, some parts of which are loaded late."""
        for name in (task.function, *task.inputs):
            self.keep(os.path.join(task.scratch, name))
        archive = getattr(__spec__.loader, "archive", None)
        if archive is not None and os.path.dirname(os.path.abspath(archive)) == task.scratch:
            self.keep(os.path.abspath(archive))

    def keep_standard_streams(self, scratch: str) -> None:
        """Hold what the queue has its job print to, where that lies in the scratch directory: it wants it back."""
        inside = os.path.join(scratch, "")
        for number in (1, 2):
            with contextlib.suppress(OSError):  # no /proc
                path = os.readlink(f"/proc/self/fd/{number}")
                if path.startswith(inside):
                    self.keep(path)

    def let_go(self, path: str) -> None:
        """Hold a file, or those of a directory, no longer: we are about to remove it."""
        inside = os.path.join(path, "")
        gone = [file for file in self._kept if file == path or file.startswith(inside)]
        for file in gone:
            kept = self._kept.pop(file)
            if _is_still(kept):
                os.close(kept.descriptor)
        if gone:
            self._leave()

    def put_back(self) -> None:
        """Write anew what has lost its last name."""
        for path, kept in list(self._kept.items()):
            if _is_still(kept) and put_back(kept.descriptor, path):
                # From now on the new one counts.
                os.close(kept.descriptor)
                del self._kept[path]
                self.keep(path)


class Legacy:
    """What one process holds open, for another that goes on when it is gone. Made before the first one is forked."""

    def __init__(self) -> None:
        # Not the module socket, which takes longer to import than this process needs for all else.
        self._sending, self._taking = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_DGRAM)
        for end in (self._sending, self._taking):
            end.setblocking(False)

    def leave(self, files: dict[str, int]) -> None:
        """Leave these files, by their paths, and nothing that was left before."""
        # Both ends are open here as well: what lies in between is taken out again.
        for _, descriptor in self.take():
            os.close(descriptor)
        # The function may have closed all that it found, or named files with very long paths.
        with contextlib.suppress(OSError):
            if files:
                paths = _BETWEEN.join(map(os.fsencode, files))
                rights = struct.pack(f"={len(files)}i", *files.values())
                self._sending.sendmsg([paths], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)])

    def take(self) -> list[tuple[str, int]]:
        """Take what was left last: paths, and descriptors that are this process's own."""
        try:
            paths, ancillary, _, _ = self._taking.recvmsg(_LONGEST_MESSAGE, _socket.CMSG_LEN(_MOST * _DESCRIPTOR_SIZE))
        except OSError:
            return []
        descriptors = [
            descriptor
            for _, _, rights in ancillary
            for descriptor in struct.unpack(f"={len(rights) // _DESCRIPTOR_SIZE}i", rights)
        ]
        return list(zip(map(os.fsdecode, paths.split(_BETWEEN)), descriptors, strict=True))


def enter_scratch(scratch: str) -> None:
    """Go to the scratch directory, even if the function has removed that, too."""
    with contextlib.suppress(OSError):
        os.makedirs(scratch, exist_ok=True)
        os.chdir(scratch)


def put_back(descriptor: int, path: str) -> bool:
    """Write an open file anew if it has lost its last name; whether it has been. A full disk must cost nothing else."""
    status = os.fstat(descriptor)
    if status.st_nlink > 0:
        return False
    with contextlib.suppress(OSError):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        new = f"{path}.new"
        with open(new, "wb") as file:
            offset = 0
            while piece := os.pread(descriptor, _PIECE, offset):
                file.write(piece)
                offset += len(piece)
            os.fchmod(file.fileno(), status.st_mode & 0o777)
        os.rename(new, path)
        return True
    return False


def _is_still(kept: _Kept) -> bool:
    """Whether the descriptor is the one that was opened: functions that make daemons close all that they find."""
    try:
        return _identity(os.fstat(kept.descriptor)) == kept.identity
    except OSError:
        return False


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _files(path: str) -> Iterator[str]:
    """The regular files at or below a path."""
    if os.path.isdir(path) and not os.path.islink(path):
        for directory, _, names in os.walk(path):
            for name in names:
                yield from _files(os.path.join(directory, name))
    elif os.path.isfile(path) and not os.path.islink(path):
        yield path
