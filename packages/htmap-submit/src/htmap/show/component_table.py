"""Rows of components as text for people, as CSV and JSON for programs.

In: rows as `htmap.maps.table` makes them, columns by name. Out: text. Programs get every column, times in ISO 8601;
people get those columns in which something is known, memory and disk in units.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from htmap.show.table import Column, Paint, render
from htmap.show.units import duration, size

_KB, _MB = 1024, 1024**2

Row = Mapping[str, Any]


def plain(row: Row) -> dict[str, Any]:
    """A row that JSON can take: times as ISO 8601."""
    return {name: value.isoformat() if isinstance(value, dt.datetime) else value for name, value in row.items()}


def component_csv(rows: Iterable[Row], columns: Sequence[str]) -> str:
    """CSV: one line for each row below a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(plain(row))
    return text.getvalue()


def component_text(rows: Sequence[Row], width: int | None = None, paint: Paint | None = None) -> str:
    """A table for people; a column in which nothing is known is left out."""
    shown = [each for each in _COLUMNS if any(_cell(each, row) for row in rows)]
    columns = [Column(title, is_number=is_number) for title, _, is_number in shown]
    return render(columns, [[_cell(each, row) for each in shown] for row in rows], width, paint)


def component_cells(rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """Titles, and a list of cells for each row, of the columns in which something is known."""
    shown = [each for each in _COLUMNS if any(_cell(each, row) for row in rows)]
    return [title for title, _, _ in shown], [[_cell(each, row) for each in shown] for row in rows]


def in_order(rows: Iterable[Row], column: str, *, descending: bool) -> list[Row]:
    """Rows by the values of a column; those in which it is not known come last."""
    known = [row for row in rows if row[column] is not None]
    unknown = [row for row in rows if row[column] is None]
    return sorted(known, key=lambda row: row[column], reverse=descending) + unknown


def _beside(used: str, asked: str) -> str:
    return f"{used or '?'} / {asked}" if asked else used


def _memory(row: Row) -> str:
    return _beside(_size(row["peak_memory_mb"], _MB), _size(row["requested_memory_mb"], _MB))


def _disk(row: Row) -> str:
    return _beside(_size(row["disk_kb"], _KB), _size(row["requested_disk_kb"], _KB))


def _cores(row: Row) -> str:
    asked = row["requested_cpus"]
    return f"{row['cores']:.2f} / {asked}" if asked else ""


def _runs(row: Row) -> str:
    evictions = f" ({row['evictions']} evicted)" if row["evictions"] else ""
    return f"{row['attempts']}{evictions}" if row["attempts"] else ""


def _size(amount: int | None, unit: int) -> str:
    return "" if amount is None else size(amount * unit)


def _seconds(value: float | None) -> str:
    return "" if value is None else duration(value)


def _time(value: dt.datetime | None) -> str:
    return "" if value is None else value.astimezone().strftime("%m-%d %H:%M:%S")


_COLUMNS = (
    ("Component", lambda row: str(row["component"]), True),
    ("Status", lambda row: row["status"], False),
    ("Host", lambda row: row["host"] or "", False),
    ("Started", lambda row: _time(row["started"]), False),
    ("Wall", lambda row: _seconds(row["wall_s"]), True),
    ("CPU", lambda row: _seconds(row["cpu_s"]), True),
    ("Memory / asked", _memory, True),
    ("Disk / asked", _disk, True),
    ("Cores / asked", _cores, True),
    ("Runs", _runs, False),
    ("Problem", lambda row: row["problem"] or "", False),
)


def _cell(column: tuple[str, Any, bool], row: Row) -> str:
    return str(column[1](row))
