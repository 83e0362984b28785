"""The examples in docstrings of what users call most do what they show, on the local backend."""

from __future__ import annotations

import doctest
from collections.abc import Iterator
from pathlib import Path

import pytest

import htmap
from htmap.settings import BASE_SETTINGS, Settings

NAMES = [
    "map",
    "starmap",
    "build_map",
    "mapped",
    "MapOptions",
    "TransferPath",
    "load",
    "get_tags",
    "Map.get",
    "Map.wait",
    "Map.rerun",
    "Map.retag",
]


def found(name: str) -> object:
    thing: object = htmap
    for part in name.split("."):
        thing = getattr(thing, part)
    return thing


@pytest.fixture(scope="module", autouse=True)
def _own_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Maps of these examples lie by themselves."""
    before = Settings.from_settings(htmap.settings)
    folder: Path = tmp_path_factory.mktemp("docstrings")
    htmap.settings.replace(Settings.from_settings({"HTMAP_DIR": str(folder), "BACKEND": "local"}, BASE_SETTINGS))
    yield
    htmap.clean(all=True)
    htmap.settings.replace(before)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", NAMES)
def test_the_example_of_a_docstring_is_true(name: str) -> None:
    thing = found(name)
    names = {"htmap": htmap, "TransferPath": htmap.TransferPath, "__name__": "__main__"}
    tests = [each for each in doctest.DocTestFinder(recurse=False).find(thing, name, globs=names) if each.examples]
    assert tests, f"{name} has no example"
    said: list[str] = []
    for each in tests:
        failed = doctest.DocTestRunner().run(each, out=said.append).failed
        assert failed == 0, "".join(said)
