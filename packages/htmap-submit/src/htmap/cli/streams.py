"""``htmap stdout``, ``htmap stderr``: what a component printed, also while it prints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from htmap.cli.console import note
from htmap.cli.exits import Exit
from htmap.cli.selection import selects_one_map
from htmap.exceptions import TimeoutError  # noqa: A004 - ours
from htmap.maps.acting import Map
from htmap.observe.pace import Deadline, Pacer
from htmap.observe.statuses import ACTIVE, ComponentStatus
from htmap.results.streams import MapStdErr, MapStdOut
from htmap.settings import settings

# A reader that comes in the middle of a character sees this at the end.
_HALF_A_CHARACTER = "\N{REPLACEMENT CHARACTER}"


def _shows(name: str, stream: Callable[[Map], MapStdOut | MapStdErr], help_text: str) -> click.Command:
    @selects_one_map
    @click.argument("component", type=int)
    @click.option("-f", "--follow", is_flag=True, help="Go on showing it until the component has ended, or is held.")
    @click.option(
        "--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="Wait for so long at most; 0: not at all."
    )
    def command(each: Map, component: int, follow: bool, timeout: float | None) -> Exit:
        printed = stream(each)
        if follow:
            return _follow(each, component, lambda: printed.get(component, timeout=0), Deadline(timeout))
        so_far = printed.get(component, timeout=timeout)
        ending = _ending(each.component_statuses[component])
        # It may have ended, and printed more, since the time was up.
        click.echo(so_far if ending is None else printed.get(component, timeout=0), nl=False)
        return Exit.TIMED_OUT if ending is None else ending

    return click.command(name, help=help_text)(command)


def _ending(status: ComponentStatus) -> Exit | None:
    """How the command ends because of what became of the component; None: it goes on."""
    if status is ComponentStatus.HELD:
        return Exit.HELD
    return None if status in ACTIVE else Exit.DONE


def _follow(each: Map, component: int, read: Callable[[], str], deadline: Deadline) -> Exit:
    pacer, shown = Pacer(settings["WAIT_TIME"]), ""
    while True:
        ending = _ending(each.component_statuses[component])
        try:
            text = read()
        except TimeoutError:
            text = shown  # it cannot be seen yet
        if ending is None:
            text = text.rstrip(_HALF_A_CHARACTER)
        if text != shown:
            pacer.saw_news()
            _show_more(text, shown)
            shown = text
        if ending is not None:
            return ending
        if deadline.remaining_s() <= 0:
            return Exit.TIMED_OUT
        pacer.pause(max(0.0, deadline.remaining_s()))


def _show_more(text: str, shown: str) -> None:
    if not text.startswith(shown):
        note("--- it started again ---")
        shown = ""
    click.echo(text[len(shown) :], nl=False)


_DETAIL = """

Waits until the component has ended, or is held. What it has printed before can be seen where its machine can, on the
local backend: --follow shows it as it comes, --timeout 0 what there is now. HTCondor brings it back in the end.
"""

stdout_command: Any = _shows("stdout", lambda each: each.stdout, f"Show what a component printed.{_DETAIL}")
stderr_command: Any = _shows(
    "stderr",
    lambda each: each.stderr,
    f"Show what a component printed to standard error; of one that left no record, what its job printed.{_DETAIL}",
)
