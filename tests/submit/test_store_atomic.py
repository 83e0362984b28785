"""Mirrors htmap.store.atomic: whole files, private directories, sentences for what a disk refuses."""

from __future__ import annotations

import errno
import os
import pickle
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from htmap.exceptions import StorageError, TagNotFound
from htmap.store.atomic import make_private_directory, remove_tree, storage_errors, write_file


@pytest.fixture
def open_umask() -> Iterator[None]:
    """What a user's umask allows others does not matter."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    write_file(tmp_path / "f", [b"one", bytearray(b" two"), memoryview(b" three")])
    assert (tmp_path / "f").read_bytes() == b"one two three"
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


@pytest.mark.usefixtures("open_umask")
def test_a_file_is_only_for_its_owner(tmp_path: Path) -> None:
    write_file(tmp_path / "f", [b"x"])
    write_file(tmp_path / "g", [b"x"], mode=0o700)
    assert (mode(tmp_path / "f"), mode(tmp_path / "g")) == (0o600, 0o700)


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    def half() -> Iterator[bytes]:
        yield b"half"
        raise OSError(errno.ENOSPC, "No space left on device")

    write_file(tmp_path / "f", [b"old"])
    with pytest.raises(OSError, match="No space left"):
        write_file(tmp_path / "f", half())
    assert (tmp_path / "f").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_a_reader_of_the_old_file_keeps_it(tmp_path: Path) -> None:
    write_file(tmp_path / "f", [b"old"])
    with (tmp_path / "f").open("rb") as reader:
        write_file(tmp_path / "f", [b"new"])
        assert reader.read() == b"old"


@pytest.mark.usefixtures("open_umask")
def test_a_directory_and_those_above_it_are_only_for_their_owner(tmp_path: Path) -> None:
    make_private_directory(tmp_path / "a" / "b" / "c")
    make_private_directory(tmp_path / "a" / "b" / "c")
    assert [mode(tmp_path / each) for each in ("a", "a/b", "a/b/c")] == [0o700] * 3


def test_a_directory_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    make_private_directory(tmp_path)
    assert mode(tmp_path) == 0o750


def test_a_tree_is_removed_and_removing_it_again_is_fine(tmp_path: Path) -> None:
    make_private_directory(tmp_path / "a" / "b")
    (tmp_path / "a" / "f").touch()
    (tmp_path / "a" / "link").symlink_to(tmp_path)
    remove_tree(tmp_path / "a")
    remove_tree(tmp_path / "a")
    assert [path.name for path in tmp_path.iterdir()] == []


def test_a_tree_that_cannot_be_removed_is_named(tmp_path: Path) -> None:
    make_private_directory(tmp_path / "a" / "b")
    (tmp_path / "a").chmod(0o500)
    with pytest.raises(StorageError, match=r"Cannot remove .*/a: Permission denied"):
        remove_tree(tmp_path / "a")
    (tmp_path / "a").chmod(0o700)


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, r"The disk is full.*htmap\.clean"),
        (errno.EDQUOT, r"quota.*htmap\.clean"),
        (errno.EACCES, "permissions, or the setting HTMAP_DIR"),
        (errno.EROFS, "read-only: change the setting HTMAP_DIR"),
        (errno.ENOTDIR, "is a file, not a directory"),
        (errno.EMFILE, "too many files open"),
    ],
)
def test_what_a_disk_refuses_is_said_with_what_to_do(number: int, advice: str) -> None:
    what = os.strerror(number)
    expected = rf"^Cannot write it: {what} \(/x/f\)\. .*{advice}"
    with pytest.raises(StorageError, match=expected) as caught, storage_errors("write it"):
        raise OSError(number, what, "/x/f")
    assert isinstance(caught.value.__cause__, OSError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_trouble_that_needs_no_advice_is_said_plainly() -> None:
    with pytest.raises(StorageError, match=r"^Cannot write it: Input/output error\.$"), storage_errors("write it"):
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    with pytest.raises(StorageError, match=r"^Cannot write it: seven\.$"), storage_errors("write it"):
        raise OSError("seven")


def test_errors_of_ours_pass_through_as_they_are() -> None:
    with pytest.raises(StorageError, match=r"^inner$"), storage_errors("outer"):
        raise StorageError("inner")
    with pytest.raises(TagNotFound), storage_errors("outer"):
        raise TagNotFound("t")
