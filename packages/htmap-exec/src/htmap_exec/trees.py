"""Move, copy and remove what the user's function names.

In: a tree (`htmap_common.trees`). Out: regular files in real folders.
On the other side: HTCondor's file transfer, which copies files through links but holds a job for a link to a folder,
and the local backend, which moves what it finds. Neither ever sees a link of the user's.

Nothing here follows a link in order to write, to rename or to remove.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterator

from htmap_common.trees import Tree, Unlock, is_inside, joined

_MOST_NAMED = 20
_OWN_FILE, _OWN_FOLDER = stat.S_IRUSR | stat.S_IWUSR, stat.S_IRWXU
_PERMISSIONS = 0o777


def unlocking(scratch: str, *, is_leaving: bool) -> Unlock:
    """Permit ourselves to read what is ours in the scratch directory.

    Parameters
    ----------
    is_leaving
        It will be moved away: that takes more permissions, and what arrives is to run as nobody else.
    """
    file, folder = (_OWN_FILE, _OWN_FOLDER) if is_leaving else (stat.S_IRUSR, stat.S_IRUSR | stat.S_IXUSR)

    def unlock(path: str, status: os.stat_result) -> None:
        mode = stat.S_IMODE(status.st_mode)
        wanted = mode | (folder if stat.S_ISDIR(status.st_mode) else file)
        if is_leaving:
            wanted &= _PERMISSIONS
        if mode != wanted and status.st_uid == os.geteuid() and is_inside(os.path.realpath(path), scratch):
            os.chmod(path, wanted)

    return unlock


def tell_left_out(trees: list[Tree], function: str) -> None:
    """Say on standard error what has no content, so that nothing stays behind in silence."""
    sentences = [sentence for tree in trees for sentence in tree.left_out]
    if len(sentences) > _MOST_NAMED:
        sentences[_MOST_NAMED:] = [f"and {len(sentences) - _MOST_NAMED} more."]
    # It belongs to what the component prints. The function may have put anything in the place of that.
    with contextlib.suppress(Exception):
        for sentence in sentences:
            print(f"htmap.{function}() left something out: {sentence}", file=sys.stderr)  # noqa: T201


def copy(tree: Tree, target: str) -> None:
    """Copy a tree to a path, or into a folder that is there already; what is in the way of a file is replaced."""
    for place in tree.folders:
        make_folder(joined(target, place))
    for source, place, _ in tree.files:
        copy_file(source, joined(target, place))


def make_folder(path: str) -> None:
    """Make a folder, unless there is one. A link to one is none."""
    try:
        os.mkdir(path)
    except FileExistsError:
        if os.path.isdir(path) and not os.path.islink(path):
            return
        os.remove(path)
        os.mkdir(path)


def make_folders(top: str, place: str) -> None:
    """Make the folder at a place below another one, and those on the way. Not os.makedirs, which calls itself."""
    if os.path.isdir(os.path.join(top, place)):
        return
    path = top
    for name in filter(None, place.split(os.sep)):
        path = os.path.join(path, name)
        make_folder(path)


def copy_file(source: str, target: str) -> None:
    """Copy the content of a file, its times and its permissions, to a file that is new in any case.

    Raises
    ------
    OSError
        It cannot be copied. Half of it may be there.
    """
    # What is there may have a second name, or lead elsewhere: it must not be written into.
    remove(target)
    import shutil  # noqa: PLC0415 - seldom needed

    # If a FIFO has taken the place of the file meanwhile, it is empty.
    with open(os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file, open(target, "xb") as copied:
        status = os.fstat(file.fileno())
        if status.st_blocks * 512 < status.st_size:
            for start, length in _filled(file.fileno(), status.st_size):
                file.seek(start)
                copied.seek(start)
                _copy_bytes(file.fileno(), copied.fileno(), start, length)
            os.truncate(copied.fileno(), status.st_size)
        else:
            shutil.copyfileobj(file, copied, _BLOCK)
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
    os.chmod(target, (status.st_mode | _OWN_FILE) & _PERMISSIONS)


_BLOCK = 1 << 20


def _filled(descriptor: int, size: int) -> Iterator[tuple[int, int]]:
    """Start and length of what a file with holes has between them."""
    start = end = 0
    while end < size:
        try:
            start = os.lseek(descriptor, end, os.SEEK_DATA)
        except OSError:
            return  # nothing but a hole up to the end
        end = os.lseek(descriptor, start, os.SEEK_HOLE)
        yield start, end - start


def _copy_bytes(source: int, target: int, start: int, length: int) -> None:
    os.lseek(target, start, os.SEEK_SET)
    while length > 0:
        block = os.pread(source, min(length, _BLOCK), start)
        if not block:
            return  # it has become shorter
        view = memoryview(block)
        while view:
            view = view[os.write(target, view) :]
        start, length = start + len(block), length - len(block)


def remove(path: str) -> None:
    """Remove a file, a link or a folder, if it is there; a folder also if parts of it are locked."""
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return
    if not stat.S_ISDIR(status.st_mode):
        os.remove(path)
        return
    # Not shutil.rmtree: it gives up at a locked folder, and at a thousand folders in one another, not all of them ours.
    folders = [path]
    for folder in folders:
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            os.chmod(folder, _OWN_FOLDER)
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    os.remove(entry.path)
    for folder in reversed(folders):
        os.rmdir(folder)
