"""Progress bars, for a terminal or a notebook; drawn to standard error, so that output can be piped."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping

from htmap.observe.statuses import ComponentStatus

_COLORS = {
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


@contextlib.contextmanager
def component_bar(tag: str, total: int, *, shown: bool) -> Iterator[Callable[[Mapping[ComponentStatus, int]], None]]:
    """A bar that fills as components finish; gives the function to call with new counts."""
    if not shown:
        yield lambda _counts: None
        return
    # Imported when a bar is wanted: it costs more than all of HTMap.
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
        task = progress.add_task(escape(tag), total=total, states="")

        def show(counts: Mapping[ComponentStatus, int]) -> None:
            done = sum(counts.get(status, 0) for status in (ComponentStatus.COMPLETED, ComponentStatus.ERRORED))
            states = " ".join(
                f"[{_COLORS.get(status, 'white')}]{counts[status]} {status.value.lower()}[/]"
                for status in ComponentStatus.display_statuses()
                if counts.get(status) and status is not ComponentStatus.COMPLETED
            )
            progress.update(task, completed=done, states=states)

        yield show
