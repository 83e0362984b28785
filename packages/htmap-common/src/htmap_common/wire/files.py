"""Files of exactly one record: function, inputs, map, submission, tag, state.

In: a header and segments, or a path. Out: buffers to write, or a `Record`.
On the other side: the submit side writes them (beside, then renames); the runner and the submit side read them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from .errors import Corrupt, naming
from .framing import (
    FIRST_RECORD,
    Frame,
    Kind,
    Record,
    Run,
    check_file_header,
    check_header_keys,
    encode_file_header,
    encode_record,
    read_frame,
    read_frame_header,
    read_record_at,
)
from .source import Buffer, BufferSource, FileSource, Source


def encode_file(
    kind: Kind, header: Mapping[str, Any], segments: Iterable[Buffer] | Run = (), *, align: int = 1
) -> list[Buffer]:
    """A whole file of one record, as buffers to be written one after another (`write_buffers`).

    Parameters
    ----------
    header
        Plain values with string keys; ``segments`` and ``align`` are added here.
    segments
        C-contiguous buffers (a `pickle.PickleBuffer` goes in as its ``raw()``). They are not copied.
        A `Run` if they lie in one piece already.
    align
        Each segment starts at a multiple of it: a power of two; 64 suits arrays.

    Raises
    ------
    ValueError, TypeError, OverflowError
        The header cannot be written.
    """
    check_header_keys(header)
    return [encode_file_header(kind), *encode_record(FIRST_RECORD, header, segments, align=align)]


def decode_file(buffer: Buffer, kind: Kind) -> Record:
    """The record of a file that is in memory; the segments are views of the buffer.

    Raises
    ------
    WireError
        It is not a whole file of this kind.
    """
    source = BufferSource(buffer)
    return read_record_at(source, _only_frame(source, kind))


def read_record(path: str | os.PathLike[str], kind: Kind) -> Record:
    """The record of a file.

    Raises
    ------
    WireError
        It is not a whole file of this kind.
    OSError
        It cannot be opened or read.
    """
    with naming(path), FileSource.open(path) as source:
        return read_record_at(source, _only_frame(source, kind))


def read_header(path: str | os.PathLike[str], kind: Kind) -> dict[str, Any]:
    """The header of the record of a file; its body is neither read nor checked. Raises what `read_record` raises."""
    with naming(path), FileSource.open(path) as source:
        return read_frame_header(source, _only_frame(source, kind))


def _only_frame(source: Source, kind: Kind) -> Frame:
    check_file_header(source, kind)
    frame = read_frame(source, FIRST_RECORD)
    if frame.end != source.size:
        raise Corrupt(f"{source.size - frame.end} bytes follow its only record")
    return frame
