"""``htmap rerun``: run components again, from scratch, with the options that the map was made with."""

from __future__ import annotations

import click

from htmap.cli.components import parse_components
from htmap.cli.exits import Exit
from htmap.cli.selection import Selection, for_each_map, selects_maps, selects_one_map
from htmap.maps.acting import Map
from htmap.observe.statuses import ComponentStatus
from htmap.show.units import count
from htmap.store.records import spelled


@click.group("rerun")
def rerun_command() -> None:
    """Run components again, from scratch, with the options that the map was made with. Active ones cannot be rerun.

    What they had left is replaced when the new jobs are in the queue, not before.
    """


@rerun_command.command("failed")
@selects_maps
def failed_command(selection: Selection) -> Exit:
    """Run those components again that have errored or were removed."""
    return for_each_map(selection, _rerun_failed)


def _rerun_failed(each: Map) -> None:
    found = each.components_by_status()
    failed = sorted([*found[ComponentStatus.ERRORED], *found[ComponentStatus.REMOVED]])
    each.rerun(failed)
    which = f": {spelled(failed)}" if failed else ""
    click.echo(f"Reran {count(len(failed), 'component')} of {each.tag}{which}")


@rerun_command.command("map")
@selects_maps
def map_command(selection: Selection) -> Exit:
    """Run all components of maps again."""

    def rerun(each: Map) -> None:
        each.rerun()
        click.echo(f"Reran {each.tag}")

    return for_each_map(selection, rerun)


@rerun_command.command("components")
@selects_one_map
@click.argument("components", metavar="COMPONENTS...", nargs=-1, required=True)
def components_command(each: Map, components: tuple[str, ...]) -> None:
    """Run some components of a map again. COMPONENTS are indices and ranges, such as `0 1 2` or `3-5,9`."""
    chosen = parse_components(",".join(components), len(each))
    each.rerun(chosen)
    click.echo(f"Reran {count(len(chosen), 'component')} of {each.tag}: {spelled(chosen)}")
