"""Mirrors htmap.store.trust: the remedy of a refusal, in a shell."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from htmap.exceptions import StorageError
from htmap.settings import Settings
from htmap.store.mapdir import Home


def home_in(path: Path) -> Home:
    return Home.of(Settings({"HTMAP_DIR": str(path)}))


def test_the_remedy_can_be_pasted(tmp_path: Path) -> None:
    place = home_in(tmp_path / "it's mine").path
    place.chmod(0o777)
    with pytest.raises(StorageError) as raised:
        home_in(place)
    assert os.system(str(raised.value).rpartition(": ")[2]) == 0  # noqa: S605 - as a user would
    home_in(place)
