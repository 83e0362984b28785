"""Checkpoints: whole at any moment, there at each start, and sent home in time."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from htmap_common import checkpoint, transfer_output_files

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.processes.exec.conftest import Job

CHECKPOINTED = 85
ALWAYS = ("--checkpoint-every", "0")


def saved(job: Job, component: int = 0) -> Path:
    """The files of the one checkpoint that there is."""
    (number,) = (job.scratch / f"_htmap_checkpoint/{component}").iterdir()
    return number / "files"


def checkpoint_missing() -> None:
    checkpoint("missing")


def checkpoint_same_place() -> None:
    outside = Path(os.environ["OUTSIDE"])
    (outside / "x").touch()
    Path("x").touch()
    checkpoint("x", outside / "x")


def checkpoint_all() -> None:
    checkpoint(Path.cwd())


@pytest.mark.parametrize(
    ("function", "type_name", "message"),
    [
        (checkpoint_missing, "FileNotFoundError", "'missing', but there is no such file"),
        (checkpoint_same_place, "ValueError", "as 'x'"),
        (checkpoint_all, "ValueError", "holds the whole job"),
    ],
)
def test_a_path_that_makes_no_sense_raises(
    job: Job, tmp_path_factory: pytest.TempPathFactory, function: Callable[[], None], type_name: str, message: str
) -> None:
    job.write_function(function)
    job.write_inputs(())
    outside = tmp_path_factory.mktemp("outside")
    assert job.run(env={**os.environ, "OUTSIDE": str(outside)}).exit_code == 100
    exception = job.records()[0].header["exception"]
    assert exception["type"] == type_name
    assert message in exception["message"]


# --- what comes back ---


def test_a_checkpoint_survives_every_eviction_and_comes_back_to_its_place(job: Job, tmp_path: Path) -> None:
    def function(component: int) -> list[str]:
        state = Path("work/state")
        steps = state.read_text().split() if state.exists() else []
        state.parent.mkdir(exist_ok=True)
        while len(steps) < 4:
            steps.append(f"{component}.{len(steps)}")
            state.write_text(" ".join(steps))
            checkpoint(state, "work")
            Path("waiting").touch()
            signal.pause()
        return steps

    job.write_function(function)
    job.write_inputs((0,), (1,))
    for start in range(3):
        with job.start("1") as running:
            job.wait_for_file("waiting")
            running.terminate()
            running.wait(timeout=10)
        move_to_another_node(job, tmp_path / f"node{start}")
    assert (saved(job, 1) / "work/state").read_text() == "1.0 1.1 1.2"
    # In the last start nothing waits any more.
    with job.start("1") as running:
        job.wait_for_file("waiting")
        running.terminate()
        running.wait(timeout=10)
    assert job.run("1").exit_code == 0
    assert job.results() == {1: ["1.0", "1.1", "1.2", "1.3"]}
    assert not (job.scratch / "_htmap_checkpoint/1").exists()


def move_to_another_node(job: Job, scratch: Path) -> None:
    """Do what HTCondor does: only what the job sends back arrives in the next scratch directory."""
    scratch.mkdir()
    for name in ("function", "inputs", "outputs", "_htmap_checkpoint", "_htmap_transfer"):
        if (job.scratch / name).exists():
            (job.scratch / name).rename(scratch / name)
    job.scratch = scratch


def interrupt() -> None:
    """Have this job evicted, and wait for it."""
    os.kill(os.getppid(), signal.SIGTERM)
    signal.pause()


def test_a_checkpoint_of_a_place_outside_comes_back_by_its_name(
    job: Job, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "state"

    def function() -> str:
        if Path("state").exists():
            return Path("state").read_text()
        outside.write_text("saved")
        checkpoint(outside)
        interrupt()
        return ""

    job.write_function(function)
    job.write_inputs(())
    assert job.run().exit_code == -signal.SIGTERM
    assert job.run().exit_code == 0
    assert job.results() == {0: "saved"}


def test_a_tree_comes_back_as_it_was(job: Job, tmp_path: Path) -> None:
    def function() -> list[str]:
        if not Path("top").exists():
            Path("top/empty").mkdir(parents=True)
            Path("top/a b/ü").mkdir(parents=True)
            Path("top/a b/ü/file").write_text("deep")
            Path("top/link").symlink_to("a b/ü/file")
            checkpoint("top/a b/ü/file", "top")
            interrupt()
        return sorted(f"{path} {path.read_text()}" if path.is_file() else str(path) for path in Path("top").rglob("*"))

    job.write_function(function)
    job.write_inputs(())
    assert job.run().exit_code == -signal.SIGTERM
    move_to_another_node(job, tmp_path / "node")
    assert job.run().exit_code == 0
    assert job.results() == {
        0: ["top/a b", "top/a b/ü", "top/a b/ü/file deep", "top/empty", "top/link deep"],
    }


def raise_an_error() -> None:
    raise ValueError


def return_the_unpicklable() -> object:
    return (number for number in range(3))


def die() -> None:
    os._exit(1)


@pytest.mark.parametrize("end", [raise_an_error, return_the_unpicklable, die], ids=lambda end: end.__name__)
def test_a_failing_result_does_not_cost_the_checkpoint(job: Job, end: Callable[[], object]) -> None:
    def function() -> object:
        Path("state").write_text("precious")
        checkpoint("state")
        return end()

    assert job.call(function)["status"] == "raised"
    assert (saved(job) / "state").read_text() == "precious"


def test_a_checkpoint_replaces_the_one_before(job: Job) -> None:
    def function() -> None:
        Path("first").touch()
        Path("second").touch()
        checkpoint("first", "second")
        checkpoint("second")
        raise ValueError

    job.call(function)
    assert [path.name for path in saved(job).iterdir()] == ["second"]


def test_what_was_handed_over_before_a_checkpoint_is_kept(job: Job) -> None:
    def function() -> None:
        if not Path("state").exists():
            Path("part 1").touch()
            transfer_output_files("part 1")
            Path("state").touch()
            checkpoint("state")
            interrupt()
        Path("part 2").touch()
        transfer_output_files("part 2")

    job.write_function(function)
    job.write_inputs(())
    assert job.run().exit_code == -signal.SIGTERM
    assert job.run().exit_code == 0
    assert job.records()[0].header["output_files"] == ["part 1", "part 2"]


def test_what_was_printed_and_used_before_a_checkpoint_counts_once(job: Job, tmp_path: Path) -> None:
    def function() -> None:
        until = time.process_time() + 0.3
        while time.process_time() < until:
            pass
        if not Path("state").exists():
            sys.stdout.write("before, ")
            Path("state").touch()
            checkpoint("state")
            sys.stdout.write("lost")
            interrupt()
        sys.stdout.write("after\n")

    job.write_function(function)
    job.write_inputs(())
    assert job.run().exit_code == -signal.SIGTERM
    move_to_another_node(job, tmp_path / "node")
    assert job.run().exit_code == 0
    assert job.printed() == "before, after\n"
    header = job.records()[0].header
    assert header["user_cpu_s"] + header["system_cpu_s"] >= 0.6
    assert header["wall_s"] >= 0.6


def test_an_attempt_without_a_checkpoint_leaves_nothing_printed(job: Job) -> None:
    def function() -> None:
        sys.stdout.write("printed\n")
        if not Path("again").exists():
            Path("again").touch()
            interrupt()

    job.write_function(function)
    job.write_inputs(())
    assert job.run().exit_code == -signal.SIGTERM
    assert job.run().exit_code == 0
    assert job.printed() == "printed\n"


# --- whole at any moment ---


def save_twice(allowed: int) -> str:
    """Return what the checkpoint holds. Without one, make two, and be killed at the first change not allowed."""
    if Path("a").exists():
        return f"{Path('a').read_text()}, {Path('b').read_text()}"

    def count(event: str, _: object) -> None:
        nonlocal allowed
        if event not in ("open", "os.rename", "os.mkdir", "os.rmdir", "os.remove", "shutil.copyfile"):
            return
        allowed -= 1
        if allowed < 0:
            interrupt()

    for text in ("old", "new"):
        Path("a").write_text(text)
        Path("b").write_text(text)
        checkpoint("a", "b")
        if text == "old":
            sys.addaudithook(count)
    return "not killed"


def test_whenever_a_component_is_killed_there_is_an_old_or_a_new_checkpoint(job: Job) -> None:
    job.write_function(save_twice)
    restored: list[str] = []
    while "not killed" not in restored:
        job.write_inputs((len(restored),))
        shutil.rmtree(job.scratch / "_htmap_checkpoint", ignore_errors=True)
        clear(job, "outputs", "a", "b")
        if job.run().exit_code == -signal.SIGTERM:
            clear(job, "a", "b")
            assert job.run().exit_code == 0
        restored.append(job.results()[0])
    assert restored == sorted(restored, key=["old, old", "new, new", "not killed"].index)
    assert len(set(restored)) == 3


def clear(job: Job, *names: str) -> None:
    for name in names:
        (job.scratch / name).unlink(missing_ok=True)


def test_a_job_that_is_killed_again_and_again_only_goes_forward(job: Job) -> None:
    def function() -> None:
        counts = [int(path.read_text()) for path in (Path("a"), Path("d/b")) if path.exists()]
        with Path("trace").open("a") as trace:
            trace.write(f"{counts}\n")
        count = max(counts, default=0)
        Path("d").mkdir(exist_ok=True)
        while True:
            count += 1
            Path("a").write_text(str(count))
            Path("d/b").write_text(str(count))
            checkpoint("a", "d")

    job.write_function(function)
    job.write_inputs(())
    seed = random.randrange(10**6)
    moments = random.Random(seed)
    for _ in range(12):
        before = last_number(job)
        with job.start("0", start_new_session=True) as running:
            wait_until(lambda before=before: last_number(job) > before)  # type: ignore[misc]
            time.sleep(moments.uniform(0, 0.02))  # the moment of the kill
            os.killpg(running.pid, signal.SIGKILL)
        clear(job, "a", "d/b")
    first, *others = (eval(line) for line in lines(job.scratch / "trace"))  # noqa: S307 - lists of our own
    assert first == []
    assert all(len(pair) == 2 and len(set(pair)) == 1 for pair in others), f"seed {seed}: torn ones in {others}"
    counts = [pair[0] for pair in others]
    assert counts == sorted(set(counts)), f"seed {seed}"


def last_number(job: Job) -> int:
    return max((int(path.name) for path in job.scratch.glob("_htmap_checkpoint/0/*") if path.name.isdigit()), default=0)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def wait_until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_threads_may_checkpoint_at_the_same_time(job: Job) -> None:
    def function() -> None:
        def save(number: int) -> None:
            for _ in range(20):
                checkpoint(f"t{number}")

        for number in range(4):
            Path(f"t{number}").mkdir()
            for name in "abc":
                Path(f"t{number}/{name}").write_text(str(number))
        threads = [threading.Thread(target=save, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        raise ValueError

    job.call(function)
    (tree,) = saved(job).iterdir()
    assert sorted(path.name for path in tree.iterdir()) == ["a", "b", "c"]


def test_a_signal_handler_may_checkpoint_in_the_middle_of_a_checkpoint(job: Job) -> None:
    def function() -> int:
        handled = 0

        def handle(*_: object) -> None:
            nonlocal handled
            handled += 1
            checkpoint("a")

        def interfere(event: str, _: object) -> None:
            if event in ("os.rename", "shutil.copyfile") and handled < 4:
                signal.raise_signal(signal.SIGUSR1)

        Path("a").write_text("whole")
        signal.signal(signal.SIGUSR1, handle)
        sys.addaudithook(interfere)
        checkpoint("a")
        assert handled == 4
        raise ValueError

    assert job.call(function)["exception"]["type"] == "ValueError"
    assert (saved(job) / "a").read_text() == "whole"


def test_a_full_disk_costs_the_new_checkpoint_only(job: Job) -> None:
    def function() -> None:
        Path("state").write_text("small")
        checkpoint("state")
        Path("state").write_bytes(b"x" * 100_000)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
        try:
            checkpoint("state")
        except OSError as error:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            raise RuntimeError(error.filename) from None

    assert job.call(function)["exception"]["type"] == "RuntimeError"
    assert (saved(job) / "state").read_text() == "small"


# --- sent home in time ---


def run_on(job: Job, components: str = "0", options: tuple[str, ...] = ALWAYS) -> int:
    """Start a job again for as long as it asks for it, as HTCondor does. Returns how often it has asked."""
    asked = 0
    while (exit_code := job.run(components, options=options).exit_code) == CHECKPOINTED:
        asked += 1
        assert asked < 50
    assert exit_code == 0
    return asked


def test_a_due_checkpoint_ends_the_job_and_the_next_start_goes_on_from_it(job: Job) -> None:
    def function() -> list[str]:
        state = Path("state")
        steps = state.read_text().split() if state.exists() else []
        while len(steps) < 4:
            steps.append(f"{len(steps)}")
            sys.stdout.write(f"step {len(steps)}\n")
            state.write_text(" ".join(steps))
            checkpoint(state)
        return steps

    job.write_function(function)
    job.write_inputs(())
    assert run_on(job) == 4
    assert job.results() == {0: ["0", "1", "2", "3"]}
    assert job.printed() == "".join(f"step {step}\n" for step in (1, 2, 3, 4))
    assert not (job.scratch / "_htmap_checkpoint/0").exists()


def test_a_checkpoint_that_is_not_due_returns(job: Job) -> None:
    def function() -> None:
        Path("state").touch()
        checkpoint("state")

    job.write_function(function)
    job.write_inputs(())
    assert run_on(job, options=("--checkpoint-every", "3600")) == 0


def test_a_checkpoint_that_says_nothing_new_is_not_sent(job: Job) -> None:
    """Else a function that checkpoints before it has got anywhere would start again for ever."""

    def function() -> int:
        step = int(Path("state/step").read_text()) if Path("state").exists() else 0
        Path("state").mkdir(exist_ok=True)
        while step < 3:
            Path("state/step").write_text(str(step))
            checkpoint("state")
            step += 1
        return step

    job.write_function(function)
    job.write_inputs(())
    assert run_on(job) == 3
    assert job.results() == {0: 3}


def test_the_next_start_finds_what_it_would_find_on_another_node(job: Job) -> None:
    def function() -> list[str]:
        found = sorted(path.name for path in Path().iterdir() if not path.name.startswith("_htmap"))
        if "state" in found:
            return found
        Path("folder/deep").mkdir(parents=True)
        Path("file").touch()
        Path("state").touch()
        transfer_output_files("file")
        checkpoint("state")
        return []

    job.write_function(function)
    job.write_inputs(())
    (job.scratch / "data").touch()
    assert run_on(job) == 1
    assert job.results() == {0: ["data", "function", "inputs", "outputs", "state"]}
    assert job.records()[0].header["output_files"] == ["file"]


def test_processes_that_the_function_has_started_do_not_outlive_it(job: Job) -> None:
    def function() -> None:
        if not Path("pids").exists():
            program = "import os, time; print(os.fork(), flush=True); time.sleep(60)"
            child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
            assert child.stdout is not None
            grandchildren = [child.stdout.readline(), child.stdout.readline()]
            Path("pids").write_text(" ".join([str(child.pid), *grandchildren]))
            checkpoint("pids")

    job.write_function(function)
    job.write_inputs(())
    assert job.run(options=ALWAYS).exit_code == CHECKPOINTED
    pids = {int(pid) for pid in (saved(job) / "pids").read_text().split()} - {0}
    assert len(pids) == 2
    wait_until(lambda: not any(is_alive(pid) for pid in pids))


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_finished_components_are_a_checkpoint(job: Job) -> None:
    def function(component: int) -> int:
        with Path(f"_htmap_trace{component}").open("a") as trace:
            trace.write("called")
        return component * 10

    job.write_function(function)
    job.write_inputs(*[(component,) for component in range(4)])
    assert run_on(job, "0-3") == 3
    assert job.results() == {component: component * 10 for component in range(4)}
    assert [(job.scratch / f"_htmap_trace{component}").read_text() for component in range(4)] == ["called"] * 4


@pytest.mark.parametrize("options", [(), ALWAYS], ids=["staying", "leaving"])
def test_a_component_does_not_find_what_the_one_before_has_checkpointed(job: Job, options: Sequence[str]) -> None:
    def function(component: int) -> list[str]:
        found = sorted(path.read_text() for path in [Path("state"), Path("folder/state")] if path.exists())
        Path("folder").mkdir(exist_ok=True)
        for place in ("state", "folder/state"):
            Path(place).write_text(str(component))
        checkpoint("state", "folder", "data")
        if component == 1 and not found:
            raise ValueError
        if component == 2:
            os._exit(3)
        return [each for each in found if each != str(component)]

    job.write_function(function)
    job.write_inputs((0,), (1,), (2,), (3,))
    (job.scratch / "data").write_text("for all")
    while job.run("0-3", options=options).exit_code == CHECKPOINTED:
        pass
    results = {component: job.results()[component] for component in (0, 3)}
    assert results == {0: [], 3: []}
    assert (job.scratch / "data").read_text() == "for all"


def test_a_child_that_checkpoints_ends_nothing(job: Job) -> None:
    def function() -> str:
        Path("state").write_text("by a child")
        pid = os.fork()
        if pid == 0:
            checkpoint("state")
            os._exit(7)
        return f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}"

    job.write_function(function)
    job.write_inputs(())
    assert run_on(job) == 0
    assert job.results() == {0: "7"}


def test_a_thread_that_checkpoints_ends_the_job_too(job: Job) -> None:
    def function() -> str:
        if not Path("state").exists():
            Path("state").touch()
            threading.Thread(target=checkpoint, args=("state",)).start()
            signal.pause()
        return "resumed"

    job.write_function(function)
    job.write_inputs(())
    assert run_on(job) == 1
    assert job.results() == {0: "resumed"}


def test_an_eviction_is_not_answered_with_a_checkpoint_exit(job: Job) -> None:
    def function() -> None:
        def save(*_: object) -> None:
            Path("state").write_text("in the last moment")
            checkpoint("state")
            Path("saved").touch()

        signal.signal(signal.SIGTERM, save)
        Path("ready").touch()
        while not Path("saved").exists():
            signal.pause()

    job.write_function(function)
    job.write_inputs((), ())
    with subprocess.Popen([*job.command("0-1"), *ALWAYS], cwd=job.scratch) as running:
        job.wait_for_file("ready")
        running.terminate()
        assert running.wait(timeout=10) == -signal.SIGTERM


def test_an_eviction_while_the_job_leaves_is_an_eviction(job: Job) -> None:
    def function() -> None:
        def evict(event: str, _: object) -> None:
            if event == "os.rmdir":
                os.kill(os.getppid(), signal.SIGTERM)

        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        Path("folder").mkdir()
        Path("state").touch()
        sys.addaudithook(evict)
        checkpoint("state")

    job.write_function(function)
    job.write_inputs(())
    assert job.run(options=ALWAYS).exit_code == -signal.SIGTERM
    assert (saved(job) / "state").exists()


def test_an_interval_that_is_no_number_is_refused(job: Job) -> None:
    job.write_function(lambda: None)
    job.write_inputs(())
    ended = job.run(options=("--checkpoint-every", "soon"))
    assert ended.exit_code == 101
    assert "'soon' is no number of seconds" in ended.stderr
