"""A local queue for each test. Whatever a test leaves running is ended here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from tests.processes.local.place import Place


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A queue with two slots."""
    place = Place(tmp_path)
    yield place
    place.end()


@pytest.fixture
def narrow_place(tmp_path: Path) -> Iterator[Place]:
    """A queue with one slot."""
    place = Place(tmp_path, slots=1)
    yield place
    place.end()


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, str]], None]:
    """A function that sets environment variables for the test."""

    def set_all(variables: Mapping[str, str]) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_all
