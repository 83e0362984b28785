"""``htmap errors``, ``htmap reasons``: what went wrong with components, and why."""

from __future__ import annotations

import itertools
from typing import Any

import click

from htmap.cli.console import heading, say_json
from htmap.cli.exits import Exit
from htmap.cli.selection import Selection, for_each_map, selects_maps
from htmap.maps.acting import Map
from htmap.observe.holds import advice_on
from htmap.observe.statuses import ComponentStatus
from htmap.show.error_kinds import grouped, kinds_text
from htmap.show.holds import hold_table, removal_table
from htmap.show.units import count

_limit = click.option(
    "--limit",
    type=click.IntRange(min=0),
    metavar="N",
    callback=lambda _context, _parameter, limit: limit or None,
    help="At most so many for each map; 0: all.",
)
_json = click.option("--json", "wants_json", is_flag=True, help="As JSON: a dictionary by tag.")


@click.command("errors")
@selects_maps
@_limit
@click.option("--reports", is_flag=True, help="The whole reports, one after another, instead of kinds.")
@click.option("--component", type=int, metavar="N", help="Only the report of this component.")
@_json
def errors_command(
    selection: Selection, limit: int | None, reports: bool, component: int | None, wants_json: bool
) -> Exit:
    """Show the errors of components, grouped by the type of the exception and the line that raised it.

    Does not wait for components that have not ended. A component that left no output counts as an error too.
    """
    found: dict[str, Any] = {}

    def look(each: Map) -> None:
        if component is not None:
            click.echo(each.get_err(component, timeout=0).report())
        elif reports:
            for report in itertools.islice(each.error_reports(), limit):
                click.echo(report + "\n")
        else:
            kinds = grouped(each.errors.values())
            found[each.tag] = [kind.to_dict() for kind in kinds[:limit]]
            if not wants_json:
                click.echo(kinds_text(each.tag, kinds, limit) + "\n")
                if removed := each.opened.components.removals():
                    was = count(len(removed), "component was", "components were")
                    click.echo(f"{was} removed from the queue: `htmap reasons {each.tag}` says why.\n")

    ending = for_each_map(selection, look)
    if wants_json:
        say_json(found)
    return ending


@click.command("reasons")
@selects_maps
@_json
def reasons_command(selection: Selection, wants_json: bool) -> Exit:
    """Show why components are held or were removed, by reasons, and what may be done about it."""
    found: dict[str, Any] = {}

    def look(each: Map) -> None:
        holds, removals = each.holds, each.opened.components.removals()
        found[each.tag] = [
            {
                "component": component,
                "status": str(ComponentStatus.HELD),
                "code": hold.code,
                "subcode": hold.subcode,
                "reason": hold.reason,
                "advice": advice_on(hold),
            }
            for component, hold in holds.items()
        ] + [
            {"component": component, "status": str(ComponentStatus.REMOVED), "reason": reason}
            for component, reason in removals.items()
        ]
        if not wants_json:
            click.echo(heading(f"{each.tag}: {count(len(holds), 'held component')}"))
            click.echo(hold_table(holds) + "\n")
            if removals:
                click.echo(heading(f"{each.tag}: {count(len(removals), 'removed component')}"))
                click.echo(removal_table(removals) + "\n")

    ending = for_each_map(selection, look)
    if wants_json:
        say_json(found)
    return ending
