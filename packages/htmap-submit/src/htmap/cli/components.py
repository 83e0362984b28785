"""Components as people write them on a command line: ``3-5,9``."""

from __future__ import annotations

import re

import click

from htmap.exceptions import NoSuchComponent

_RANGE = re.compile(r"(\d+)(?:-(\d+))?")


def parse_components(text: str, components: int) -> list[int]:
    """The components, in order, each once.

    Parameters
    ----------
    components
        How many the map has.

    Raises
    ------
    NoSuchComponent
        The map has not that many.
    click.UsageError
        It is no such list.
    """
    chosen: set[int] = set()
    for part in text.split(","):
        found = _RANGE.fullmatch(part.strip())
        if found is None:
            raise click.UsageError(f"{text!r} is no list of components like 3-5,9.")
        first, last = int(found[1]), int(found[2] or found[1])
        if last >= components:
            raise NoSuchComponent(
                f"There is no component {last}: the map has {components}, from 0 to {components - 1}."
            )
        chosen.update(range(first, last + 1))
    return sorted(chosen)
