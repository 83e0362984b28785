"""Checkpoints, and output files."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from htmap_common import checkpoint, transfer_output_files

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.exec.conftest import Job


def test_output_files_are_moved_and_named_in_the_record(job: Job) -> None:
    def function() -> list[str]:
        Path("sub").mkdir()
        Path("sub/a b.txt").write_text("text")
        Path("folder/deep").mkdir(parents=True)
        Path("folder/deep/file").write_text("deep")
        Path("link").symlink_to("sub/a b.txt")
        transfer_output_files("sub/a b.txt", Path("folder").absolute())
        Path("sub/a b.txt").write_text("behind the link")
        transfer_output_files("link")
        return sorted(path.name for path in Path().iterdir())

    header = job.call(function)
    assert header["output_files"] == ["a b.txt", "folder", "link"]
    sent = job.scratch / "_htmap_transfer/0"
    assert (sent / "a b.txt").read_text() == "text"
    assert (sent / "folder/deep/file").read_text() == "deep"
    assert (sent / "link").read_text() == "behind the link"
    assert not (sent / "link").is_symlink()
    assert {"link", "folder"}.isdisjoint(job.results()[0])


def test_each_component_has_output_files_of_its_own(job: Job) -> None:
    def function(text: str) -> None:
        Path("same name").write_text(text)
        transfer_output_files("same name")
        if text == "raise":
            raise ValueError
        if text == "die":
            os._exit(1)

    job.write_function(function)
    job.write_inputs(("return",), ("raise",), ("die",))
    assert job.run("0-2").exit_code == 100
    for component, text in enumerate(("return", "raise", "die")):
        assert job.records()[component].header["output_files"] == ["same name"]
        assert (job.scratch / f"_htmap_transfer/{component}/same name").read_text() == text


def transfer_missing() -> None:
    transfer_output_files("missing")


def transfer_same_name() -> None:
    Path("a").mkdir()
    Path("a/x").touch()
    Path("x").touch()
    transfer_output_files("x", "a/x")


def transfer_same_name_later() -> None:
    Path("x").touch()
    transfer_output_files("x")
    Path("x").touch()
    transfer_output_files("x")


def transfer_all() -> None:
    transfer_output_files(".")


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
        (transfer_missing, "FileNotFoundError", "'missing', but there is no such file"),
        (transfer_same_name, "ValueError", "two files named 'x'"),
        (transfer_same_name_later, "ValueError", "two files named 'x'"),
        (transfer_all, "ValueError", "holds the whole job"),
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
    assert (job.scratch / "_htmap_checkpoint/1/work/state").read_text() == "1.0 1.1 1.2"
    # In the last start nothing waits any more.
    with job.start("1") as running:
        job.wait_for_file("waiting")
        running.terminate()
        running.wait(timeout=10)
    assert job.run("1").exit_code == 0
    assert job.results() == {1: ["1.0", "1.1", "1.2", "1.3"]}
    assert not (job.scratch / "_htmap_checkpoint/1").exists()


def test_a_checkpoint_of_a_place_outside_comes_back_by_its_name(
    job: Job, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "state"

    def function() -> str:
        if Path("state").exists():
            return Path("state").read_text()
        outside.write_text("saved")
        checkpoint(outside)
        os.kill(os.getppid(), signal.SIGTERM)
        signal.pause()
        return ""

    job.write_function(function)
    job.write_inputs(())
    assert job.run().exit_code == -signal.SIGTERM
    assert job.run().exit_code == 0
    assert job.results() == {0: "saved"}


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
    assert (job.scratch / "_htmap_checkpoint/0/state").read_text() == "precious"


def test_a_checkpoint_replaces_the_one_before(job: Job) -> None:
    def function() -> None:
        Path("first").touch()
        Path("second").touch()
        checkpoint("first", "second")
        checkpoint("second")
        raise ValueError

    job.call(function)
    assert [path.name for path in (job.scratch / "_htmap_checkpoint/0").iterdir()] == ["second"]
    assert [path.name for path in (job.scratch / "_htmap_checkpoint").iterdir()] == ["0"]


def save_twice(allowed: int) -> str:
    """Return what the checkpoint holds. Without one, make two, and be killed at the first change not allowed."""
    if Path("a").exists():
        return f"{Path('a').read_text()}, {Path('b').read_text()}"

    def count(event: str, _: object) -> None:
        nonlocal allowed
        if event not in ("os.rename", "os.mkdir", "os.rmdir", "os.remove", "shutil.copyfile"):
            return
        allowed -= 1
        if allowed < 0:
            os.kill(os.getppid(), signal.SIGTERM)
            signal.pause()

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


def test_what_an_interrupted_attempt_handed_over_is_cleared_away(job: Job) -> None:
    stale = job.scratch / "_htmap_transfer/0/stale"
    stale.parent.mkdir(parents=True)
    stale.touch()
    assert job.call(lambda: None)["output_files"] == []


def test_what_was_handed_over_before_a_checkpoint_is_kept(job: Job) -> None:
    def function() -> None:
        if not Path("state").exists():
            Path("part 1").touch()
            transfer_output_files("part 1")
            Path("state").touch()
            checkpoint("state")
            os.kill(os.getppid(), signal.SIGTERM)
            signal.pause()
        Path("part 2").touch()
        transfer_output_files("part 2")

    job.write_function(function)
    job.write_inputs(())
    assert job.run().exit_code == -signal.SIGTERM
    assert job.run().exit_code == 0
    assert job.records()[0].header["output_files"] == ["part 1", "part 2"]


def move_to_another_node(job: Job, scratch: Path) -> None:
    """Do what HTCondor does: only what the job sends back arrives in the next scratch directory."""
    scratch.mkdir()
    for name in ("function", "inputs", "outputs", "_htmap_checkpoint"):
        (job.scratch / name).rename(scratch / name)
    job.scratch = scratch
