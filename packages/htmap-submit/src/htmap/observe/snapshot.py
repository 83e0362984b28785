"""Keep the fold of a long event log, so that the next process need not read it all again.

In and out: a `MapState` and how much of the log it stands for. On disk: ``state``, of kind ``state``. It is only a
cache: absent, damaged, older, or of another log, it is simply not used.
"""

from __future__ import annotations

import contextlib
import itertools
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from htmap.exceptions import StorageError
from htmap.observe.fold import COLUMNS, HoldReason, JobState, JobTable, MapState, Totals
from htmap.store.atomic import storage_errors, write_file
from htmap.store.records import ranges_of
from htmap_common.wire import Kind, WireError, encode_file, read_record

_HEAD_BYTES = 4096  # of the log, to know it again
_SEGMENTS = 1 + len(COLUMNS)  # of a table: states, columns


def save(path: Path, state: MapState, log: Path, offset: int) -> None:
    """Write a snapshot; a disk that refuses is no reason to fail."""
    header = {
        "offset": offset,
        "head": _head_of(log, offset),
        "itemsize": array("I").itemsize,
        "columns": list(COLUMNS),
        "submissions": {str(cluster): number for cluster, number in state.submissions.items()},
        "tables": [
            {
                "holds": {str(job): list(hold) for job, hold in table.holds.items()},
                "exits": {str(job): code for job, code in table.exits.items()},
                "removals": _by_reason(table.removals),
                "totals": asdict(table.totals),
                "hosts": table.host_names,
            }
            for table in state.tables
        ],
    }
    segments = [part for table in state.tables for part in _segments(table)]
    with contextlib.suppress(StorageError), storage_errors(f"write {path}"):
        write_file(path, encode_file(Kind.STATE, header, segments))


def load(path: Path, log: Path, sizes: list[int]) -> tuple[MapState, int] | None:
    """The state and the offset it stands for, or None if there is no snapshot that fits.

    Parameters
    ----------
    log
        The log that it has to be of.
    sizes
        The number of jobs in each submission that is known now. The snapshot must not know more.
    """
    try:
        record = read_record(path, Kind.STATE)
        header = record.header
        tables = [_table(record.segments, number, known) for number, known in enumerate(header["tables"])]
        fits = (
            header["itemsize"] == array("I").itemsize
            and header["columns"] == list(COLUMNS)
            and log.stat().st_size >= header["offset"]
            and header["head"] == _head_of(log, header["offset"])
            and [len(table.states) for table in tables] == sizes[: len(tables)]
            and all(map(_is_sound, tables))
        )
        submissions = {int(cluster): int(number) for cluster, number in header["submissions"].items()}
        offset = int(header["offset"])
    except (WireError, OSError, KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError):
        return None
    if not fits:
        return None
    tables += [JobTable.of_size(size) for size in sizes[len(tables) :]]
    return MapState(tables, submissions), offset


def _is_sound(table: JobTable) -> bool:
    """Whether a table has a row for each job, and names only states and hosts that there are."""
    return (
        all(len(getattr(table, name)) == len(table.states) for name in COLUMNS)
        and max(table.states, default=0) <= max(JobState)
        and max(table.host, default=0) <= len(table.host_names)
    )


def _table(segments: tuple[memoryview, ...], number: int, known: dict[str, Any]) -> JobTable:
    states, *columns = segments[number * _SEGMENTS : (number + 1) * _SEGMENTS]
    arrays = {name: array("I") for name in COLUMNS}
    for column, segment in zip(arrays.values(), columns, strict=True):
        column.frombytes(segment)
    return JobTable(
        states=bytearray(states),
        **arrays,
        holds={int(job): _hold(*hold) for job, hold in known["holds"].items()},
        exits={int(job): None if code is None else int(code) for job, code in known["exits"].items()},
        removals=dict(_by_job(known["removals"], len(states))),
        totals=Totals(**known["totals"]),
        hosts={str(name).encode(): number for number, name in enumerate(known["hosts"], 1)},
        host_names=[str(name) for name in known["hosts"]],
    )


def _segments(table: JobTable) -> list[bytes]:
    return [bytes(table.states), *(getattr(table, name).tobytes() for name in COLUMNS)]


def _by_reason(removals: dict[int, str]) -> list[tuple[str, tuple[tuple[int, int], ...]]]:
    """Each reason, and the ranges of jobs that were removed for it: most are many, and have the same."""
    by_reason: dict[str, list[int]] = {}
    for job in sorted(removals):
        by_reason.setdefault(removals[job], []).append(job)
    return [(reason, ranges_of(jobs)) for reason, jobs in by_reason.items()]


def _by_job(removals: list[Any], jobs: int) -> Iterator[tuple[int, str]]:
    for reason, ranges in removals:
        for start, stop in ranges:
            yield from zip(range(start, min(stop, jobs)), itertools.repeat(str(reason)), strict=False)


def _hold(code: Any, subcode: Any, reason: Any) -> HoldReason:
    return HoldReason(int(code), int(subcode), str(reason))


def _head_of(log: Path, offset: int) -> int:
    with log.open("rb") as file:
        return zlib.crc32(file.read(min(offset, _HEAD_BYTES)))
