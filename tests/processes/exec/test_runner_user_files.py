"""Output files."""

from __future__ import annotations

import errno
import os
import resource
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
    assert header["output_files"] == ["folder", "link", "sub"]
    sent = job.scratch / "_htmap_transfer/0"
    assert (sent / "sub/a b.txt").read_text() == "text"
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


def transfer_missing(_outside: str) -> None:
    transfer_output_files("missing")


def transfer_same_name(outside: str) -> None:
    for folder in (Path(outside), Path("a")):
        folder.mkdir(exist_ok=True)
        (folder / "x").touch()
    transfer_output_files("a/x")
    Path("x").touch()
    transfer_output_files("x", Path(outside, "x"))


def transfer_same_name_later(_outside: str) -> None:
    Path("x").touch()
    transfer_output_files("x")
    Path("x").touch()
    transfer_output_files("x")


def transfer_a_file_that_came_with_its_folder(_outside: str) -> None:
    for _ in range(2):
        Path("a").mkdir()
        Path("a/x").touch()
        transfer_output_files("a")


def transfer_a_file_in_place_of_a_folder(_outside: str) -> None:
    Path("a").touch()
    transfer_output_files("a")
    Path("a").mkdir()
    Path("a/x").touch()
    transfer_output_files("a/x")


def transfer_all(_outside: str) -> None:
    transfer_output_files(".")


def transfer_all_by_a_link(_outside: str) -> None:
    Path("up").symlink_to(os.pardir)
    transfer_output_files("up")


def transfer_what_leads_nowhere(_outside: str) -> None:
    Path("b").symlink_to("a")
    Path("a").symlink_to("b")
    transfer_output_files("a")


def transfer_a_fifo(_outside: str) -> None:
    os.mkfifo("fifo")
    transfer_output_files("fifo")


def transfer_a_device(_outside: str) -> None:
    Path("null").symlink_to(os.devnull)
    transfer_output_files("null")


def transfer_a_locked_file(outside: str) -> None:
    Path(outside, "locked").touch(0)
    Path("folder").mkdir()
    Path("folder/link").symlink_to(Path(outside, "locked"))
    transfer_output_files("folder")


def transfer_folders_in_one_another(_outside: str) -> None:
    path = Path("top")
    for _ in range(67):
        path.mkdir()
        path /= "d"
    transfer_output_files("top")


def transfer_a_long_path(_outside: str) -> None:
    Path("/".join(["long" * 50] * 16)).mkdir(parents=True)
    transfer_output_files("long" * 50)


@pytest.mark.parametrize(
    ("function", "type_name", "message"),
    [
        (transfer_folders_in_one_another, "ValueError", "top has more than 64 folders in one another: pack it"),
        (transfer_a_long_path, "ValueError", "is too long to be sent"),
        (transfer_missing, "FileNotFoundError", "'missing', but there is no such file"),
        (transfer_same_name, "ValueError", "two files named 'x'"),
        (transfer_same_name_later, "ValueError", "two files named 'x'"),
        (transfer_a_file_that_came_with_its_folder, "ValueError", "two files named 'a/x'"),
        (transfer_a_file_in_place_of_a_folder, "ValueError", "two files named 'a'"),
        (transfer_all, "ValueError", "holds the whole job"),
        (transfer_all_by_a_link, "ValueError", "holds the whole job"),
        (transfer_what_leads_nowhere, "FileNotFoundError", "'a', but there is no such file"),
        (transfer_a_fifo, "ValueError", "fifo is a FIFO, which has no content"),
        (transfer_a_device, "ValueError", "null is a device, which has no content"),
        pytest.param(
            transfer_a_locked_file,
            "PermissionError",
            "link cannot be sent: there is no permission to read it",
            marks=pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything"),
        ),
    ],
)
def test_what_cannot_be_sent_raises(
    job: Job,
    tmp_path_factory: pytest.TempPathFactory,
    function: Callable[[str], None],
    type_name: str,
    message: str,
) -> None:
    exception = job.call(function, str(tmp_path_factory.mktemp("outside")))["exception"]
    assert exception["type"] == type_name
    assert message in exception["message"]


def test_paths_in_the_scratch_directory_are_kept(job: Job) -> None:
    def function() -> None:
        for name in ("a/out.txt", "b/c/out.txt", "b/d/out.txt", "e/out.txt", "out.txt"):
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text(name)
        transfer_output_files("a/out.txt", Path("b/c/out.txt").absolute(), "b/c/../d/out.txt")
        transfer_output_files("e", "e/out.txt", "out.txt")
        Path("b/d/more.txt").write_text("more")
        Path("bytes").write_text("bytes")
        transfer_output_files(b"bytes")  # type: ignore[arg-type]
        os.chdir("b")
        transfer_output_files("d")

    assert job.call(function)["output_files"] == ["a", "b", "bytes", "e", "out.txt"]
    assert contents(job.scratch / "_htmap_transfer/0") == {
        name: name.replace("b/d/more.txt", "more")
        for name in ("a/out.txt", "b/c/out.txt", "b/d/more.txt", "b/d/out.txt", "bytes", "e/out.txt", "out.txt")
    }


def contents(folder: Path) -> dict[str, str]:
    """The text of each file below a folder, in which nothing else may be."""
    found = {}
    for path in folder.rglob("*"):
        assert not path.is_symlink()
        if path.is_file():
            assert path.stat().st_nlink == 1
            found[str(path.relative_to(folder))] = path.read_text()
    return found


def test_a_folder_comes_back_as_it_reads(job: Job) -> None:
    def function() -> None:
        for name in ("logs/run1/w", "logs/run1/sub/e", "other/o"):
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text(name)
        Path("logs/empty").mkdir()
        links: dict[str, str | Path] = {
            "logs/latest": "run1",
            "logs/run1/again": "sub",
            "logs/w": "run1/w",
            "logs/gone": "run0",
            "logs/up": os.pardir,
            "logs/run1/self": ".",
            "logs/null": os.devnull,
            "logs/other": Path("other").absolute(),
        }
        for link, target in links.items():
            Path(link).symlink_to(target)
        os.link("logs/run1/w", "logs/hard")
        os.mkfifo("logs/fifo")
        Path("logs/run1/sub/e").chmod(0o000)
        Path("logs/run1/sub").chmod(0o500)
        transfer_output_files("logs")
        assert not Path("logs").exists()
        assert Path("other/o").read_text() == "other/o"

    header = job.call(function)
    assert header["status"] == "returned"
    run = {"w": "logs/run1/w", "sub/e": "logs/run1/sub/e", "again/e": "logs/run1/sub/e"}
    assert contents(job.scratch / "_htmap_transfer/0") == {
        **{f"logs/run1/{name}": text for name, text in run.items()},
        **{f"logs/latest/{name}": text for name, text in run.items()},
        "logs/w": "logs/run1/w",
        "logs/hard": "logs/run1/w",
        "logs/other/o": "other/o",
    }
    assert (job.scratch / "_htmap_transfer/0/logs/empty").is_dir()
    said = job.printed(stream="stderr").splitlines()
    assert sorted(said) == [
        f"htmap.transfer_output_files() left something out: {place} is {why}."
        for place, why in {
            "fifo": "a FIFO, which has no content",
            "gone": "a link that leads nowhere",
            "latest/self": "a link to a folder that it lies in",
            "null": "a device, which has no content",
            "run1/self": "a link to a folder that it lies in",
            "up": "a link to a folder that it lies in",
        }.items()
    ]


def test_what_lies_outside_is_copied_and_left_as_it_is(job: Job, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "data/sub").mkdir(parents=True)
    (outside / "empty").mkdir()
    for name in ("data/a", "data/sub/b"):
        (outside / name).write_text(name)
    before = {path: path.stat() for path in outside.rglob("*")}

    def function() -> None:
        Path("out").mkdir()
        Path("out/data").symlink_to(outside / "data")
        os.link(outside / "data/a", "out/a")
        Path("direct").symlink_to(outside / "data")
        Path("way").symlink_to(outside)
        os.link(outside / "data/sub/b", "b")
        transfer_output_files("out", "direct", "way/data/sub", outside / "data/sub", "b", outside / "empty")

    assert job.call(function)["status"] == "returned"
    assert contents(job.scratch / "_htmap_transfer/0") == {
        "out/data/a": "data/a",
        "out/data/sub/b": "data/sub/b",
        "out/a": "data/a",
        "direct/a": "data/a",
        "direct/sub/b": "data/sub/b",
        "way/data/sub/b": "data/sub/b",
        "sub/b": "data/sub/b",
        "b": "data/sub/b",
    }
    assert (job.scratch / "_htmap_transfer/0/empty").is_dir()
    for path, status in before.items():
        now = path.stat()
        assert (now.st_ino, now.st_mode, now.st_mtime_ns) == (status.st_ino, status.st_mode, status.st_mtime_ns)


def test_nothing_is_moved_if_something_cannot_be_sent(job: Job) -> None:
    def function() -> list[str]:
        Path("folder").mkdir()
        Path("folder/x").write_text("x")
        Path("folder/copy").symlink_to("x")
        Path("large").write_bytes(bytes(1 << 20))
        Path("folder/large").symlink_to("../large")
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, resource.RLIM_INFINITY))
        try:
            transfer_output_files("folder")
        except OSError as error:
            assert error.errno == errno.EFBIG  # noqa: PT017 - it runs on the other side
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        return sorted(path.name for path in Path("folder").iterdir())

    assert job.call(function)["output_files"] == []
    assert job.results() == {0: ["copy", "large", "x"]}


def test_a_file_with_holes_is_copied_with_its_holes(job: Job, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "sparse"
    with outside.open("wb") as file:
        for place in (0, 1 << 30, 3 << 30):
            file.seek(place)
            file.write(b"here")
        file.truncate(5 << 30)

    def function() -> None:
        transfer_output_files(outside)

    assert job.call(function)["status"] == "returned"
    sent = job.scratch / "_htmap_transfer/0/sparse"
    assert sent.stat().st_size == 5 << 30
    assert sent.stat().st_blocks * 512 < 1 << 20
    with sent.open("rb") as copied:
        for place in (0, 1 << 30, 3 << 30):
            copied.seek(place)
            assert copied.read(8) == b"here" + bytes(4)


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


def test_what_was_handed_over_before_a_checkpoint_may_be_handed_over_again(job: Job) -> None:
    def function() -> None:
        is_first = not Path("state").exists()
        Path("a").mkdir()
        Path("a/x").write_text("first" if is_first else "second")
        if is_first:
            Path("a/y").write_text("first")
        transfer_output_files("a")
        if is_first:
            Path("state").touch()
            checkpoint("state")
            os.kill(os.getppid(), signal.SIGTERM)
            signal.pause()

    job.write_function(function)
    job.write_inputs(())
    assert job.run().exit_code == -signal.SIGTERM
    assert job.run().exit_code == 0
    assert contents(job.scratch / "_htmap_transfer/0") == {"a/x": "second", "a/y": "first"}
