"""A report as one HTML file: it opens without a network, on a phone too, in light and dark, and runs no script.

In: a `Report` of plain values. Out: HTML. Whatever a node or a user wrote is escaped here.
"""

from __future__ import annotations

import datetime as dt
import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from htmap.observe.fold import Totals
from htmap.observe.statuses import ComponentStatus
from htmap.show import charts
from htmap.show.component_table import component_cells
from htmap.show.notebook import bar_html
from htmap.show.units import count, duration, size
from htmap_common.wording import visible

_MB = 1024**2
_REQUESTS = 3  # different ones that are shown


@dataclass(frozen=True, slots=True)
class Report:
    """All that is shown of a map.

    Parameters
    ----------
    created, made
        When the map, and this report, were made, in seconds since 1970.
    over_time, over_hosts, memory, wall
        Values of the charts of `htmap.show.charts`.
    holds
        Reasons, and how many components have each.
    slowest, largest, failed
        Rows of components, as `htmap.maps.table` makes them.
    failures
        How many components have errored.
    reports
        The report of some of them.
    """

    tag: str
    function: str
    created: float
    made: float
    backend: str
    counts: Mapping[ComponentStatus, int]
    totals: Totals
    over_time: Sequence[Mapping[str, Any]]
    over_hosts: Sequence[Mapping[str, Any]]
    memory: Sequence[Mapping[str, Any]]
    asked_memory_mb: Sequence[int]
    wall: Sequence[Mapping[str, Any]]
    attempts: int
    evictions: int
    holds: Sequence[tuple[str, int]]
    slowest: Sequence[Mapping[str, Any]]
    largest: Sequence[Mapping[str, Any]]
    failed: Sequence[Mapping[str, Any]]
    failures: int
    reports: Mapping[int, str]
    advice: Sequence[str]


_STYLE = """
:root { color-scheme: light dark; }
body { font-family: system-ui, sans-serif; max-width: 62em; margin: 0 auto; padding: 0 1em 3em; line-height: 1.4; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2em; } h1 { overflow-wrap: anywhere; }
svg { max-width: 100%; height: auto; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.9em; }
th, td { text-align: left; padding: 0.2em 0.8em 0.2em 0; border-bottom: 1px solid #8886; white-space: nowrap; }
td:last-child { white-space: normal; min-width: 14em; }
pre { overflow-x: auto; font-size: 0.85em; border-left: 3px solid #8886; padding-left: 0.8em; }
nav a { margin-right: 1em; }
"""


def report_html(reports: Sequence[Report]) -> str:
    """The page of one map, or of several below one another."""
    title = ", ".join(each.tag for each in reports)
    made = dt.datetime.fromtimestamp(reports[0].made).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
    jumps = "".join(f'<a href="#map-{number}">{_text(each.tag)}</a>' for number, each in enumerate(reports))
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>HTMap: {_text(title)}</title><style>{_STYLE}</style></head><body>",
            f"<nav>{jumps}</nav>" if len(reports) > 1 else "",
            *(_map(number, each) for number, each in enumerate(reports)),
            f"<footer><p>Made {_text(made)} by HTMap. Make it again for newer figures.</p></footer></body></html>",
        ]
    )


def _map(number: int, report: Report) -> str:
    sections = [
        (
            "Advice for next time",
            _list(report.advice, "Nothing: the requests fit, or too few jobs have ended to tell."),
        ),
        ("Over time", _chart(charts.over_time, report.over_time, "No job has run yet.")),
        ("Hosts", _chart(charts.over_hosts, report.over_hosts, "No job has run yet.")),
        ("Memory", _memory(report)),
        ("Wall time", _wall(report)),
        ("Attempts, evictions, holds", _troubles(report)),
        ("Slowest components", _table(report.slowest, number, report.reports)),
        ("Largest components", _table(report.largest, number, report.reports)),
        ("Failed components", _failed(number, report)),
    ]
    return "\n".join(
        [_head(number, report), *(f"<section><h2>{title}</h2>{body}</section>" for title, body in sections)]
    )


def _head(number: int, report: Report) -> str:
    total, totals = sum(report.counts.values()), report.totals
    created = dt.datetime.fromtimestamp(report.created).astimezone().strftime("%Y-%m-%d %H:%M")
    facts = (
        f"{count(total, 'component')} of {report.function}, made {created}, on {report.backend}; "
        f"{duration(totals.wall_s)} of wall time, {duration(totals.cpu_s)} of CPU time in all"
    )
    return f'<h1 id="map-{number}">{_text(report.tag)}</h1>' + bar_html(_text(facts), report.counts)


def _chart(draw: Any, values: Sequence[Mapping[str, Any]], otherwise: str) -> str:
    return f'<div class="chart">{draw(values)}</div>' if values else f"<p>{otherwise}</p>"


def _memory(report: Report) -> str:
    if not report.memory:
        return "<p>No job has reported its memory yet.</p>"
    asked = report.asked_memory_mb
    marks = [{"at": each, "label": f"asked: {size(each * _MB)}"} for each in asked[-_REQUESTS:]]
    largest = report.memory[-1]["to"]
    words = f"<p>The largest job used less than {size(largest * _MB)}" + (
        f"; asked for {' or '.join(size(each * _MB) for each in asked[-_REQUESTS:])}.</p>" if asked else ".</p>"
    )
    return words + _chart(lambda values: charts.histogram(values, "peak memory (MB)", marks=marks), report.memory, "")


def _wall(report: Report) -> str:
    if not report.wall:
        return "<p>No job has ended yet.</p>"
    words = f"<p>The longest took {duration(report.totals.longest_wall_s)}.</p>"
    return words + _chart(lambda values: charts.histogram(values, "wall time (s)"), report.wall, "")


def _troubles(report: Report) -> str:
    held = [f"{count(number, 'component')} held: {reason}" for reason, number in report.holds]
    return _list(
        [f"jobs were started {count(report.attempts, 'time')}", f"{count(report.evictions, 'eviction')}", *held], ""
    )


def _failed(number: int, report: Report) -> str:
    if not report.failures:
        return "<p>None.</p>"
    more = report.failures - len(report.failed)
    tail = (
        f"<p>... and {more:,} more: <code>htmap errors {_text(report.tag)}</code> groups them all.</p>" if more else ""
    )
    texts = "".join(
        f'<details id="error-{number}-{component}"><summary>Component {component}</summary>'
        f"<pre>{_text(text)}</pre></details>"
        for component, text in report.reports.items()
    )
    return _table(report.failed, number, report.reports) + tail + texts


def _table(rows: Sequence[Mapping[str, Any]], number: int, reports: Mapping[int, str]) -> str:
    if not rows:
        return "<p>None.</p>"
    titles, cells = component_cells(rows)
    head = "".join(f"<th>{_text(title)}</th>" for title in titles)
    body = "".join(
        f"<tr>{_linked(line[0], int(row['component']), number, reports)}{_cells(line[1:])}</tr>"
        for row, line in zip(rows, cells, strict=True)
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _linked(cell: str, component: int, number: int, reports: Mapping[int, str]) -> str:
    if component in reports:
        return f'<td><a href="#error-{number}-{component}">{_text(cell)}</a></td>'
    return f"<td>{_text(cell)}</td>"


def _cells(cells: Iterable[str]) -> str:
    return "".join(f"<td>{_text(cell)}</td>" for cell in cells)


def _list(items: Sequence[str], otherwise: str) -> str:
    if not items:
        return f"<p>{_text(otherwise)}</p>"
    return "<ul>" + "".join(f"<li>{_text(each)}</li>" for each in items) + "</ul>"


def _text(text: str) -> str:
    return html.escape(visible(text))
