"""``htmap why``: why a component does not run, or what became of it."""

from __future__ import annotations

import click

from htmap.cli.selection import selects_one_map
from htmap.maps.acting import Map


@click.command("why")
@selects_one_map
@click.argument("component", type=int, required=False)
def why_command(each: Map, component: int | None) -> None:
    """Say why components do not run: all of a map, or one.

    Of an idle component it is said which conditions no machine of the pool satisfies, how many satisfy each, and what
    the largest machine offers; of a held one, why; on the local backend, what the slots are busy with.
    """
    click.echo(each.why(component))
