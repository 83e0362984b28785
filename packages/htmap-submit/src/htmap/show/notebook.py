"""A map as HTML, for notebooks: no scripts, no widgets, styles inline; cheap, as a notebook asks for it often.

In: counts. Out: HTML, as text, or as output of the running cell that is changed in place.
"""

from __future__ import annotations

import datetime as dt
import html
import sys
from collections.abc import Callable, Mapping

from htmap.observe.fold import Totals
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


def map_html(
    tag: str, function_name: str, counts: Mapping[ComponentStatus, int], memory_mb: int, totals: Totals
) -> str:
    """The tag, a bar of the statuses with its legend, the peak memory and the time of all components."""
    facts = [f"{sum(counts.values()):,} components of <code>{html.escape(function_name)}</code>"]
    if memory_mb:
        facts.append(f"peak memory {memory_mb:,} MB")
    if totals.wall_s:
        facts.append(f"wall time {dt.timedelta(seconds=totals.wall_s)}")
    if totals.cpu_s:
        facts.append(f"CPU time {dt.timedelta(seconds=totals.cpu_s)}")
    return bar_html(f"<b>{html.escape(tag)}</b> &nbsp; {', '.join(facts)}", counts)


def bar_html(title: str, counts: Mapping[ComponentStatus, int]) -> str:
    """A bar of the statuses with its legend, below a title, which is HTML."""
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
    return (
        '<div style="font-family:sans-serif;max-width:40em">'
        f"<div>{title}</div>"
        f'<div style="display:flex;height:0.9em;margin:0.3em 0;border-radius:3px;overflow:hidden">{bar}</div>'
        f"<div>{legend}</div></div>"
    )


def is_running() -> bool:
    """Whether this process is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")  # in a kernel, it is there
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


def cell_output() -> Callable[[str], None]:
    """Begin an output of the running cell; gives the function that changes its HTML."""
    from IPython.display import HTML, display  # noqa: PLC0415 - there is one if `is_running`

    handle = display(HTML(""), display_id=True)
    return lambda text: handle.update(HTML(text))
