"""``htmap report``: a page with pictures of one or more maps."""

from __future__ import annotations

from pathlib import Path

import click

from htmap.cli.console import note
from htmap.cli.selection import Selection, loaded, selects_maps
from htmap.maps.report import page
from htmap.show.units import size


@click.command("report")
@selects_maps
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="The file; default: TAG.html.")
def report_command(selection: Selection, output: Path | None) -> None:
    """Make one HTML file that shows maps: states over time, hosts, memory and time, failures, and advice.

    It opens without a network, on a phone too. Of a map that still runs, make it again for newer figures.
    Needs `pip install 'htmap-submit[report]'`.
    """
    maps = [loaded(tag) for tag in selection.chosen()]
    path = output or Path(f"{maps[0].tag}.html" if len(maps) == 1 else "htmap-report.html")
    text = page([each.opened for each in maps], path)
    click.echo(path)
    note(f"{size(len(text.encode()))}; open it in a browser.")
