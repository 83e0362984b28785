"""Mirrors htmap.cli.selection: one way of naming maps, for every command."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.processes.cli.place import Place

MAPS = (
    'for n in range(3): htmap.map(double, [n], tag=f"fit-{n}").wait(60)\nhtmap.map(double, [1], tag="other").wait(60)'
)


@pytest.fixture(scope="module")
def four(finished_of: Callable[[str], Place]) -> Place:
    """A place with the maps fit-0 to fit-2, and other."""
    return finished_of(MAPS)


@pytest.mark.parametrize(
    ("arguments", "stdin", "expected"),
    [
        (["fit-0", "other"], "", ["fit-0", "other"]),
        (["--pattern", "fit-*"], "", ["fit-0", "fit-1", "fit-2"]),
        (["-p", "fit-[12]", "-p", "o*"], "", ["fit-1", "fit-2", "other"]),
        (["--all"], "", ["fit-0", "fit-1", "fit-2", "other"]),
        (["-"], "fit-1\nother\n", ["fit-1", "other"]),
        (["-"], "fit-2 fit-1", ["fit-2", "fit-1"]),
        (["fit-2", "-", "--pattern", "fit-*"], "fit-1", ["fit-2", "fit-1", "fit-0"]),
        (["-"], "", []),
    ],
)
def test_maps_are_named_in_many_ways_and_each_counts_once(
    arguments: list[str], stdin: str, expected: list[str], four: Place
) -> None:
    said = four.run("wait", *arguments, stdin=stdin)
    assert said.code == 0
    assert [line.split(":")[0] for line in said.err.splitlines()] == expected


@pytest.mark.parametrize("command", ["wait", "hold", "remove", "errors", "components"])
def test_nothing_is_done_to_all_maps_unless_that_is_said(command: str, four: Place) -> None:
    ran = four.run(command)
    assert ran.code == 2
    assert "--all" in ran.err


def test_a_pattern_that_fits_nothing_is_an_error(four: Place) -> None:
    ran = four.run("components", "--pattern", "fits*")
    assert ran.code == 3
    assert "'fits*'" in ran.err


def test_a_map_that_is_not_there_keeps_the_others_from_nothing(four: Place) -> None:
    ran = four.run("components", "fit-0", "fit-9", "other")
    assert ran.code == 3
    assert ran.out.count("COMPLETED: 0") == 2
    assert "'fit-9'" in ran.err
    assert "Did you mean fit-" in ran.err


def test_a_command_on_no_maps_at_all_says_so(place: Place) -> None:
    ran = place.run("hold", "--all")
    assert (ran.code, ran.err) == (0, "There are no maps.\n")
