"""Mirrors htmap.delivery.bundle: the runner as one zip that needs nothing but an interpreter."""

from __future__ import annotations

import io
import os
import signal
import stat
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest

from htmap.delivery import bundle, runners
from htmap.exceptions import HTMapException, StorageError
from htmap.store.mapdir import Home, MapDir


@pytest.fixture
def map_dir(home: Home) -> MapDir:
    return home.map("0a1b")


def executable(map_dir: MapDir) -> Path:
    return Path(bundle.descriptors("t", map_dir.path)["executable"])


def test_the_zip_is_an_executable_for_its_owner_alone(map_dir: MapDir) -> None:
    bundle.set_up("t", map_dir.path)
    assert executable(map_dir).read_bytes().startswith(b"#!/usr/bin/env python3\n")
    assert stat.S_IMODE(executable(map_dir).stat().st_mode) == 0o700
    assert bundle.descriptors("t", map_dir.path)["transfer_executable"] == "true"


def test_the_zip_is_small_and_holds_each_module_twice() -> None:
    content = runners.content(bundle.HEAD)
    assert len(content) < 450_000
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
    sources, compiled = ({name for name in names if name.endswith(end)} for end in (".py", ".pyc"))
    assert compiled == {f"{name}c" for name in sources - {"__main__.py"}}
    assert {name.partition("/")[0] for name in sources} == {*runners._PACKAGES, "__main__.py"}
    assert len(names) == len(sources) + len(compiled)


def test_the_zip_is_made_once_and_shared_by_all_maps(map_dir: MapDir, home: Home) -> None:
    bundle.set_up("t", home.staging("0a1b").path)
    before = executable(map_dir).stat()
    bundle.set_up("u", home.staging("0c2d").path)
    after = executable(home.map("0c2d")).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert [path.name for path in home.runners.iterdir()] == [executable(map_dir).name]


def test_the_zip_of_other_sources_has_another_name(map_dir: MapDir, monkeypatch: pytest.MonkeyPatch) -> None:
    one = executable(map_dir)
    monkeypatch.setattr(runners, "_PACKAGES", runners._PACKAGES[:-1])
    runners._hash.cache_clear()
    other = executable(map_dir)
    monkeypatch.undo()
    runners._hash.cache_clear()
    assert other != one
    assert executable(map_dir) == one


def test_a_package_that_is_missing_here_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runners, "_PACKAGES", ("no_such_package",))
    with pytest.raises(HTMapException, match="no_such_package is not installed"):
        runners.content(bundle.HEAD)


def test_ctrl_c_while_the_zip_is_made_stays_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    begin = zlib.compressobj

    def interrupted(*arguments: Any) -> object:
        signal.raise_signal(signal.SIGINT)
        return begin(*arguments)

    monkeypatch.setattr(zlib, "compressobj", interrupted)  # zipfile calls it in the midst of an entry
    with pytest.raises(KeyboardInterrupt):
        runners.content(bundle.HEAD)


def test_a_zip_that_cannot_be_written_is_named(map_dir: MapDir, home: Home) -> None:
    home.runners.chmod(0o500)
    with pytest.raises(StorageError, match=rf"Cannot write the runner to {home.runners}.*Permission denied"):
        bundle.set_up("t", map_dir.path)
    home.runners.chmod(0o700)
    assert not os.listdir(home.runners)  # noqa: PTH208 - a name is all it takes
