"""Outputs files: one record per component, appended as each component finishes.

In: headers and payloads from the runner. Out: the same, by component, on the submit side.
On the other side of the file: a writer that may be killed at any moment, a copy that may be cut short anywhere.
Each record is whole or it is not there; an index and a trailer at the end say that nothing is missing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, final

from .errors import Corrupt, Torn, naming
from .framing import (
    Frame,
    Kind,
    Record,
    check_file_header,
    check_header_keys,
    encode_file_header,
    encode_record,
    read_frame,
    read_frame_header,
    read_record_at,
)
from .index import Contents, IndexEntry, encode_index, entry_of, find_records, find_whole_records
from .source import Buffer, FileSource, write_buffers


@final
class OutputsWriter:
    """Appends records to an outputs file; made by `open`.

    Attributes
    ----------
    entries
        The records that are in the file, in their order.
    """

    def __init__(self, fd: int, entries: list[IndexEntry], end: int) -> None:
        self.entries = entries
        self._fd = fd
        self._end = end

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> OutputsWriter:
        """Create the file, or go on after the last whole record of one that is there.

        What follows that record is cut off: a torn or damaged record and everything after it, an index, a trailer.

        Raises
        ------
        WireError
            There is a file, but it is no outputs file that this version can go on with. It is left as it was.
        OSError
        """
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            with naming(path), open(fd, "rb", closefd=False) as file:
                writer = cls(fd, *_find_end(FileSource(file)))
            writer._cut()
            if writer._end == 0:
                writer._write([encode_file_header(Kind.OUTPUTS)])
        except BaseException:
            os.close(fd)
            raise
        return writer

    def append(self, header: Mapping[str, Any], segments: Iterable[Buffer] = (), *, align: int = 1) -> None:
        """Write one record; when this returns, the kernel has all of it.

        Parameters
        ----------
        header
            ``component`` (int), ``status`` (str) and other plain values; ``segments`` and ``align`` are added here.
        segments, align
            As in `encode_file`.

        Raises
        ------
        OSError
            It could not be written (disk full, ...). Nothing of it is left, and the next append may succeed.
        ValueError, TypeError, OverflowError
            The header cannot be written.
        """
        check_header_keys(header)
        try:
            entry = entry_of(header, self._end)
        except Corrupt as error:
            raise ValueError("The header of a record must have the component (int) and its status (str).") from error
        self._write(encode_record(self._end, header, segments, align=align))
        self.entries.append(entry)

    def finish(self) -> None:
        """Write the index and the trailer, which say that no record is missing, and close."""
        self._write(encode_index(self.entries, self._end))
        self.close()

    def close(self) -> None:
        """Close the file as it is. May be called again."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> OutputsWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, buffers: list[Buffer]) -> None:
        try:
            self._end += write_buffers(self._fd, buffers)
        except BaseException:
            # Half a record would hide everything that is appended after it.
            self._cut()
            raise

    def _cut(self) -> None:
        if self._fd >= 0:
            # Not in vain: ext4 takes a file that is cut down to nothing for one that is being replaced, and whoever
            # closes it has to wait until it is on its way to the disk.
            if os.fstat(self._fd).st_size > self._end:
                os.ftruncate(self._fd, self._end)
            os.lseek(self._fd, self._end, os.SEEK_SET)


@final
class OutputsReader:
    """Reads the records of an outputs file; made by `open`. What is appended later is not seen.

    Attributes
    ----------
    entries
        The records in the file. If a component has several, the last one counts.
    is_finished
        The writer has written all that it wanted to, and it is all there.
    damage
        What stands in the way of finding further records, if anything does. A file that simply ends early has none:
        what it lost is just not in `entries`.
    """

    def __init__(self, path: str, source: FileSource, contents: Contents) -> None:
        self.entries, self.is_finished, self.damage = contents
        self._path = path
        self._source = source
        if self.damage is not None:
            self.damage.path = path

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, most: int | None = None) -> OutputsReader:
        """Find the records, without touching their bodies.

        Parameters
        ----------
        most
            So many records there can be: a file that says it has more is damaged. Bounds time and memory.

        Raises
        ------
        WireError
            It is no outputs file, or one of an unknown format.
        OSError
        """
        source = FileSource.open(path)
        try:
            with naming(path):
                check_file_header(source, Kind.OUTPUTS)
                return cls(os.fspath(path), source, find_records(source, most))
        except BaseException:
            source.close()
            raise

    def header(self, entry: IndexEntry) -> dict[str, Any]:
        """The header of a record; its body is neither read nor checked. Raises `WireError`."""
        with naming(self._path):
            header = read_frame_header(self._source, self._frame(entry))
            _compare(entry, header)
            return header

    def record(self, entry: IndexEntry) -> Record:
        """A whole record. Raises `WireError`."""
        with naming(self._path):
            record = read_record_at(self._source, self._frame(entry))
            _compare(entry, record.header)
            return record

    def close(self) -> None:
        """Close the file. Records stay usable."""
        self._source.close()

    def __enter__(self) -> OutputsReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _frame(self, entry: IndexEntry) -> Frame:
        return read_frame(self._source, entry.offset)


def _find_end(source: FileSource) -> tuple[list[IndexEntry], int]:
    try:
        check_file_header(source, Kind.OUTPUTS)
    except Torn:
        return [], 0  # new, or its writer was killed before it had begun
    return find_whole_records(source)


def _compare(entry: IndexEntry, header: Mapping[str, Any]) -> None:
    if entry_of(header, entry.offset) != entry:
        raise Corrupt(f"its index says that component {entry.component} is at byte {entry.offset}")
