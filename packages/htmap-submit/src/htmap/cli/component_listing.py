"""``htmap components``: the components of maps, by their status or as a table."""

from __future__ import annotations

from typing import Any

import click

from htmap.cli.console import colors, heading, paint, painted, say_json
from htmap.cli.exits import Exit
from htmap.cli.selection import Selection, for_each_map, selects_maps
from htmap.management import terminal_width
from htmap.maps.acting import Map
from htmap.maps.table import COLUMNS
from htmap.observe.statuses import ComponentStatus
from htmap.show.component_table import component_csv, component_text, in_order, plain
from htmap.show.units import count
from htmap.store.records import spelled

_STATUSES = [status.value for status in ComponentStatus]


@click.command("components")
@selects_maps
@click.option(
    "-s",
    "--status",
    "wanted",
    type=click.Choice(_STATUSES, case_sensitive=False),
    help="Only the components in this status, one a line.",
)
@click.option("--table", "as_table", is_flag=True, help="A line for each: host, times, memory, attempts, problem.")
@click.option("--csv", "as_csv", is_flag=True, help="The same with all columns, as CSV; times in UTC.")
@click.option("--json", "as_json", is_flag=True, help="As JSON: a dictionary by tag; with --table, of rows.")
@click.option(
    "--sort",
    "column",
    metavar="COLUMN",
    help=f"Order the lines of a table; -COLUMN: the largest first. One of {', '.join(COLUMNS)}.",
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most so many lines of a table for each map.")
@colors
def components_command(
    selection: Selection,
    wanted: str | None,
    *,
    as_table: bool,
    as_csv: bool,
    as_json: bool,
    column: str | None,
    limit: int | None,
) -> Exit:
    """List the components of maps by their status, or each with what it took.

    Two examples: `htmap components fit --table --sort -peak_memory_mb --limit 10` shows the ten largest,
    `htmap components fit --csv > fit.csv` is for a spreadsheet.
    """
    _check(column)
    chosen = None if wanted is None else ComponentStatus(wanted.upper())
    if not (as_table or as_csv):
        return _by_status(selection, chosen, as_json=as_json)
    found: dict[str, list[dict[str, Any]]] = {}

    def look(each: Map) -> None:
        rows: Any = [row for row in each.table() if chosen is None or row["status"] == chosen]
        if column is not None:
            rows = in_order(rows, column.lstrip("-"), descending=column.startswith("-"))
        rows = rows[:limit]
        if as_csv or as_json:
            found[each.tag] = [plain(row) for row in rows]
        else:
            click.echo(heading(f"{each.tag}: {count(len(each), 'component')}"))
            click.echo((component_text(rows, terminal_width(), paint) or "none") + "\n")

    ending = for_each_map(selection, look)
    if as_csv:
        rows = [{"tag": tag, **row} for tag, of_map in found.items() for row in of_map]
        click.echo(component_csv(rows, ["tag", *COLUMNS]), nl=False)
    elif as_json:
        say_json(found)
    return ending


def _check(column: str | None) -> None:
    if column is not None and column.lstrip("-") not in COLUMNS:
        raise click.UsageError(f"There is no column {column.lstrip('-')!r}: it is one of {', '.join(COLUMNS)}.")


def _by_status(selection: Selection, chosen: ComponentStatus | None, *, as_json: bool) -> Exit:
    found: dict[str, Any] = {}

    def look(each: Map) -> None:
        by_status = each.components_by_status()
        if chosen is not None:
            by_status = {chosen: by_status[chosen]}
        found[each.tag] = {str(status): list(components) for status, components in by_status.items() if components}
        if as_json:
            return
        if chosen is not None:
            for component in by_status[chosen]:
                click.echo(component)
            return
        click.echo(heading(f"{each.tag}: {count(len(each), 'component')}"))
        for status, components in by_status.items():
            if components:
                click.echo(f"  {painted(status)}: {spelled(components)}")

    ending = for_each_map(selection, look)
    if as_json:
        say_json(found)
    return ending
