"""Progress bars: in a terminal, on standard error, so that output can be piped; in a notebook, in its cell.

rich is imported when a bar is drawn: it costs more than all of HTMap. In notebooks it would need ipywidgets.
"""

from __future__ import annotations

import contextlib
import html
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from htmap.observe.statuses import ComponentStatus
from htmap.show import notebook

T = TypeVar("T")

_PATIENCE_S = 1.5  # what takes no longer needs no bar

COLORS = {
    ComponentStatus.COMPLETED: "green",
    ComponentStatus.RUNNING: "cyan",
    ComponentStatus.HELD: "yellow",
    ComponentStatus.ERRORED: "red",
    ComponentStatus.REMOVED: "red",
    ComponentStatus.SUSPENDED: "yellow",
}


def summary(counts: Mapping[ComponentStatus, int]) -> str:
    """Statuses that occur, in words: ``3 RUNNING, 7 COMPLETED``."""
    shown = [status for status in ComponentStatus.display_statuses() if counts.get(status)]
    return ", ".join(f"{counts[status]} {status}" for status in shown) or "no components"


ShowCounts = Callable[[Mapping[ComponentStatus, int]], None]
"""Brings a bar up to date."""


@contextlib.contextmanager
def component_bar(tag: str, total: int, *, shown: bool) -> Iterator[ShowCounts]:
    """A bar that fills as components finish; gives the function to call with new counts."""
    with component_bars(shown=shown) as add:
        yield add(tag, total)


@contextlib.contextmanager
def component_bars(*, shown: bool) -> Iterator[Callable[[str, int], ShowCounts]]:
    """Bars below one another; gives the function that adds one, for the map of a tag with so many components."""
    if not shown:
        yield lambda _tag, _total: lambda _counts: None
        return
    if notebook.is_running():
        yield _in_cell
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.markup import escape  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[states]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:

        def add(tag: str, total: int) -> ShowCounts:
            task = progress.add_task(escape(tag), total=total, states="")

            def show(counts: Mapping[ComponentStatus, int]) -> None:
                done = sum(counts.get(status, 0) for status in (ComponentStatus.COMPLETED, ComponentStatus.ERRORED))
                progress.update(task, completed=done, states=_states(counts))

            return show

        yield add


def _in_cell(tag: str, total: int) -> ShowCounts:
    change = notebook.cell_output()
    title = f"<b>{html.escape(tag)}</b> &nbsp; {total:,} components"
    shown: Mapping[ComponentStatus, int] = {}

    def show(counts: Mapping[ComponentStatus, int]) -> None:
        nonlocal shown
        if counts != shown:
            shown = counts
            change(notebook.bar_html(title, counts))

    return show


def _states(counts: Mapping[ComponentStatus, int]) -> str:
    return " ".join(
        f"[{COLORS.get(status, 'white')}]{counts[status]} {status.value.lower()}[/]"
        for status in ComponentStatus.display_statuses()
        if counts.get(status) and status is not ComponentStatus.COMPLETED
    )


def creation_bar(total: int | None, count_of: Callable[[T], int]) -> Callable[[Iterable[T]], Iterator[T]]:
    """Watch inputs being stored, and draw a bar if that takes long and somebody sees it.

    Parameters
    ----------
    total
        The number of components, if it is known.
    count_of
        How many components are in one of the things that pass.
    """

    def watched(stored: Iterable[T]) -> Iterator[T]:
        impatient_at = time.monotonic() + _PATIENCE_S
        done = 0
        with contextlib.ExitStack() as drawn:
            show: Callable[[int], None] | None = None
            for each in stored:
                done += count_of(each)
                if show is None and time.monotonic() > impatient_at:
                    show = drawn.enter_context(_count_bar("creating the map", total))
                if show is not None:
                    show(done)
                yield each

    return watched if _is_watched() else iter


def _is_watched() -> bool:
    return (sys.stderr is not None and sys.stderr.isatty()) or notebook.is_running()


@contextlib.contextmanager
def _count_bar(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    if notebook.is_running():
        change = notebook.cell_output()
        try:
            yield lambda done: change(f"<div>{title}: {done:,} components</div>")
        finally:
            change("")
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} components"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=total)
        yield lambda done: progress.update(task, completed=done)
