"""A component ends as a program ends, and leaves its neighbours alone."""

from __future__ import annotations

import atexit
import os
import signal
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import htmap
from htmap.exceptions import MapComponentError

TIMEOUT_S = 120
LEFT: dict[str, Any] = {}


def send(text):
    Path("last.txt").write_text(text)
    htmap.transfer_output_files("last.txt")


def send_later(text):
    time.sleep(0.3)
    send(text)


def leave(how):
    if how == "handler":
        atexit.register(send, how)
    if how == "thread":
        threading.Thread(target=send_later, args=[how]).start()
    if how == "executor":
        LEFT["executor"] = ThreadPoolExecutor(1)
        LEFT["executor"].submit(send_later, how)
    if how == "file":
        LEFT["file"] = Path("last.txt").open("w")  # noqa: SIM115 - it is left open on purpose
        LEFT["file"].write(how)
        atexit.register(htmap.transfer_output_files, "last.txt")
    return how


def test_what_is_left_for_the_end_is_done_before_the_result_counts() -> None:
    ways = ["handler", "thread", "executor", "file"]
    m = htmap.map(leave, ways, quiet=True)
    assert list(m.iter(timeout=TIMEOUT_S)) == ways
    for component, how in enumerate(ways):
        assert (m.output_files.get(component) / "last.txt").read_text() == how


def leave_badly(how):
    if how == "raises":
        atexit.register(int, "no number")
    if how == "leaves":
        atexit.register(os._exit, 3)
    if how == "hangs":
        atexit.register(threading.Event().wait)
    if how == "never ends":
        threading.Thread(target=threading.Event().wait).start()
    return how


def test_an_end_that_goes_wrong_gives_the_result_or_a_sentence() -> None:
    ways = ["raises", "leaves", "hangs", "never ends"]
    m = htmap.map(leave_badly, ways, htmap.MapOptions(end_within=1), quiet=True)
    assert m.get(0, timeout=TIMEOUT_S) == "raises"
    assert "invalid literal" in m.stderr.get(0)
    for component, words in ((1, "exit status 3"), (2, "still at work after 1 s"), (3, "still at work after 1 s")):
        with pytest.raises(MapComponentError, match=f"ProgramDidNotEnd: Component {component} returned, but .*{words}"):
            m.get(component, timeout=TIMEOUT_S)


def leave_or_find(component):
    found = {
        "directory": Path.cwd() == Path(os.environ.get("_CONDOR_SCRATCH_DIR", Path.cwd())),
        "handler": signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL,
        "filters": not any(entry[0] == "error" for entry in warnings.filters),
    }
    if component < 2:
        signal.alarm(1)
    else:
        time.sleep(1.5)  # through the moment at which those of its neighbours would ring
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    warnings.simplefilter("error")
    os.chdir("/")
    return found


def test_what_a_component_leaves_does_not_reach_its_neighbour() -> None:
    m = htmap.map(leave_or_find, range(3), htmap.MapOptions(chunksize=3), quiet=True)
    assert list(m.iter(timeout=TIMEOUT_S)) == [{"directory": True, "handler": True, "filters": True}] * 3


def tidy_up(how):
    import shutil

    Path("fit.csv").write_text(how)
    htmap.transfer_output_files("fit.csv")
    Path("state").write_text(how)
    htmap.checkpoint("state")
    for path in Path().iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    if how == "raise":
        raise ValueError("no luck")
    return how


@pytest.mark.parametrize("chunksize", [1, 3])
def test_a_function_may_remove_all_that_lies_in_its_directory(chunksize: int) -> None:
    m = htmap.map(tidy_up, ["one", "raise", "two"], htmap.MapOptions(chunksize=chunksize), quiet=True)
    m.wait(TIMEOUT_S, errors_ok=True)
    assert (m[0], m[2]) == ("one", "two")
    assert "no luck" in m.get_err(1).exception_msg
    assert [(m.output_files.get(n) / "fit.csv").read_text() for n in range(3)] == ["one", "raise", "two"]


def go_on_after_a_vacate(place):
    import shutil

    state = Path("state")
    if state.exists():
        return state.read_text()
    state.write_text("from the checkpoint")
    htmap.checkpoint(state)
    for path in Path().iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    Path(place, "all is gone").touch()
    time.sleep(600)
    return "from the beginning"


def test_a_checkpoint_survives_a_function_that_removes_it(tmp_path: Path) -> None:
    m = htmap.map(go_on_after_a_vacate, [str(tmp_path)], quiet=True)
    deadline = time.monotonic() + TIMEOUT_S
    while not (tmp_path / "all is gone").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    m.vacate()
    assert m.get(0, timeout=TIMEOUT_S) == "from the checkpoint"
