"""Commands that act on maps: hold, release, pause, resume, vacate, retag, remove, clean."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

import click

from htmap.cli.ages import Age
from htmap.cli.console import complain, is_terminal, note
from htmap.cli.exits import Exit, exit_of
from htmap.cli.selection import Selection, for_each_active_map, for_each_tag, selects_maps, selects_one_map, with_hint
from htmap.exceptions import TagNotFound
from htmap.management import clean_up, remove, to_be_cleaned
from htmap.maps.acting import Map
from htmap.settings import settings
from htmap.show.units import count
from htmap.store.mapdir import Home


def _on_each(name: str, act: Callable[[Map], None], done: str, help_text: str) -> click.Command:
    @selects_maps
    def command(selection: Selection) -> Exit:
        def act_and_say(each: Map) -> None:
            act(each)
            click.echo(f"{done} {each.tag}")

        return for_each_active_map(selection, act_and_say)

    return click.command(name, help=help_text)(command)


hold_command = _on_each("hold", Map.hold, "Held", "Keep the components of maps from running, until `htmap release`.")
release_command = _on_each(
    "release",
    Map.release,
    "Released",
    "Let held components run again. Solve first what held them: `htmap reasons` says what.",
)
pause_command = _on_each(
    "pause",
    Map.pause,
    "Paused",
    "Suspend running components: they keep their machines, but stop, until `htmap resume`.",
)
resume_command = _on_each("resume", Map.resume, "Resumed", "Let suspended components go on.")
vacate_command = _on_each(
    "vacate",
    Map.vacate,
    "Vacated",
    "Send running components back into the queue, where they begin anew, or from their last checkpoint.",
)


@click.command("retag")
@selects_one_map
@click.argument("new_tag", metavar="NEW_TAG")
def retag_command(each: Map, new_tag: str) -> None:
    """Give a map another tag. The old one is free at once, and `htmap clean` leaves the map alone from now on."""
    old = each.tag
    each.retag(new_tag)
    click.echo(f"Retagged {old} as {each.tag}")


_dry_run = click.option("--dry-run", is_flag=True, help="Only say which maps would be removed.")
_yes = click.option("-y", "--yes", is_flag=True, help="Do not ask.")


def _would_remove(tags: Iterable[str]) -> Exit:
    for tag in tags:
        click.echo(f"Would remove {tag}")
    return Exit.DONE


def _is_meant(maps: int, *, yes: bool) -> bool:
    """Ask whoever sits at a terminal; a script has meant it."""
    if yes or not maps or not (sys.stdin.isatty() and is_terminal("error")):
        return True
    return click.confirm(f"Remove {count(maps, 'map')} and all of their data, for ever?", err=True)


@click.command("remove")
@selects_maps
@click.option("--force", is_flag=True, help="Do not wait for the queue, nor for one that cannot be reached.")
@_dry_run
@_yes
def remove_command(selection: Selection, *, force: bool, dry_run: bool, yes: bool) -> Exit:
    """Remove maps: their jobs leave the queue, and all of their data is deleted, for ever.

    This also takes away maps that are damaged. In a terminal, --all asks first.
    """
    if dry_run:
        return _would_remove(selection.chosen())
    if selection.everything and not _is_meant(len(selection.chosen()), yes=yes):
        return Exit.DONE
    return for_each_tag(selection, lambda tag: _remove(tag, force=force))


def _remove(tag: str, *, force: bool) -> None:
    try:
        remove(tag, not_exist_ok=False, force=force)
    except TagNotFound as error:
        raise with_hint(error, tag) from None
    click.echo(f"Removed {tag}")


@click.command("clean")
@click.option("-a", "--all", "everything", is_flag=True, help="Remove all maps, also those with a tag of yours.")
@click.option("--older-than", "older_than_s", type=Age(), help="Only maps that are older than this, as 12h or 7d.")
@_dry_run
@_yes
def clean_command(*, everything: bool, older_than_s: float | None, dry_run: bool, yes: bool) -> Exit:
    """Remove the maps that never got a tag of yours, and sweep up what killed processes left behind.

    In a terminal, --all asks first.
    """
    if dry_run or everything:
        wanted, _ = to_be_cleaned(everything=everything, older_than_s=older_than_s)
        if dry_run:
            return _would_remove(wanted)
        if not _is_meant(len(wanted), yes=yes):
            return Exit.DONE
    cleaned, refused = clean_up(everything=everything, older_than_s=older_than_s)
    for tag in cleaned:
        click.echo(f"Removed {tag}")
    for error in refused:
        complain(error)
    home = Home.of(settings)
    for path in home.foreign():
        note(f"Left alone, since HTMap did not put it there: {path}")
    if old := home.maps_of_old_tool():
        note(
            f"Left alone, since only the HTMap before this one can remove them: {count(len(old), 'map')} in {home.maps}"
        )
    return exit_of(refused[0]) if refused else Exit.DONE
