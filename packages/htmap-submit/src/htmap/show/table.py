"""A plain table that fits a width, if it can.

In: columns and rows of text. Out: lines. What does not fit is given up in this order: optional columns from the right,
then the middle of long cells in the first column.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

_GAP = "  "
_SHORTEST_FIRST = 12

Paint = Callable[[str, str], str]
"""Given the title of a column and a cell, already padded: the cell with its colour."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: numbers stand right, text stands left."""

    title: str
    is_number: bool = False
    is_optional: bool = False


def render(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int | None = None, paint: Paint | None = None
) -> str:
    """The table, its lines joined; no blanks at their ends.

    Parameters
    ----------
    width
        What it should fit in. None: it may be as wide as it likes.
    """
    widths = _widths(columns, rows)
    shown = _fitting(columns, widths, width)
    if width is not None and rows:
        excess = max(0, _total(widths, shown) - width)
        widths[0] = max(min(widths[0], _SHORTEST_FIRST), widths[0] - excess)

    def line(cells: Sequence[str], paint: Paint | None) -> str:
        parts = []
        for number in shown:
            cell = shortened(cells[number], widths[number])
            cell = cell.rjust(widths[number]) if columns[number].is_number else cell.ljust(widths[number])
            if number == shown[-1]:
                cell = cell.rstrip()
            parts.append(paint(columns[number].title, cell) if paint else cell)
        return _GAP.join(parts)

    return "\n".join([line([column.title for column in columns], None), *(line(row, paint) for row in rows)])


def left_out(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int | None) -> list[str]:
    """The titles of the columns that `render` gives up."""
    shown = _fitting(columns, _widths(columns, rows), width)
    return [column.title for number, column in enumerate(columns) if number not in shown]


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(len(column.title), *(len(row[n]) for row in rows), 0) for n, column in enumerate(columns)]


def _fitting(columns: Sequence[Column], widths: Sequence[int], width: int | None) -> list[int]:
    """The columns that are shown."""
    shown = list(range(len(columns)))
    for number in reversed(range(len(columns))):
        if width is not None and _total(widths, shown) > width and columns[number].is_optional:
            shown.remove(number)
    return shown


def _total(widths: Sequence[int], shown: Sequence[int]) -> int:
    return sum(widths[number] for number in shown) + len(_GAP) * (len(shown) - 1)


def shortened(text: str, width: int) -> str:
    """A text of at most that length; what is left out is the middle, for both ends of a tag tell."""
    if len(text) <= width:
        return text
    tail = (width - 1) // 2
    return f"{text[: width - 1 - tail]}…{text[len(text) - tail :]}"
