"""Each action on a map is killed at each of its steps on the disk: what stays is a map as before, or as after, or none.

The steps are those that Python's audit hooks see: files that are opened, renamed, linked, made and removed.
"""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.submit.conftest import request_of
from tests.submit.fake_backend import FakeBackend, only

from htmap.lifecycle.new_map import create
from htmap.lifecycle.removal import remove, sweep
from htmap.lifecycle.rerun import changing, rerun
from htmap.maps.opened import Opened
from htmap.maps.readable import ReadableMap
from htmap.store import tags
from htmap.store.mapdir import Home, MapDir
from htmap.store.records import MapRecord
from htmap.store.tags import Tag

KILLED = 9
STEPS = frozenset({"open", "os.remove", "os.rename", "os.link", "os.mkdir", "os.rmdir", "os.symlink", "os.truncate"})

Action = Callable[[Home, MapDir, FakeBackend], object]


def retag(home: Home, map_dir: MapDir, _backend: FakeBackend) -> None:
    tags.replace(home, Tag("t", map_dir.uid, transient=False), Tag("u", map_dir.uid, transient=False))


def take_away(_home: Home, map_dir: MapDir, backend: FakeBackend) -> None:
    remove(map_dir, backend, "t", may_run=True, force=False)


def run_again(_home: Home, map_dir: MapDir, backend: FakeBackend) -> None:
    with changing(map_dir):
        rerun(map_dir, MapRecord.load(map_dir.map), only(backend), [0, 2])


def is_killed(act: Callable[[], object], step: int) -> bool:
    """Whether an action in a process of its own did not get past a step, as it was killed there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks where there are threads; there is none here
        child = os.fork()
    if not child:
        left = step

        def hook(event: str, _arguments: object) -> None:
            nonlocal left
            if event in STEPS:
                left -= 1
                if left < 0:
                    os._exit(KILLED)

        try:
            sys.addaudithook(hook)
            act()
        except BaseException:  # noqa: BLE001 - the child must not go on as a second pytest
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in {0, KILLED}
    return code == KILLED


def made(home: Home, backend: FakeBackend) -> MapDir:
    """A map of three components that have returned."""
    _, map_dir = create(home, only(backend), backend.name, request_of(str, range(3), tag="t"))
    backend.run()
    return map_dir


def check_tags(home: Home, map_dir: MapDir, expected: set[tuple[str, ...]]) -> None:
    tags.sweep_unclaimed(home, lambda _uid: False)
    names = tuple(tags.names(home))
    assert names in expected
    assert all(tags.find(home, name).uid == map_dir.uid for name in names)


@pytest.mark.parametrize("act", [retag, take_away, run_again])
def test_an_action_that_is_killed_leaves_a_map_or_none(act: Action, tmp_path: Path) -> None:
    step, is_going_on = 0, True
    while is_going_on:
        home = Home(tmp_path / str(step))
        for directory in (home.path, home.tags, home.maps, home.runners):
            directory.mkdir(mode=0o700)
        backend = FakeBackend()
        map_dir = made(home, backend)
        is_going_on = is_killed(lambda home=home, map_dir=map_dir, fake=backend: act(home, map_dir, fake), step)  # type: ignore[misc]
        if act is take_away:
            backend.history.clear()  # its jobs were taken out of the queue before
            sweep(home, only(backend))
            check_tags(home, map_dir, {("t",), ()})
            assert map_dir.path.exists() or not list(home.maps.iterdir())
        else:
            check_tags(home, map_dir, {("t",), ("u",)})
        if map_dir.path.exists() and tags.names(home):
            whole = ReadableMap(Opened.at("t", map_dir.path, backend))
            # As before, or, where new jobs have reached the queue, as after; its log may lag behind.
            assert set(map(str, whole.component_statuses)) <= {"COMPLETED", "IDLE", "UNMATERIALIZED"}
            assert whole.component_statuses[1] == "COMPLETED"
            assert whole[1] == "1"
        shutil.rmtree(home.path)
        step += 1
    assert step > (30 if act is run_again else 4), "the action took fewer steps than it has"
