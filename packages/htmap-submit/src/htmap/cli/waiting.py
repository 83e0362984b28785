"""``htmap wait``: until nothing more can happen, or the time is up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import click

from htmap.cli.console import complain, is_terminal, note
from htmap.cli.exits import Exit, exit_of
from htmap.cli.selection import Selection, loaded, selects_maps
from htmap.exceptions import HTMapException
from htmap.maps.acting import Map
from htmap.maps.overview import overview
from htmap.observe.pace import Deadline, Pacer
from htmap.observe.statuses import ACTIVE, ComponentStatus
from htmap.settings import settings
from htmap.show.bars import ShowCounts, component_bars, summary

# Of several maps, the first of these is how the command ends.
_SEVERITY = (Exit.TIMED_OUT, Exit.ERRORED, Exit.HELD, Exit.REMOVED)

_WHY = {
    Exit.DONE: "all components have returned",
    Exit.ERRORED: "`htmap errors {tag}` says why; `htmap rerun failed {tag}` tries again",
    Exit.HELD: "`htmap reasons {tag}` says why; nothing more happens until `htmap release {tag}`",
    Exit.REMOVED: "`htmap rerun failed {tag}` submits what was removed again",
    Exit.TIMED_OUT: "the time is up; it goes on without you",
}
_HELD_ARE_FINE = "all others have returned; `htmap release {tag}` lets the held ones go on"


@click.command("wait")
@selects_maps
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="How long to wait at most.")
@click.option("--fail-fast", is_flag=True, help="Do not wait for the others when a component fails or is held.")
@click.option("--holds-ok", is_flag=True, help="Held components are no failure: they count as finished.")
@click.option("--through-holds", is_flag=True, help="Wait on for held components: somebody will release them.")
def wait_command(
    selection: Selection, timeout: float | None, fail_fast: bool, holds_ok: bool, through_holds: bool
) -> Exit:
    """Wait until nothing more can happen to the maps, and say of each how it ended.

    A map is waited for until every component has returned, failed, been removed, or is held; suspended ones may go on,
    so they are waited for. The exit code says which:
    0 all returned, 4 some failed, 5 some are held, 6 some were removed, 7 the time is up; of several, the first of
    7, 4, 5, 6. In a terminal, a bar shows the progress of each map, on standard error.
    """
    waiting = _Waiting(fail_fast=fail_fast, holds_ok=holds_ok, through_holds=through_holds)
    with component_bars(shown=is_terminal("error")) as add_bar:
        for tag in selection.chosen():
            waiting.begin(tag, add_bar)
        waiting.until_over(Deadline(timeout))
    for tag, (code, counts) in waiting.endings.items():
        why = _HELD_ARE_FINE if code is Exit.DONE and counts.get(ComponentStatus.HELD) else _WHY[code]
        note(f"{tag}: {summary(counts)}: {why.format(tag=tag)}.")
    codes = [code for code, _ in waiting.endings.values()]
    return waiting.failure or next((code for code in _SEVERITY if code in codes), Exit.DONE)


@dataclass(slots=True)
class _Waiting:
    """The maps that are waited for, and how the others have ended."""

    fail_fast: bool
    holds_ok: bool
    through_holds: bool
    maps: dict[str, tuple[Map, ShowCounts]] = field(default_factory=dict)
    endings: dict[str, tuple[Exit, Mapping[ComponentStatus, int]]] = field(default_factory=dict)
    failure: Exit = Exit.DONE  # of a map that cannot be looked at

    def begin(self, tag: str, add_bar: Callable[[str, int], ShowCounts]) -> None:
        try:
            found = loaded(tag)
        except HTMapException as error:
            self._give_up(tag, error)
        else:
            self.maps[tag] = found, add_bar(tag, len(found))

    def until_over(self, deadline: Deadline) -> None:
        pacer = Pacer(settings["WAIT_TIME"])
        while True:
            for tag in list(self.maps):
                self._look(tag, is_last=deadline.remaining_s() <= 0)
            if not self.maps:
                return
            pacer.pause(max(0.0, deadline.remaining_s()))

    def _look(self, tag: str, *, is_last: bool) -> None:
        found, show = self.maps[tag]
        try:
            counts = overview(found.opened, may_ask_queue=True).counts
        except HTMapException as error:
            self._give_up(tag, error)
            return
        show(counts)
        ending = ending_of(counts, fail_fast=self.fail_fast, holds_ok=self.holds_ok, through_holds=self.through_holds)
        if ending is None and is_last:
            ending = Exit.TIMED_OUT
        if ending is not None:
            self.endings[tag] = ending, dict(counts)
            del self.maps[tag]

    def _give_up(self, tag: str, error: HTMapException) -> None:
        complain(error)
        self.failure = self.failure or exit_of(error)
        self.maps.pop(tag, None)


def ending_of(
    counts: Mapping[ComponentStatus, int], *, fail_fast: bool, holds_ok: bool, through_holds: bool = False
) -> Exit | None:
    """How a map with such counts has ended; None: something may still happen to it.

    Parameters
    ----------
    holds_ok
        Whether held components are as good as finished ones.
    through_holds
        Whether held components are waited for instead.
    """
    present = {status for status, count in counts.items() if count}
    problems = {
        ComponentStatus.ERRORED: Exit.ERRORED,
        ComponentStatus.HELD: Exit.HELD,
        ComponentStatus.REMOVED: Exit.REMOVED,
    }
    if holds_ok or through_holds:
        del problems[ComponentStatus.HELD]
    ending = next((code for status, code in problems.items() if status in present), None)
    may_go_on = present & (ACTIVE if through_holds else ACTIVE - {ComponentStatus.HELD})
    if may_go_on:
        return ending if fail_fast else None
    return ending or Exit.DONE
