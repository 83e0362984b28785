"""Waiting ends when it should, shows how far things are, and can be given up at any time."""

from __future__ import annotations

import datetime as dt
import os
import pty
import select
import subprocess
import sys
import time

import pytest

import htmap
from htmap.backend.protocol import Action, JobSelection
from htmap.exceptions import MapComponentRemoved, TimeoutError

TIMEOUT_S = 120

WAITS = """
import htmap, pathlib, sys, time
def work(go):
    while not pathlib.Path(go).exists():
        time.sleep(0.02)
    return "went on"
m = htmap.map(work, [sys.argv[1]] * 2, tag="interrupted", quiet=True)
try:
    m.wait(show_progress_bar=True)
except KeyboardInterrupt:
    print("given up:", m.status())
"""


def in_a_terminal(*command: str) -> tuple[int, int]:
    """Start a process that has a terminal of its own; its pid and our end of the terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(command[0], command, {**os.environ, "TERM": "xterm", "COLUMNS": "100"})  # noqa: S606 - without a shell
    return pid, terminal


def read_until(terminal: int, words: str) -> str:
    seen = b""
    deadline = time.monotonic() + TIMEOUT_S
    while words.encode() not in seen:
        ready, _, _ = select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"{words!r} did not come, only {seen!r}"
        try:
            seen += os.read(terminal, 4096)
        except OSError:  # the other end is closed
            break
    assert words.encode() in seen, seen
    return seen.decode()


def test_ctrl_c_ends_the_wait_and_leaves_the_map_running(tmp_path) -> None:
    pid, terminal = in_a_terminal(sys.executable, "-c", WAITS, str(tmp_path / "go"))
    try:
        assert "interrupted" in read_until(terminal, "2 running")
        os.write(terminal, b"\x03")
        assert "Traceback" not in read_until(terminal, "given up: Map interrupted (2 components): 2 RUNNING")
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    finally:
        os.close(terminal)
    m = htmap.load("interrupted")
    assert m.is_active
    (tmp_path / "go").touch()
    m.wait(TIMEOUT_S)
    assert list(m) == ["went on"] * 2


CREATES = """
import htmap, time
def slowly():
    number = 0
    while True:
        time.sleep(0.001)
        yield number
        number += 1
try:
    htmap.map(abs, slowly(), tag="endless")
except KeyboardInterrupt:
    print("given up:", htmap.get_tags(), list(htmap.store.mapdir.Home.of(htmap.settings).maps.iterdir()))
"""


INTERRUPTED_OFTEN = """
import os, random, signal, threading, time, htmap
is_acting = False
is_over = threading.Event()

def on_interrupt(number, frame):
    global is_acting
    if is_acting:
        is_acting = False
        raise KeyboardInterrupt

def interrupt():
    while not is_over.wait(random.uniform(0.001, 0.05)):
        os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, on_interrupt)
threading.Thread(target=interrupt, daemon=True).start()
end = time.monotonic() + 5
while time.monotonic() < end:
    try:
        is_acting = True
        m = htmap.map(abs, [-1], quiet=True)
        m.hold()
        m.release()
        m.remove()
        is_acting = False
    except (KeyboardInterrupt, htmap.exceptions.StorageError):
        pass  # shutil.rmtree makes a bad file descriptor of it now and then
is_over.set()
"""


def test_ctrl_c_at_any_moment_is_a_keyboard_interrupt_and_no_more(htmap_dir) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_OFTEN], capture_output=True, text=True, check=False, timeout=TIMEOUT_S
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    htmap.clean(all=True)
    assert list((htmap_dir / "maps").iterdir()) == []


def test_a_long_creation_shows_how_far_it_is_and_ctrl_c_undoes_it() -> None:
    pid, terminal = in_a_terminal(sys.executable, "-c", CREATES)
    try:
        read_until(terminal, "000 components")
        os.write(terminal, b"\x03")
        assert "Traceback" not in read_until(terminal, "given up: () []")
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    finally:
        os.close(terminal)


def test_a_map_that_is_held_whole_is_not_waited_for_if_holds_are_ok(tmp_path) -> None:
    def work(go):
        import pathlib
        import time

        while not pathlib.Path(go).exists():
            time.sleep(0.02)

    m = htmap.map(work, [str(tmp_path / "go")] * 2)
    m.hold()
    m.wait(timeout=TIMEOUT_S, holds_ok=True)
    assert m.component_statuses == ["HELD", "HELD"]
    (tmp_path / "go").touch()
    m.release()
    m.wait(timeout=TIMEOUT_S, holds_ok=True)
    assert m.is_done


def test_a_progress_bar_goes_to_standard_error(capsys) -> None:
    m = htmap.map(abs, range(3), tag="shown", quiet=True)
    m.wait(TIMEOUT_S, show_progress_bar=True)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "shown" in printed.err
    assert "3/3" in printed.err


@pytest.mark.parametrize("timeout", [0, 0.1, dt.timedelta(seconds=0.1)], ids=["none", "number", "timedelta"])
def test_a_timeout_may_be_a_number_or_a_timedelta(timeout, tmp_path) -> None:
    def work(go):
        while not os.path.exists(go):
            time.sleep(0.02)

    m = htmap.map(work, [tmp_path / "go"], quiet=True)
    for give_up in (m.wait, lambda timeout: m.get(0, timeout), lambda timeout: next(m.iter(timeout))):
        with pytest.raises(TimeoutError, match=f"{m.tag}"):
            give_up(timeout=timeout)
    (tmp_path / "go").touch()
    m.wait(dt.timedelta(seconds=TIMEOUT_S))


def test_waiting_ends_when_nothing_more_can_happen(tmp_path) -> None:
    def work(go):
        while not os.path.exists(go):
            time.sleep(0.02)

    m = htmap.map(work, [tmp_path / "never"], quiet=True)
    m.opened.backend.act(Action.REMOVE, JobSelection(m.opened.directory.uid), "a test")
    with pytest.raises(MapComponentRemoved, match=r"map.rerun\(\[0\]\)"):
        m.wait(TIMEOUT_S)
    m.wait(TIMEOUT_S, errors_ok=True)
