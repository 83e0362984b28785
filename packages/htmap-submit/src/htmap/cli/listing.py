"""``htmap tags``, ``htmap status``: which maps there are, and how they stand."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import click

from htmap.cli.ages import Age
from htmap.cli.console import colors, has_colors, is_terminal, paint, say_json
from htmap.cli.selection import Selection, loaded, selects_maps
from htmap.exceptions import HTMapException, TagNotFound
from htmap.management import get_tags, terminal_width
from htmap.maps.survey import Survey, lines, survey
from htmap.observe.pace import Pacer
from htmap.settings import settings
from htmap.show.lines import ORDERS, BrokenMap, MapLine, in_order
from htmap.show.status_machine import as_json, status_dict, status_rows
from htmap.show.status_text import status_table
from htmap.store.mapdir import Home


@click.command("tags")
@click.option("-p", "--pattern", "patterns", metavar="GLOB", multiple=True, help="Only tags that fit, as 'fit-*'.")
@click.option("--json", "wants_json", is_flag=True, help="As a JSON list.")
def tags_command(patterns: tuple[str, ...], wants_json: bool) -> None:
    """List the tags of maps, one a line; with several patterns, those that fit any of them. Opens no map."""
    tags = sorted({tag for pattern in patterns or (None,) for tag in get_tags(pattern)})
    if wants_json:
        say_json(tags)
    elif tags:
        click.echo("\n".join(tags))


_FORMATS = ("text", "json", "json_compact", "csv")


@click.command("status")
@selects_maps
@click.option("--format", "form", type=click.Choice(_FORMATS), default="text", help="How to show it; default: text.")
@click.option("--json", "form", flag_value="json", help="The same as --format json.")
@click.option("--state/--no-state", default=True, help="With or without the statuses of components.")
@click.option("--meta/--no-meta", default=True, help="With or without memory, disk usage and runtime.")
@click.option(
    "--live/--no-live",
    default=False,
    help="Show it anew whenever it changes, until nothing more can happen or Ctrl-C.",
)
@click.option("--active", is_flag=True, help="Only maps to which something may still happen.")
@click.option("--since", "youngest_s", type=Age(), help="Only maps that are no older than this, as 12h or 7d.")
@click.option(
    "--sort",
    "order",
    type=click.Choice([*ORDERS, *(f"-{each}" for each in ORDERS)]),
    default="tag",
    show_choices=False,
    metavar="WHAT",
    help=f"Order them by {', '.join(ORDERS)}; -WHAT: the largest, or the newest, first.",
)
@colors
def status_command(
    selection: Selection,
    *,
    form: str,
    state: bool,
    meta: bool,
    live: bool,
    active: bool,
    youngest_s: float | None,
    order: str,
) -> None:
    """Show how maps stand: all of them, if none is named.

    A * is before transient maps: those without a tag of yours, which `htmap clean` removes; `htmap retag` keeps them.
    What cannot be used is listed too, with what to do about it. JSON and CSV give disk and memory in bytes and runtimes
    in seconds. Memory and times are those of jobs, as the queue reports them; wall time is that of their last runs.
    """
    view = _View(selection, with_state=state, with_usage=meta, wish=_Wish(active, youngest_s, order), is_live=live)
    if not live:
        click.echo(view.render(form), nl=form != "csv")
    elif form == "text":
        _show_live(view)
    else:
        raise click.UsageError("--live is for people: it shows text.")


@dataclass(frozen=True, slots=True)
class _Wish:
    """Which of the maps are wanted, and in which order."""

    only_active: bool
    youngest_s: float | None
    order: str

    def of(self, lines: Iterable[MapLine]) -> list[MapLine]:
        return in_order((line for line in lines if self._is_wanted(line)), self.order)

    def _is_wanted(self, line: MapLine) -> bool:
        is_young = self.youngest_s is None or (line.age_s or 0) <= self.youngest_s
        return is_young and (line.is_active or not self.only_active)


class _View:
    """The maps that a status is of; they stay loaded while it is live."""

    def __init__(self, selection: Selection, *, with_state: bool, with_usage: bool, wish: _Wish, is_live: bool) -> None:
        self._selection = selection
        self._wish = wish
        self._is_live = is_live
        self._with_state, self._with_usage = with_state, with_usage
        self._home = Home.of(settings)
        self._version: int | None = None
        self._found = Survey()
        self.is_active = True

    def render(self, form: str) -> str:
        """How the maps stand now."""
        shown, broken = self._look()
        if form == "text":
            return status_table(shown, broken, terminal_width(), paint if has_colors() else None)
        if form == "csv":
            return status_rows(shown, broken, with_state=self._with_state, with_usage=self._with_usage)
        return as_json(status_dict(shown, broken), compact=form == "json_compact")

    def _look(self) -> tuple[list[MapLine], list[BrokenMap]]:
        self._find()
        shown, broken = lines(self._home, self._found.maps, with_usage=self._with_usage)
        self.is_active = any(line.is_active for line in shown)
        shown = self._wish.of(shown)
        if self._is_live:
            shown = [replace(line, age_s=None) for line in shown]  # else it would change with every second
        if not self._with_state:
            shown = [replace(line, counts=None) for line in shown]
        return shown, [*self._found.unusable, *broken]

    def _find(self) -> None:
        """Load the maps, again if tags have come or gone."""
        version = self._home.tags.stat().st_mtime_ns
        if version == self._version:
            return
        is_first, self._version = self._version is None, version
        if self._selection.is_empty or self._selection.everything:
            self._found = survey(self._home)
        elif is_first:
            self._found = _named(self._selection.chosen())


def _named(tags: list[str]) -> Survey:
    """Maps that were asked for by their tags: one that is not there is an error, a damaged one is listed."""
    found = Survey()
    for tag in tags:
        try:
            found.maps[tag] = loaded(tag)
        except TagNotFound:
            raise
        except HTMapException as error:
            found.broken.append(BrokenMap(tag, str(error)))
    return found


def _show_live(view: _View) -> None:
    pacer = Pacer(settings["WAIT_TIME"])
    with _screen() as show:
        while True:
            show(view.render("text"))
            if not view.is_active:
                return
            pacer.pause()


@contextlib.contextmanager
def _screen() -> Iterator[Callable[[str], None]]:
    """What shows a text in place of the one before; where nothing can be drawn, below it, if it is another."""
    if not is_terminal("output"):
        last = ""

        def show_below(text: str) -> None:
            nonlocal last
            if text != last:
                click.echo(text + "\n")
            last = text

        yield show_below
        return
    from rich.live import Live  # noqa: PLC0415 - costs more than all other commands need together
    from rich.text import Text  # noqa: PLC0415

    with Live(auto_refresh=False) as live:
        yield lambda text: live.update(Text.from_ansi(text), refresh=True)
