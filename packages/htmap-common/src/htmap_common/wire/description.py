"""Any file of ours as plain values, for people and tools.

In: a path. Out: what ``python -m htmap_common FILE`` prints. Nothing is unpickled; damage is part of the answer.
"""

from __future__ import annotations

import math
import os
from typing import Any

from .errors import Corrupt, WireError
from .framing import (
    FIRST_RECORD,
    Kind,
    check_body,
    check_format,
    decode_file_header,
    read_frame,
    read_frame_header,
    segment_spans,
    walk_frames,
)
from .index import find_records
from .source import FileSource


def describe(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Everything that can be said about a file without unpickling it.

    Returns
    -------
    dict
        Only values that JSON knows: ``path``, ``size`` (bytes), ``kind``, ``format``, ``finished`` (outputs files
        only), ``records`` (``offset``, ``end``, ``header`` with the lengths of the segments) and ``damage``:
        sentences, none for a sound file. What cannot be read is absent. Bytes are shown as ``"<n bytes>"``.

    Raises
    ------
    OSError
        It cannot be opened or read.
    """
    description: dict[str, Any] = {"path": os.fspath(path)}
    damage: list[WireError] = []
    with FileSource.open(path) as source:
        description["size"] = source.size
        try:
            _describe_contents(source, description, damage)
        except WireError as error:
            damage.append(error)
    description["damage"] = [str(error.with_path(path)) for error in damage]
    return description


def _describe_contents(source: FileSource, description: dict[str, Any], damage: list[WireError]) -> None:
    description["kind"], description["format"] = decode_file_header(source)
    check_format(description["format"])
    description["records"] = [{"offset": offset} for offset in _find_offsets(source, description, damage)]
    for record in description["records"]:
        try:
            _describe_record(source, record)
        except WireError as error:
            damage.append(error)


def _find_offsets(source: FileSource, description: dict[str, Any], damage: list[WireError]) -> list[int]:
    if description["kind"] != Kind.OUTPUTS.value:
        end = read_frame(source, FIRST_RECORD).end
        if end != source.size:
            damage.append(Corrupt(f"{source.size - end} bytes follow its only record"))
        return [FIRST_RECORD]
    entries, description["finished"], error = find_records(source)
    if error is not None:
        damage.append(error)
    elif not description["finished"]:
        damage.extend(_find_torn_tail(source))
    return [entry.offset for entry in entries]


def _find_torn_tail(source: FileSource) -> list[WireError]:
    try:
        for _ in walk_frames(source):
            pass
    except WireError as error:
        return [error]
    return []


def _describe_record(source: FileSource, record: dict[str, Any]) -> None:
    frame = read_frame(source, record["offset"])
    record["end"] = frame.end
    header = read_frame_header(source, frame)
    record["header"] = _to_json(header)
    segment_spans(frame, header)
    check_body(source, frame)


def _to_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _to_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_to_json(item) for item in value]
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no such numbers
    return value
