"""Several processes create, remove, retag and clean at once: no map is lost, none is left over."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import htmap
from htmap.store.mapdir import Home

BUSY_S = 6

SCRIPT = """
import sys, time, htmap
from htmap import exceptions
mine, until = sys.argv[1], time.monotonic() + float(sys.argv[2])
expected = (exceptions.TagAlreadyExists, exceptions.TagNotFound, exceptions.MapWasRemoved)
while time.monotonic() < until:
    for act in (
        lambda: htmap.map(abs, [1], tag="shared", quiet=True),
        lambda: htmap.map(abs, [1], tag=mine, quiet=True).retag(mine),
        lambda: htmap.load("shared").status(),
        lambda: htmap.remove("shared"),
        lambda: htmap.clean(),
        lambda: htmap.remove(mine),
    ):
        try:
            act()
        except expected:
            pass
"""


def test_creation_removal_and_cleaning_at_once_lose_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTMAP_DIR", str(home.path))
    monkeypatch.setenv("HTMAP_BACKEND", "local")
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, f"mine-{number}", str(BUSY_S)],
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ,
        )
        for number in range(3)
    ]
    assert [process.communicate(timeout=120)[1] for process in processes] == [""] * 3
    htmap.settings["BACKEND"] = "local"
    htmap.clean(all=True)
    assert names(home.maps) == []
    assert names(home.tags) == []


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]
