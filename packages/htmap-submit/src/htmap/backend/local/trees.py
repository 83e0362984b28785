"""Files and trees, copied, moved into place and removed.

In: paths. Out: bytes moved. On the other side: the sandbox, which knows what they are.

A link is never followed by what renames or removes: what it leads to may be the user's own. What is copied is copied
whole, and a link becomes what it leads to. Passed over are a link that leads nowhere, one that leads to a directory
that it lies in, and what is no file: a FIFO, a socket, a device.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from pathlib import Path


def size_of(path: Path | str) -> int:
    """Bytes in a file or a tree, symbolic links not followed. What vanishes or cannot be looked into counts nothing."""
    try:
        state = os.lstat(path)
        if not stat.S_ISDIR(state.st_mode):
            return state.st_size
        with os.scandir(path) as entries:
            return sum(size_of(entry.path) for entry in entries)
    except OSError:
        return 0


def remove(path: Path) -> None:
    """Remove a file or a tree, if it is there, even if the job has made parts of it read-only."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    try:
        shutil.rmtree(path)
    except OSError:
        _unlock(path)
        shutil.rmtree(path, ignore_errors=True)


def copy(source: Path, target: Path) -> int:
    """Copy a file, or a tree into a directory. Returns bytes copied."""
    mode = source.stat().st_mode
    if stat.S_ISREG(mode):  # most are: nothing of what follows is for them
        shutil.copy(source, target)
        return target.stat().st_size
    if not stat.S_ISDIR(mode):
        raise OSError(errno.EINVAL, "it is neither a file nor a directory")
    if not os.listdir(source):  # noqa: PTH208 - nothing of them is looked at
        target.mkdir(exist_ok=True)
        return 0
    real, place = source.resolve(), target.parent.resolve()
    if _holds_one_of(real, (place,)):
        raise OSError(errno.EINVAL, "the directory of the jobs lies in it, so it would be copied into itself")
    return _copy(real, target, (place,), is_behind_link=False)


def replace_links(path: Path, aside: Path) -> None:
    """Put what they lead to in the place of all links of a tree, or of a path that is one.

    Parameters
    ----------
    aside
        A path on the same file system where there is nothing: so nothing half copied is ever seen.
    """
    mode = _mode(path)
    if stat.S_ISLNK(mode):
        remove(aside)
        _copy(path, aside, (), is_behind_link=True)
        path.unlink()
        if os.path.lexists(aside):
            aside.rename(path)
    elif stat.S_ISDIR(mode):
        for name in os.listdir(path):  # noqa: PTH208 - names
            replace_links(path / name, aside)


def bring(source: Path, target: Path) -> int:
    """Move a file into place, or the files of a tree without links one by one. Returns bytes moved."""
    state = source.lstat()
    if stat.S_ISDIR(state.st_mode):
        if target.is_file():  # as HTCondor does; a file never takes the place of a directory
            target.unlink()
        target.mkdir(exist_ok=True)
        return sum(bring(source / name, target / name) for name in os.listdir(source))  # noqa: PTH208 - names
    if not stat.S_ISREG(state.st_mode):
        return 0
    if not _rename(source, target):
        beside = target.with_name(f".{target.name[:50]}.partial")  # of 255 bytes, of which a character takes up to 4
        shutil.copy(source, beside)
        beside.rename(target)
    return state.st_size


def _mode(path: Path) -> int:
    """What a path is, links not followed; 0: there is nothing."""
    try:
        return path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0


def _rename(source: Path, target: Path) -> bool:
    """Move a file. False: the target is on another file system."""
    try:
        source.rename(target)
    except OSError as error:
        if error.errno == errno.EXDEV:
            return False
        raise
    return True


def _copy(source: Path, target: Path, outside_of: tuple[Path, ...], *, is_behind_link: bool) -> int:
    """Copy, but follow no link to a directory that holds one of some others: where a copy goes, and links followed."""
    try:
        if source.is_symlink():
            is_behind_link, outside_of = True, (*outside_of, source.parent.resolve())
            if _holds_one_of(source.resolve(), outside_of):
                return 0
        if not source.is_dir():
            return _copy_file(source, target)
        children = list(source.iterdir())
    except PermissionError:
        if is_behind_link:  # the job could not read it either
            return 0
        raise
    except RuntimeError:  # links in a circle (before Python 3.13)
        return 0
    target.mkdir(exist_ok=True)
    return sum(_copy(child, target / child.name, outside_of, is_behind_link=is_behind_link) for child in children)


def _copy_file(source: Path, target: Path) -> int:
    if not source.is_file():
        return 0
    shutil.copy(source, target)
    return target.stat().st_size


def _holds_one_of(directory: Path, others: tuple[Path, ...]) -> bool:
    return any(directory == other or directory in other.parents for other in others)


def _unlock(directory: Path) -> None:
    """Make a tree removable. What vanishes meanwhile needs no help: a client may remove it at the same time."""
    with contextlib.suppress(OSError):
        directory.chmod(0o700)
        for child in directory.iterdir():
            if child.is_dir() and not child.is_symlink():
                _unlock(child)
