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

_elsewhere = click.option(
    "--elsewhere", is_flag=True, help="Submit to where new maps go now, not to where the map was submitted before."
)


@click.group("rerun")
def rerun_command() -> None:
    """Run components again, from scratch, with the options that the map was made with. Active ones cannot be rerun.

    What they had left is replaced when the new jobs are in the queue, not before.
    """


@rerun_command.command("failed")
@selects_maps
@_elsewhere
def failed_command(selection: Selection, *, elsewhere: bool) -> Exit:
    """Run those components again that have errored or were removed."""
    return for_each_map(selection, lambda each: _rerun_failed(each, elsewhere=elsewhere))


def _rerun_failed(each: Map, *, elsewhere: bool) -> None:
    found = each.components_by_status()
    failed = sorted([*found[ComponentStatus.ERRORED], *found[ComponentStatus.REMOVED]])
    each.rerun(failed, elsewhere=elsewhere)
    which = f": {spelled(failed)}" if failed else ""
    click.echo(f"Reran {count(len(failed), 'component')} of {each.tag}{which}")


@rerun_command.command("map")
@selects_maps
@_elsewhere
def map_command(selection: Selection, *, elsewhere: bool) -> Exit:
    """Run all components of maps again."""

    def rerun(each: Map) -> None:
        each.rerun(elsewhere=elsewhere)
        click.echo(f"Reran {each.tag}")

    return for_each_map(selection, rerun)


@rerun_command.command("components")
@selects_one_map
@click.argument("components", metavar="COMPONENTS...", nargs=-1, required=True)
@_elsewhere
def components_command(each: Map, components: tuple[str, ...], *, elsewhere: bool) -> None:
    """Run some components of a map again. COMPONENTS are indices and ranges, such as `0 1 2` or `3-5,9`."""
    chosen = parse_components(",".join(components), len(each))
    each.rerun(chosen, elsewhere=elsewhere)
    click.echo(f"Reran {count(len(chosen), 'component')} of {each.tag}: {spelled(chosen)}")
