"""What is made once a machine is made whole, by one process, or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from testbed import cache


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return cache.cache_folder()


def write_where(now: Path, final: Path) -> None:
    (now / "where").write_text(str(final))


def fail_halfway(now: Path, final: Path) -> None:
    write_where(now, final)
    raise OSError("the network is gone")


# Says that it is ready, waits for a line, and makes the thing; each making leaves a line in a file.
MAKER = """
import sys
from pathlib import Path
from testbed import cache

def make(now, final):
    with Path(sys.argv[1]).open("a") as log:
        log.write("made\\n")

print("ready", flush=True)
sys.stdin.readline()
print(cache.made_once("thing", make))
"""


def test_a_thing_knows_the_path_that_it_will_have() -> None:
    thing = cache.made_once("thing", write_where)
    assert (thing / "where").read_text() == str(thing)


def test_it_is_made_once() -> None:
    thing = cache.made_once("thing", write_where)
    assert cache.made_once("thing", fail_halfway) == thing


def test_a_failure_leaves_nothing_behind(folder: Path) -> None:
    with pytest.raises(OSError, match="network"):
        cache.made_once("thing", fail_halfway)
    assert [path.name for path in folder.iterdir()] == ["thing.lock"]


def test_what_a_killed_process_left_half_made_is_swept_up(folder: Path) -> None:
    (folder / "thing.making-killed").mkdir()
    cache.made_once("thing", write_where)
    assert not (folder / "thing.making-killed").exists()


def test_two_processes_at_once_make_it_once(tmp_path: Path) -> None:
    made = tmp_path / "made"
    environment = {**os.environ, "PYTHONPATH": str(Path(cache.__file__).parents[1])}
    with ExitStack() as stack:
        makers = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", MAKER, made],
                    env=environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(2)
        ]
        for maker in makers:
            assert maker.stdout is not None
            assert maker.stdout.readline() == "ready\n"
        for maker in makers:
            assert maker.stdin is not None
            maker.stdin.write("go\n")
            maker.stdin.flush()
        answers = {maker.communicate(timeout=60)[0] for maker in makers}
    assert answers == {f"{cache.cache_folder() / 'thing'}\n"}
    assert made.read_text() == "made\n"
