"""Where bytes come from and go to: a file, or a buffer in memory.

In: a path, a buffer. Out: views of ranges of bytes. On the other side: the file system, whose files may shrink or be
cut short at any moment. Whoever reads checks the range against `Source.size` first.
"""

from __future__ import annotations

import contextlib
import mmap
import os
from collections.abc import Sequence
from typing import BinaryIO, Protocol, final

from .errors import Torn

Buffer = bytes | bytearray | memoryview

# A view has the same remainder in memory as in the file, so that what is aligned there is aligned here.
_ALIGNMENT = 64
_SMALL = 1024 * 1024
_IOV_MAX = 1024


class Source(Protocol):
    """Bytes that can be read from any place."""

    @property
    def size(self) -> int:
        """Number of bytes, fixed when the source was opened."""
        ...

    def read(self, offset: int, length: int) -> memoryview:
        """The bytes of a range that lies within `size`. Raises `Torn` if they are gone by now."""
        ...


class BufferSource:
    """Bytes in memory; views share it."""

    def __init__(self, buffer: Buffer) -> None:
        self._view = memoryview(buffer).cast("B")
        self.size = self._view.nbytes

    def read(self, offset: int, length: int) -> memoryview:
        return self._view[offset : offset + length]


@final
class FileSource:
    """A file that is open for reading; views are copies that outlive it, and may be written to."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = os.fstat(file.fileno()).st_size

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> FileSource:
        # A FIFO without a writer would block for ever; opened like this it is just empty.
        return cls(open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)))

    def read(self, offset: int, length: int) -> memoryview:
        lead = offset % _ALIGNMENT
        view = _allocate(lead + length)[lead:]
        if self._read_at(offset, view) < length:
            raise Torn(f"it has become shorter than {offset + length} bytes while it was read")
        return view

    def _read_at(self, offset: int, view: memoryview) -> int:
        """Fill the view, as far as the file goes; returns the number of bytes.

        Where the system allows, without moving the position of the file: a forked process shares it.
        """
        if not hasattr(os, "preadv"):
            self._file.seek(offset)
            return int(self._file.readinto(view))  # type: ignore[attr-defined]
        done = 0
        while done < len(view):
            count = os.preadv(self._file.fileno(), [view[done:]], offset + done)
            if count == 0:
                break
            done += count
        return done

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> FileSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def write_buffers(fd: int, buffers: Sequence[Buffer]) -> int:
    """Write all bytes of some buffers to a file descriptor, without joining them. Returns how many."""
    pending = [memoryview(buffer) for buffer in buffers if len(buffer)]
    total = first = 0
    while first < len(pending):
        written = os.writev(fd, pending[first : first + _IOV_MAX])
        total += written
        while first < len(pending) and written >= len(pending[first]):
            written -= len(pending[first])
            first += 1
        if written:
            pending[first] = pending[first][written:]
    return total


def _allocate(size: int) -> memoryview:
    if size <= _SMALL:
        return memoryview(bytearray(size))
    # Fresh pages from the kernel need no clearing, unlike a bytearray. The file itself is not mapped: a mapping holds a
    # file descriptor, keeps the directory of a removed map busy on NFS, and kills the process if the file shrinks.
    pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):  # a kernel without them
            pages.madvise(mmap.MADV_HUGEPAGE)  # as numpy does: a page fault costs as much as to copy what is in it
    return memoryview(pages)
