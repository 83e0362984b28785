"""Maps for the command line. In: nothing. Out: `place`, empty; `finished`, with maps that have ended."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest
from tests.processes.cli.place import Place, made

MAPS = """
maps = [
    htmap.map(double, range(4), tag="double"),
    htmap.map(fail, range(6), tag="fail"),
]
for each in maps:
    each.wait(errors_ok=True, timeout=60)
"""


@pytest.fixture
def place() -> Iterator[Place]:
    """An empty place."""
    with made() as empty:
        yield empty


@pytest.fixture(scope="session")
def finished_of() -> Iterator[Callable[[str], Place]]:
    """Gives a function that makes a place with the maps of a script."""
    with contextlib.ExitStack() as stack:

        def make(code: str) -> Place:
            filled = stack.enter_context(made())
            filled.python(code)
            return filled

        yield make


@pytest.fixture(scope="session")
def finished(finished_of: Callable[[str], Place]) -> Place:
    """A place with two maps that have ended: ``double`` of 4 components; ``fail`` of 6, of which number 4 returned."""
    return finished_of(MAPS)
