"""A map outlives the process that made it, whatever ended that process."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pytest

import htmap
from htmap.exceptions import DamagedFile, StorageError, TagNotFound

TIMEOUT_S = 120

CREATE = """
import sys, htmap
def double(x):
    return 2 * x
print("ready", flush=True)
m = htmap.map(double, range({components}), tag={tag!r}, quiet=True)
print("created", flush=True)
sys.stdin.read()
"""


def start(tag: str, components: int) -> subprocess.Popen[str]:
    """A process that creates a map, says so, and waits to be killed."""
    script = CREATE.format(tag=tag, components=components)
    return subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ
    )


def say(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def kill(process: subprocess.Popen[str]) -> None:
    with process:
        process.send_signal(signal.SIGKILL)


def test_all_results_arrive_after_the_submitting_python_was_killed() -> None:
    process = start("orphan", 20)
    assert [say(process), say(process)] == ["ready", "created"]
    kill(process)
    m = htmap.load("orphan")
    m.wait(TIMEOUT_S)
    assert list(m) == [2 * x for x in range(20)]


def test_another_process_can_load_the_map() -> None:
    m = htmap.map(lambda x: x + 1, range(3), tag="shared", quiet=True)
    m.wait(TIMEOUT_S)
    script = "import htmap; print(list(htmap.load('shared')))"
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert printed.stdout.strip() == "[1, 2, 3]"


def test_a_creation_killed_at_any_moment_leaves_a_whole_map_or_nothing(htmap_dir) -> None:
    seed = random.randrange(10**6)
    moments = random.Random(seed)
    # One of them may have to wait for the schedd, which has other tests to serve.
    longest_s = min(time_to_create() for _ in range(3))
    survivors = []
    for number in range(50):
        tag = f"killed-{number}"
        process = start(tag, 3)
        assert say(process) == "ready"
        time.sleep(moments.uniform(0, longest_s))
        kill(process)
        tags = htmap.get_tags()
        assert {m.tag for m in htmap.load_maps()} == set(tags), f"seed {seed}"
        for m in htmap.load_maps():
            assert len(m.component_statuses) == 3, f"seed {seed}"
        if tag in tags:
            survivors.append(tag)
        else:
            with pytest.raises(TagNotFound):
                htmap.load(tag)
        # A creation takes longer when the machine is busy: follow it, so that about a third survive.
        longest_s *= 0.8 if tag in tags else 1.1
    assert 0 < len(survivors) < 50, f"{len(survivors)} of 50 survived: the moments miss the creation (seed {seed})"
    for tag in survivors:
        assert list(htmap.load(tag).iter(TIMEOUT_S)) == [0, 2, 4], f"seed {seed}"
    htmap.clean()
    assert sorted(htmap.get_tags()) == sorted(survivors)
    uids = {m.opened.directory.uid for m in htmap.load_maps()}
    assert {path.name for path in (htmap_dir / "maps").iterdir()} == uids, f"seed {seed}"
    assert {path.name for path in (htmap_dir / "tags").iterdir()} == set(survivors), f"seed {seed}"


def time_to_create() -> float:
    process = start("timing", 3)
    assert say(process) == "ready"
    started = time.monotonic()
    assert say(process) == "created"
    took_s = time.monotonic() - started
    kill(process)
    htmap.remove("timing")
    return took_s


FILL = """
import resource, signal, htmap
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
try:
    htmap.map(len, [b"x" * 100_000] * 10, tag="full", quiet=True)
except htmap.exceptions.StorageError as error:
    print(error)
"""


def test_a_disk_that_takes_no_more_leaves_nothing_behind(htmap_dir) -> None:
    htmap.map(len, [b""], tag="first", quiet=True).wait(TIMEOUT_S)
    before = {path.name for path in (htmap_dir / "maps").iterdir()}
    script = FILL.format(limit=150_000)
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert "Cannot create the map 'full'" in printed.stdout
    assert {path.name for path in (htmap_dir / "maps").iterdir()} == before
    assert htmap.get_tags() == ("first",)


REMOVE_ON_A_FULL_DISK = """
import resource, htmap
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
htmap.remove("first", not_exist_ok=False)
print(htmap.clean(all=True))
"""


def test_a_disk_that_takes_no_more_can_be_cleaned(htmap_dir) -> None:
    for tag in ("first", "second"):
        htmap.map(len, [b""], tag=tag, quiet=True).wait(TIMEOUT_S)
    command = [sys.executable, "-c", REMOVE_ON_A_FULL_DISK]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert printed.stdout == "['second']\n"
    assert list((htmap_dir / "maps").iterdir()) == []


def test_a_home_that_cannot_be_written_is_named(htmap_dir) -> None:
    htmap.get_tags()
    (htmap_dir / "maps").chmod(0o500)
    try:
        with pytest.raises(StorageError, match="HTMAP_DIR") as raised:
            htmap.map(abs, [1], quiet=True)
        assert str(htmap_dir / "maps") in str(raised.value)
    finally:
        (htmap_dir / "maps").chmod(0o700)
    htmap.settings["HTMAP_DIR"] = "/proc/nowhere"
    with pytest.raises(StorageError, match="/proc/nowhere"):
        htmap.map(abs, [1], quiet=True)


def test_a_damaged_map_spoils_no_other_and_can_be_removed(htmap_dir) -> None:
    good = htmap.map(abs, [-1], tag="good", quiet=True)
    bad = htmap.map(abs, [-1], tag="bad", quiet=True)
    torn = htmap.map(abs, [-1], tag="torn", quiet=True)
    for m in (good, bad, torn):
        m.wait(TIMEOUT_S)
    (bad.opened.directory.map).write_bytes(b"garbage")
    os.truncate(torn.opened.directory.submission(0).submission, 50)
    assert htmap.get_tags() == ("bad", "good", "torn")
    assert [m.tag for m in htmap.load_maps()] == ["good"]
    for tag in ("bad", "torn"):
        with pytest.raises(DamagedFile, match=r"htmap\.remove"):
            htmap.load(tag)
    htmap.remove("torn")
    assert htmap.get_tags() == ("bad", "good")
    assert htmap.clean(all=True) == ["bad", "good"]
    assert list((htmap_dir / "maps").iterdir()) == []


def test_what_the_log_does_not_say_the_queue_does() -> None:
    htmap.settings["QUEUE_CHECK_TIME"] = 0.5
    m = htmap.map(lambda x: 1 / x, range(3), tag="silent", map_options=htmap.MapOptions(chunksize=2), quiet=True)
    m.wait(TIMEOUT_S, errors_ok=True)
    m.opened.directory.events.unlink()
    again = htmap.load("silent")
    again.wait(TIMEOUT_S, errors_ok=True)
    assert [str(status) for status in again.component_statuses] == ["ERRORED", "COMPLETED", "COMPLETED"]
    assert again[1:] == [1.0, 0.5]
    again.rerun([0])
    again.wait(TIMEOUT_S, errors_ok=True)
    assert not again.is_active
