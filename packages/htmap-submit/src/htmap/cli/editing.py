"""``htmap edit``: change what components request of the machines they run on."""

from __future__ import annotations

import math
import re
from typing import Any

import click

from htmap.cli.exits import Exit
from htmap.cli.selection import Selection, for_each_active_map, selects_maps
from htmap.maps.acting import Map

_KB, _MB = 1024, 1024**2
_UNITS = {"k": _KB, "m": _MB, "g": 1024**3, "t": 1024**4}
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmgt])b?)?", re.IGNORECASE)


class _Amount(click.ParamType[int]):
    """An amount of memory or disk; a bare number has the unit that HTCondor gives it."""

    name = "amount"

    def __init__(self, unit_bytes: int) -> None:
        self._unit_bytes = unit_bytes

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The amount in that unit, rounded up."""
        found = _AMOUNT.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r} is no amount like 2GB or 512MB.", param, ctx)
        unit_bytes = _UNITS[found[2].casefold()] if found[2] else self._unit_bytes
        amount = math.ceil(float(found[1]) * unit_bytes / self._unit_bytes)
        if amount < 1:
            self.fail(f"{value!r} is nothing.", param, ctx)
        return amount


@click.group("edit")
def edit_command() -> None:
    """Change what the components of maps request.

    Components that run already notice it when they start the next time: `htmap vacate` restarts them.
    """


@edit_command.command("memory")
@selects_maps
@click.argument("memory", type=_Amount(_MB))
def memory_command(selection: Selection, memory: int) -> Exit:
    """Change the memory that each component requests. MEMORY is an amount such as 512MB or 2GB; a bare number is MB."""

    def edit(each: Map) -> None:
        each.set_memory(memory)
        click.echo(f"Components of {each.tag} request {memory} MB of memory")

    return for_each_active_map(selection, edit)


@edit_command.command("disk")
@selects_maps
@click.argument("disk", type=_Amount(_KB))
def disk_command(selection: Selection, disk: int) -> Exit:
    """Change the disk space that each component requests. DISK is an amount such as 512MB or 2GB; a number is KB."""

    def edit(each: Map) -> None:
        each.set_disk(disk)
        click.echo(f"Components of {each.tag} request {disk} KB of disk")

    return for_each_active_map(selection, edit)
