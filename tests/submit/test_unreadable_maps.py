"""The disk keeps parts of one map to itself: that map is named, and no other is spoiled."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.submit.conftest import MakeMap
from tests.submit.fake_backend import FakeBackend

import htmap
from htmap.exceptions import HTMapException
from htmap.store.mapdir import Home

PARTS = ["submissions", "events", "map", "lock", "."]


def loop(path: Path) -> None:
    path.rename(path.with_name(f"{path.name}-saved"))
    path.symlink_to(path.name)


def forbid(path: Path) -> None:
    path.chmod(0)


@pytest.fixture
def bad(make_map: MakeMap, fake: FakeBackend, home: Home, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of the map "bad"; there is a map "good" too, and both have ended."""
    monkeypatch.setattr("htmap.backend.select.backend_named", lambda *_: fake)
    make_map(str, [1], tag="good")
    fake.run()
    made = make_map(str, [1], tag="bad")
    fake.run()
    htmap.settings["HTMAP_DIR"] = str(home.path)
    return made.opened.directory.path


@pytest.mark.parametrize("spoil", [loop, forbid])
@pytest.mark.parametrize("part", PARTS)
def test_a_map_that_cannot_be_read_spoils_no_other(part: str, spoil: Callable[[Path], None], bad: Path) -> None:
    if part == "." and spoil is loop:
        bad.rename(bad.with_name("saved"))
        bad.symlink_to(bad.name)
    else:
        spoil(bad / part)
    try:
        check_the_good_one()
    finally:
        for path in (bad, bad / part):
            if not path.is_symlink():
                path.chmod(0o700)


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE])
def test_a_map_on_a_disk_that_fails_spoils_no_other(number: int, bad: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = {name: getattr(os, name) for name in ("stat", "lstat", "open", "scandir", "listdir")}

    def failing(name: str) -> Callable[..., Any]:
        def call(path: Any, *args: Any, **options: Any) -> Any:
            if isinstance(path, (str, os.PathLike)) and os.fspath(path).startswith(f"{bad}/"):
                raise OSError(number, os.strerror(number), os.fspath(path))
            return whole[name](path, *args, **options)

        return call

    for name in whole:
        monkeypatch.setattr(os, name, failing(name))
    check_the_good_one()


def check_the_good_one() -> None:
    assert "good" in htmap.get_tags()
    assert "good" in [m.tag for m in htmap.load_maps()]
    assert json.loads(htmap.status_json())["good"]["component_statuses"]["COMPLETED"] == 1
    assert "good" in htmap.status()
    assert htmap.load("good").get(0, timeout=5) == "1"
    assert htmap.clean() == []
    with contextlib.suppress(HTMapException):  # and nothing else
        assert htmap.load("bad").status()
    assert "good" in htmap.get_tags()
