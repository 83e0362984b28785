"""What a function has checkpointed survives whatever ends its job."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

import htmap
from htmap import ComponentStatus as Status
from htmap.exceptions import MapComponentError

TIMEOUT_S = 120
SOON = 0.001


def until(is_true: Callable[[], bool]) -> None:
    """Wait for something, at most for a while."""
    deadline = time.monotonic() + TIMEOUT_S
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def until_all(m: htmap.Map, status: Status) -> None:
    until(lambda: set(m.component_statuses) == {status})


def until_ended(pid: int) -> None:
    """Wait for the end of a process; whoever should care for its remains may have been killed, too."""
    until(lambda: not is_alive(pid))


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def work(place: str, steps: int) -> str:
    """Do as many steps as the file ``gate`` allows; checkpoint after every second one.

    Leaves in `place` what was done in which order, and who did it last.
    """
    import time

    Path(place, "pids").write_text(f"{os.getpid()} {os.getppid()}")
    done = Path("state/done").read_text().split() if Path("state").exists() else []
    names = sorted(os.listdir("state")) if done else []
    assert names == ([f"at {len(done)}", "done"] if done else []), names
    while len(done) < steps:
        while int(Path(place, "gate").read_text()) <= len(done):
            time.sleep(0.02)
        with open(f"{place}/trace", "a") as trace:
            trace.write(f"{len(done)}\n")
        print("step", len(done))
        done.append(str(len(done)))
        if len(done) % 2 == 0:
            Path("state").mkdir(exist_ok=True)
            for old in Path("state").glob("at *"):
                old.unlink()
            Path(f"state/at {len(done)}").touch()
            Path("state/done").write_text(" ".join(done))
            htmap.checkpoint("state")
    return " ".join(done)


class Place:
    """What the test and a running `work` tell each other."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._gate = 0
        self.let_go(0)

    def let_go(self, gate: int) -> None:
        (self.path / "new").write_text(str(gate))
        (self.path / "new").rename(self.path / "gate")
        self._gate = gate

    def done(self) -> list[int]:
        return [int(line) for line in lines(self.path / "trace")]

    def until_at_gate(self, m: htmap.Map, number: int) -> None:
        """Wait for a running component that has done its last allowed step, as the given one of all steps."""
        until(lambda: set(m.component_statuses) == {Status.RUNNING} and len(self.done()) == number)

    def pids(self) -> list[int]:
        """The worker and the keeper of the job."""
        return [int(pid) for pid in (self.path / "pids").read_text().split()]


@pytest.fixture
def place(tmp_path) -> Place:
    return Place(tmp_path)


def vacate(m: htmap.Map, _: Place) -> None:
    m.vacate()


def hold_and_release(m: htmap.Map, _: Place) -> None:
    m.hold()
    until_all(m, Status.HELD)
    m.release()


def kill_job(m: htmap.Map, place: Place) -> None:
    worker, keeper = place.pids()
    # In this order: a keeper that outlives its worker for a moment may record what became of it.
    for pid in (keeper, worker):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    until_all(m, Status.HELD)
    assert "killed by signal 9" in m.holds[0].reason
    m.release()


def lose_node(_: htmap.Map, place: Place) -> None:
    kill_with_parent(*place.pids())


def kill_with_parent(worker: int, keeper: int) -> None:
    """As when a node is lost: HTCondor's starter, or our supervisor, gives no notice."""
    os.kill(psutil.Process(keeper).ppid(), signal.SIGKILL)
    for pid in (keeper, worker):
        with contextlib.suppress(ProcessLookupError):  # a startd misses its starter at once, and kills them itself
            os.kill(pid, signal.SIGKILL)


def test_each_step_is_done_once_however_often_the_job_is_interrupted(place) -> None:
    options = htmap.MapOptions(checkpoint_interval=SOON)
    m = htmap.starmap(work, [(str(place.path), 20)], map_options=options, quiet=True)
    ends = [vacate, hold_and_release, vacate, lose_node, vacate, kill_job]
    for number, end in enumerate(ends):
        # One step further than the last checkpoint: that step, and no other, will be done again.
        place.let_go(3 * number + 3 - number % 2)
        place.until_at_gate(m, 3 * number + 3 - number % 2 + number)
        worker, _ = place.pids()
        end(m, place)
        until_ended(worker)
    place.let_go(20)
    assert m.get(0, TIMEOUT_S) == " ".join(map(str, range(20)))
    again = {3 * number + 2 - number % 2 for number in range(len(ends))}
    assert Counter(place.done()) == {step: 1 + (step in again) for step in range(20)}
    assert m.stdout[0] == "".join(f"step {step}\n" for step in range(20))


def test_without_an_interval_a_function_that_checkpoints_runs_through(place) -> None:
    m = htmap.starmap(work, [(str(place.path), 5)], quiet=True)
    place.let_go(3)
    place.until_at_gate(m, 3)
    m.vacate()
    place.until_at_gate(m, 4)
    pids = place.pids()
    place.let_go(5)
    assert m.get(0, TIMEOUT_S) == "0 1 2 3 4"
    assert place.done() == [0, 1, 2, 2, 3, 4]
    assert place.pids() == pids
    assert list(m.opened.directory.checkpoints.iterdir()) == []


def note_and_wait(path: str) -> str:
    import time

    with open(f"{path}.runs", "a") as runs:
        runs.write(f"{os.getpid()} {os.getppid()}\n")
    while path.endswith("last") and not Path(f"{path}.go").exists():
        time.sleep(0.02)
    return path[-4:]


def test_a_job_that_is_killed_does_not_run_finished_components_again(tmp_path) -> None:
    paths = [str(tmp_path / name) for name in ("0000", "1111", "2222", "last")]
    options = htmap.MapOptions(chunksize=4, checkpoint_interval=SOON)
    m = htmap.map(note_and_wait, paths, map_options=options, quiet=True)
    last = Path(f"{paths[-1]}.runs")
    until(lambda: len(lines(last)) == 1)
    until_all(m, Status.RUNNING)
    kill_with_parent(*map(int, last.read_text().split()))
    until(lambda: m.is_active and len(lines(last)) == 2)
    Path(f"{paths[-1]}.go").touch()
    m.wait(TIMEOUT_S)
    assert list(m) == ["0000", "1111", "2222", "last"]
    assert [len(lines(Path(f"{path}.runs"))) for path in paths] == [1, 1, 1, 2]


def test_a_result_that_cannot_be_pickled_does_not_cost_the_checkpoint(tmp_path) -> None:
    def fail_once(path):
        was_there = Path("state").exists()
        Path("state").write_text("precious")
        htmap.checkpoint("state")
        if Path(path).exists():
            return was_there
        Path(path).touch()
        return (x for x in "no")

    m = htmap.map(fail_once, [str(tmp_path / "failed")], quiet=True)
    with pytest.raises(MapComponentError, match="pickle"):
        m.get(0, TIMEOUT_S)
    (state,) = m.opened.directory.checkpoints.glob("0/*/files/state")
    assert state.read_text() == "precious"
    m.rerun([0])
    assert m.get(0, TIMEOUT_S) is False, "a rerun starts from scratch"
    assert list(m.opened.directory.checkpoints.iterdir()) == []
