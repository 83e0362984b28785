"""What a file or a folder of the user's is once it is sent: regular files in real folders, and nothing else.

In: a path that user code names. Out: a `Tree`, which says what arrives under which name; copies of it.
On the other side: HTCondor's file transfer, which copies files through links but holds a job for a link to a folder,
and the local backend, which moves what it finds. Neither ever sees a link of the user's: a link is replaced here by
what it leads to. ``docs/decisions/links-and-folders.md`` has the whole rule.

Nothing here follows a link in order to write, to rename or to remove.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

_MOST_BEHIND_LINKS = 100_000

_LONGEST = 3000
"""Bytes of a path within a tree: the place where it arrives adds its own, and a system takes 4096."""

_DEEPEST = 500
"""Folders in one another: whatever copies and removes trees on the other side calls itself for each."""

_MOST_NAMED = 20
_OWN_FILE, _OWN_FOLDER = stat.S_IRUSR | stat.S_IWUSR, stat.S_IRWXU
_PERMISSIONS = 0o777


class File(NamedTuple):
    """A file of a tree.

    Attributes
    ----------
    source
        Where its content is.
    place
        Its path within the tree; the empty text if the tree is a single file.
    is_movable
        Whether it may be renamed away: no link leads to it, it has one name, and lies in the scratch directory.
    """

    source: str
    place: str
    is_movable: bool


@dataclass(slots=True)
class Tree:
    """What arrives of a file or a folder.

    Attributes
    ----------
    source
        Its absolute path.
    folders
        Paths within the tree, parents first.
    left_out
        Sentences about what has no content.
    is_plain
        Whether all of it can be moved by one rename, as it is.
    """

    source: str
    files: list[File] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    is_plain: bool = True


_Identity = tuple[int, int]
"""Device and inode."""


class _Folder(NamedTuple):
    """A folder to be looked through.

    Attributes
    ----------
    way
        The folders that led here, this one included.
    is_linked
        Whether a link led here.
    """

    path: str
    place: str
    identity: _Identity
    way: frozenset[_Identity]
    is_linked: bool


def survey(source: str, scratch: str, *, is_leaving: bool = False, most_behind_links: int = _MOST_BEHIND_LINKS) -> Tree:
    """Look through a file or a folder; what is ours in the scratch directory and locked is unlocked.

    Parameters
    ----------
    source
        An absolute path of something that exists.
    scratch
        What lies outside of this directory is only ever read.
    is_leaving
        Whether it will be moved away, which takes more permissions than to read it.
    most_behind_links
        Files and folders that links may add: links to folders of links to folders grow without end.

    Raises
    ------
    OSError
        Something cannot be read.
    ValueError
        It cannot be sent; the message says what is in the way.
    """
    return _Surveyor(source, scratch, is_leaving, most_behind_links).tree()


class _Surveyor:
    def __init__(self, source: str, scratch: str, is_leaving: bool, most_behind_links: int) -> None:
        self._tree = Tree(source)
        self._scratch = scratch
        self._is_leaving = is_leaving
        self._may_add = most_behind_links
        self._pending: list[_Folder] = []
        self._above: dict[_Identity, frozenset[_Identity]] = {}

    def tree(self) -> Tree:
        source = self._tree.source
        # What is only to be copied has to be read all the same.
        is_outside = not is_inside(os.path.realpath(source), self._scratch)
        if is_outside:
            self._tree.is_plain = False
        top = os.path.dirname(source)
        self._add(_Folder(top, "", _identity(os.stat(top)), frozenset(), is_linked=is_outside), source, "")
        if not self._tree.files and not self._tree.folders:
            raise ValueError(f"There is nothing to send: {self._tree.left_out[0]}")
        while self._pending:
            folder = self._pending.pop()
            for name in sorted(os.listdir(folder.path)):
                self._add(folder, os.path.join(folder.path, name), os.path.join(folder.place, name))
        return self._tree

    def _add(self, folder: _Folder, path: str, place: str) -> None:
        if len(os.fsencode(place)) > _LONGEST:
            raise ValueError(f"The path {place[:80]}... in {self._tree.source} is too long to be sent: shorten it.")
        if place.count(os.sep) > _DEEPEST:
            raise ValueError(f"{self._tree.source} has more than {_DEEPEST} folders in one another: pack it.")
        status = os.lstat(path)
        way, is_linked = folder.way, folder.is_linked
        if stat.S_ISLNK(status.st_mode):
            self._tree.is_plain, is_linked = False, True
            way |= self._all_above(folder)
            try:
                status = os.stat(path)
            except OSError:
                self._leave_out(place, path, "a link that leads nowhere")
                return
        if is_linked:
            self._count(path)
        if stat.S_ISREG(status.st_mode):
            self._add_file(path, place, status, is_linked=is_linked)
        elif stat.S_ISDIR(status.st_mode):
            self._add_folder(_Folder(path, place, _identity(status), way, is_linked), status)
        else:
            self._leave_out(place, path, _KINDS.get(stat.S_IFMT(status.st_mode), "no file") + ", which has no content")

    def _add_file(self, path: str, place: str, status: os.stat_result, *, is_linked: bool) -> None:
        # Another name of it may be outside: to move this one would give both sides the same file.
        is_movable = not is_linked and status.st_nlink == 1
        if status.st_nlink == 1:
            self._unlock(path, status, _OWN_FILE if self._is_leaving else stat.S_IRUSR)
        if not os.access(path, os.R_OK):
            raise PermissionError(f"The file {path} cannot be sent: there is no permission to read it.")
        self._tree.files.append(File(path, place, is_movable))
        self._tree.is_plain = self._tree.is_plain and is_movable

    def _add_folder(self, folder: _Folder, status: os.stat_result) -> None:
        if folder.identity in folder.way:
            self._leave_out(folder.place, folder.path, "a link to a folder that it lies in")
            return
        self._unlock(folder.path, status, _OWN_FOLDER if self._is_leaving else stat.S_IRUSR | stat.S_IXUSR)
        self._tree.folders.append(folder.place)
        self._pending.append(folder._replace(way=folder.way | {folder.identity}))

    def _all_above(self, folder: _Folder) -> frozenset[_Identity]:
        """A folder and all that it really lies in, whatever the way that led to it."""
        if folder.identity not in self._above:
            self._above[folder.identity] = _identities(folder.path)
        return self._above[folder.identity]

    def _unlock(self, path: str, status: os.stat_result, needed: int) -> None:
        mode = stat.S_IMODE(status.st_mode)
        wanted = mode | needed
        if self._is_leaving:
            wanted &= _PERMISSIONS  # nobody runs it as somebody else
        if mode != wanted and status.st_uid == os.geteuid() and is_inside(os.path.realpath(path), self._scratch):
            os.chmod(path, wanted)

    def _count(self, path: str) -> None:
        self._may_add -= 1
        if self._may_add < 0:
            raise ValueError(f"Links in {self._tree.source} lead to too many files, such as {path}: pack them.")

    def _leave_out(self, place: str, path: str, why: str) -> None:
        self._tree.is_plain = False
        self._tree.left_out.append(f"{place or path} is {why}.")


_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def _identity(status: os.stat_result) -> _Identity:
    return status.st_dev, status.st_ino


def _identities(folder: str) -> frozenset[_Identity]:
    """Those of a folder and of all above it."""
    path = os.path.realpath(folder)
    found = {_identity(os.stat(path))}
    while path != (path := os.path.dirname(path)):
        found.add(_identity(os.stat(path)))
    return frozenset(found)


def is_inside(path: str, folder: str) -> bool:
    """Whether a path is that of a folder, or of something below it. By their spelling: resolve links first."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def tell_left_out(trees: list[Tree], function: str) -> None:
    """Say on standard error what has no content, so that nothing stays behind in silence."""
    sentences = [sentence for tree in trees for sentence in tree.left_out]
    if len(sentences) > _MOST_NAMED:
        sentences[_MOST_NAMED:] = [f"and {len(sentences) - _MOST_NAMED} more."]
    for sentence in sentences:
        # It belongs to what the component prints.
        print(f"htmap.{function}() left something out: {sentence}", file=sys.stderr)  # noqa: T201


def copy(tree: Tree, target: str) -> None:
    """Copy a tree to a path, or into a folder that is there already; what is in the way of a file is replaced."""
    for place in tree.folders:
        make_folder(joined(target, place))
    for source, place, _ in tree.files:
        copy_file(source, joined(target, place))


def joined(target: str, place: str) -> str:
    """The path of a place within a tree that is at a path."""
    return os.path.join(target, place) if place else target


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
