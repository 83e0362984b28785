"""A map as HTML, for notebooks: no scripts, no widgets, styles inline; cheap, as a notebook asks for it often."""

from __future__ import annotations

import datetime as dt
import html
from collections.abc import Mapping

from htmap.observe.statuses import ComponentStatus

_COLORS = {
    ComponentStatus.COMPLETED: "#2e9e5b",
    ComponentStatus.RUNNING: "#2f7fd6",
    ComponentStatus.IDLE: "#b9c2cc",
    ComponentStatus.UNMATERIALIZED: "#e2e6ea",
    ComponentStatus.SUSPENDED: "#d9a400",
    ComponentStatus.HELD: "#e07b00",
    ComponentStatus.ERRORED: "#c93434",
    ComponentStatus.REMOVED: "#7a4a4a",
    ComponentStatus.UNKNOWN: "#666666",
}
_BAR_ORDER = tuple(_COLORS)


def map_html(tag: str, function_name: str, counts: Mapping[ComponentStatus, int], memory_mb: int, cpu_s: int) -> str:
    """The tag, a bar of the statuses with its legend, the peak memory and the time of all components."""
    total = sum(counts.values()) or 1
    shown = [(status, counts[status]) for status in _BAR_ORDER if counts.get(status)]
    bar = "".join(
        f'<div title="{count} {status}" style="width:{100 * count / total:.2f}%;background:{_COLORS[status]}"></div>'
        for status, count in shown
    )
    legend = " &nbsp; ".join(
        f'<span style="color:{_COLORS[status]}">&#9632;</span> {count:,} {status.value.lower()}'
        for status, count in shown
    )
    facts = [f"{sum(counts.values()):,} components of <code>{html.escape(function_name)}</code>"]
    if memory_mb:
        facts.append(f"peak memory {memory_mb:,} MB")
    if cpu_s:
        facts.append(f"CPU time {dt.timedelta(seconds=cpu_s)}")
    return (
        '<div style="font-family:sans-serif;max-width:40em">'
        f"<div><b>{html.escape(tag)}</b> &nbsp; {', '.join(facts)}</div>"
        f'<div style="display:flex;height:0.9em;margin:0.3em 0;border-radius:3px;overflow:hidden">{bar}</div>'
        f"<div>{legend}</div></div>"
    )
