"""The status of maps as a table for people."""

from __future__ import annotations

import collections
import textwrap
from collections.abc import Sequence

from htmap.observe.statuses import ComponentStatus
from htmap.show.bars import summary
from htmap.show.lines import BrokenMap, MapLine
from htmap.show.table import Column, Paint, left_out, render
from htmap.show.units import age, count, duration, size

_NARROWEST = 30
_ALWAYS_SHOWN = frozenset({ComponentStatus.RUNNING, ComponentStatus.COMPLETED})
_USAGE = tuple(Column(title, is_number=True, is_optional=True) for title in (
    "Local Data", "Max Memory", "Max Wall", "Total Wall", "Total CPU",
))  # fmt: skip


def status_table(
    lines: Sequence[MapLine], broken: Sequence[BrokenMap] = (), width: int | None = None, paint: Paint | None = None
) -> str:
    """One row for each map; statuses in which no component is are left out. What is broken stands below.

    A star marks transient maps.
    """
    parts = [_with_totals(lines, width, paint)] if lines else []
    if broken:
        parts.append(broken_list(broken, width))
    return "\n\n".join(parts) or "There are no maps."


def _with_totals(lines: Sequence[MapLine], width: int | None, paint: Paint | None) -> str:
    """The table; below it, what several maps make together, and which columns found no room."""
    columns, rows = _table(lines)
    parts = [render(columns, rows, width, paint)]
    if len(lines) > 1 and any(line.counts for line in lines):
        together: collections.Counter[ComponentStatus] = collections.Counter()
        for line in lines:
            together.update(line.counts or {})
        parts.append(_filled(f"{count(len(lines), 'map')}: {summary(together)}", width))
    if missing := left_out(columns, rows, width):
        parts.append(_filled(f"Not shown, as the terminal is narrow: {', '.join(missing)}.", width))
    return "\n".join(parts)


def _filled(text: str, width: int | None) -> str:
    return text if width is None else textwrap.fill(text, max(width, _NARROWEST))


def _table(lines: Sequence[MapLine]) -> tuple[list[Column], list[list[str]]]:
    statuses = [status for status in ComponentStatus.display_statuses() if _is_shown(status, lines)]
    columns = [Column("Tag"), *(Column(str(status), is_number=True) for status in statuses)]
    with_age = any(line.usage and line.age_s is not None for line in lines)
    if with_age:
        columns.append(Column("Age", is_number=True, is_optional=True))
    if any(line.usage for line in lines):
        columns += _USAGE
    rows = [
        [_marked(line, lines), *_counts(line, statuses), *(_age(line) if with_age else ()), *_usage(line)]
        for line in lines
    ]
    return columns, rows


def _marked(line: MapLine, lines: Sequence[MapLine]) -> str:
    """The tag, with a star before it if `htmap.clean` removes the map; the others are indented, if there are such."""
    mark = "* " if line.is_transient else "  " if any(each.is_transient for each in lines) else ""
    return f"{mark}{line.tag}"


def _is_shown(status: ComponentStatus, lines: Sequence[MapLine]) -> bool:
    counts = [line.counts for line in lines if line.counts is not None]
    return bool(counts) and (status in _ALWAYS_SHOWN or any(each.get(status) for each in counts))


def _counts(line: MapLine, statuses: Sequence[ComponentStatus]) -> list[str]:
    counts = line.counts or {}
    return [str(counts.get(status, 0)) for status in statuses]


def _age(line: MapLine) -> list[str]:
    return ["" if line.age_s is None else age(line.age_s)]


def _usage(line: MapLine) -> list[str]:
    usage = line.usage
    if usage is None:
        return []
    memory = size(usage.max_memory) if usage.max_memory else "-"
    times = (usage.max_wall_time, usage.total_wall_time, usage.total_runtime)
    return [size(usage.local_data), memory, *map(duration, times)]


def broken_list(broken: Sequence[BrokenMap], width: int | None = None) -> str:
    """What cannot be used, and what to do about each."""
    parts = [f"{len(broken)} cannot be used:"]
    for each in broken:
        parts.append(f"  {each.name}")
        parts += textwrap.wrap(
            each.problem,
            max(40, width or 100),
            initial_indent="    ",
            subsequent_indent="    ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join(parts)
