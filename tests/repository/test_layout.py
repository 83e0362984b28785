"""What measures the layout of the code sees floors, circles and the files of a round trip."""

from __future__ import annotations

from pathlib import Path

import pytest

from layout import floors, round_trip


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A checkout whose packages say what a test writes into them."""
    for package in floors.PACKAGES:
        source = tmp_path / f"packages/{package}/src/{package}"
        source.mkdir(parents=True)
        (source / "__init__.py").touch()
    return tmp_path


def write(tree: Path, **modules: str) -> None:
    for name, code in modules.items():
        (tree / f"packages/htmap/src/htmap/{name}.py").write_text(code)


def test_each_import_is_a_floor(tree: Path) -> None:
    write(tree, ground="import os", first="from htmap import ground", second="def f():\n    from .first import x")
    built = floors.height(floors.import_graph(tree), "htmap")
    assert (built.modules, built.floors, built.circles) == (4, 3, [])


def test_a_circle_is_one_floor_and_is_named(tree: Path) -> None:
    write(tree, a="import htmap.b", b="import htmap.c", c="import htmap.a", top="import htmap.c")
    built = floors.height(floors.import_graph(tree), "htmap")
    assert (built.floors, built.circles) == (2, [["htmap.a", "htmap.b", "htmap.c"]])


def test_what_only_type_checkers_import_is_no_floor(tree: Path) -> None:
    write(tree, ground="", first="from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import htmap.ground")
    assert floors.height(floors.import_graph(tree), "htmap").floors == 1


def test_a_round_trip_goes_through_files_of_all_sides() -> None:
    trip = round_trip.make(Path(__file__).parents[2])
    assert "htmap/mapping.py" in trip.entered["submit side"]
    assert "htmap/backend/local/supervisor.py" in trip.entered["local queue"]
    assert "htmap_exec/worker.py" in trip.entered["runner"]
    assert trip.doors
    assert {file for door in trip.doors for file in door} <= trip.files
