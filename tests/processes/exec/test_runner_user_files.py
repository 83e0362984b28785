"""Output files."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from htmap_common import checkpoint, transfer_output_files

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.processes.exec.conftest import Job


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


@pytest.mark.parametrize(
    ("function", "type_name", "message"),
    [
        (transfer_missing, "FileNotFoundError", "'missing', but there is no such file"),
        (transfer_same_name, "ValueError", "two files named 'x'"),
        (transfer_same_name_later, "ValueError", "two files named 'x'"),
        (transfer_all, "ValueError", "holds the whole job"),
    ],
)
def test_a_path_that_makes_no_sense_raises(
    job: Job, function: Callable[[], None], type_name: str, message: str
) -> None:
    exception = job.call(function)["exception"]
    assert exception["type"] == type_name
    assert message in exception["message"]


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
