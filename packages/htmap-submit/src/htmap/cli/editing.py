"""``htmap edit``: change what components request of the machines they run on."""

from __future__ import annotations

import click

from htmap.cli.exits import Exit
from htmap.cli.selection import Selection, for_each_active_map, selects_maps
from htmap.language.words import to_size
from htmap.maps.acting import Map

_unit = click.option(
    "--unit",
    type=click.Choice(["KB", "MB", "GB", "TB"], case_sensitive=False),
    help="The unit of a bare number: `2 --unit GB` is 2GB.",
)


def _amount(text: str, unit: str | None, bare_unit: str | None, wanted: str) -> int:
    """An amount of memory or disk in the unit that HTCondor gives it, rounded up.

    Parameters
    ----------
    unit
        What ``--unit`` says.
    bare_unit
        That of a number without any. None: it is refused.
    wanted
        HTCondor's unit.
    """
    is_bare = to_size(text, "") is not None
    if to_size(text, wanted) is None:
        raise click.UsageError(f"{text!r} is no amount like 2GB or 512MB.")
    if unit and not is_bare:
        raise click.UsageError(f"{text!r} has a unit already: leave out --unit {unit}.")
    if is_bare and not (unit or bare_unit):
        raise click.UsageError(
            f"{text!r} of what? Write {text}GB or {text}KB: a bare number meant GB for the htmap before this one, and "
            "means KB for HTCondor."
        )
    amount = to_size(f"{text}{unit or bare_unit}" if is_bare else text, wanted) or 0
    if amount < 1:
        raise click.UsageError(f"{text!r} is nothing.")
    return amount


@click.group("edit")
def edit_command() -> None:
    """Change what the components of maps request.

    Components that run already notice it when they start the next time: `htmap vacate` restarts them.
    """


@edit_command.command("memory")
@selects_maps
@click.argument("memory")
@_unit
def memory_command(selection: Selection, memory: str, unit: str | None) -> Exit:
    """Change the memory that each component requests. MEMORY is an amount such as 512MB or 2GB; a bare number is MB."""
    amount = _amount(memory, unit, "MB", "m")

    def edit(each: Map) -> None:
        each.set_memory(amount)
        click.echo(f"Components of {each.tag} request {amount} MB of memory")

    return for_each_active_map(selection, edit)


@edit_command.command("disk")
@selects_maps
@click.argument("disk")
@_unit
def disk_command(selection: Selection, disk: str, unit: str | None) -> Exit:
    """Change the disk space that each component requests. DISK is an amount such as 512MB or 2GB."""
    amount = _amount(disk, unit, None, "k")

    def edit(each: Map) -> None:
        each.set_disk(amount)
        click.echo(f"Components of {each.tag} request {amount} KB of disk")

    return for_each_active_map(selection, edit)
