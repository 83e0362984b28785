"""What a file or a folder of the user's is once it is sent: regular files in real folders, and nothing else.

In: a path. Out: a `Tree`, which says what arrives under which name, and what has no content.
On the other side: the runner, which copies and moves what comes back, and the submit side, which lists what goes along.
Both look through folders here, so there is one rule both ways; ``docs/decisions/links-and-folders.md`` has it whole.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from typing import NamedTuple

_MOST_BEHIND_LINKS = 100_000

_LONGEST = 3000
"""Bytes of a path within a tree: the place where it arrives adds its own, and a system takes 4096."""

_DEEPEST = 64
"""Folders in one another: HTCondor holds a job whose files lie, with the folders above the place where they arrive, 128
deep ("remaps resulted in a cycle"; tried on 23.9.6)."""


class File(NamedTuple):
    """A file of a tree.

    Attributes
    ----------
    source
        Where its content is.
    place
        Its path within the tree; the empty text if the tree is a single file.
    is_single
        No link led to it, and it has no other name.
    """

    source: str
    place: str
    is_single: bool


class Tree:
    """What arrives of a file or a folder.

    Attributes
    ----------
    source
        Its absolute path.
    folders
        Paths within the tree, parents first; the first is the tree itself, if it is a folder.
    left_out
        Sentences about what has no content.
    has_links, has_linked_folders
        Whether there are links, and whether there are links to folders, left out or not.
    has_specials
        Whether there is a FIFO, a socket or a device.
    """

    # No dataclass: the runner starts once per job, and this would take a fiftieth of its time.
    __slots__ = ("files", "folders", "has_linked_folders", "has_links", "has_specials", "left_out", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        self.files: list[File] = []
        self.folders: list[str] = []
        self.left_out: list[str] = []
        self.has_links = False
        self.has_linked_folders = False
        self.has_specials = False


Unlock = Callable[[str, os.stat_result], None]
"""May change the permissions of a file or a folder, before it is found out whether it can be read."""


def survey(source: str, *, unlock: Unlock | None = None, most_behind_links: int = _MOST_BEHIND_LINKS) -> Tree:
    """Look through a file or a folder.

    Parameters
    ----------
    source
        An absolute path of something that exists.
    unlock
        Called for each folder, and each file of a single name.
    most_behind_links
        Files and folders that links may add: links to folders of links to folders grow without end.

    Raises
    ------
    OSError
        Something cannot be read.
    ValueError
        It cannot be sent; the message says what is in the way.
    """
    return _Surveyor(source, unlock or (lambda _path, _status: None), most_behind_links).tree()


def is_inside(path: str, folder: str) -> bool:
    """Whether a path is that of a folder, or of something below it. By their spelling: resolve links first."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def joined(top: str, place: str) -> str:
    """The path of a place within a tree that is at a path."""
    return os.path.join(top, place) if place else top


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


class _Surveyor:
    def __init__(self, source: str, unlock: Unlock, most_behind_links: int) -> None:
        self._tree = Tree(source)
        self._unlock = unlock
        self._may_add = most_behind_links
        self._pending: list[_Folder] = []
        self._above: dict[_Identity, frozenset[_Identity]] = {}

    def tree(self) -> Tree:
        source = self._tree.source
        top = os.path.dirname(source)
        self._add(_Folder(top, "", _identity(os.stat(top)), frozenset(), is_linked=False), source, "")
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
            self._tree.has_links = is_linked = True
            way |= self._all_above(folder)
            try:
                status = os.stat(path)
            except OSError:
                self._leave_out(path, place, "a link that leads nowhere")
                return
        if is_linked:
            self._count(path)
        if stat.S_ISREG(status.st_mode):
            self._add_file(path, place, status, is_linked=is_linked)
        elif stat.S_ISDIR(status.st_mode):
            self._add_folder(_Folder(path, place, _identity(status), way, is_linked), status)
        else:
            self._tree.has_specials = True
            self._leave_out(path, place, _KINDS.get(stat.S_IFMT(status.st_mode), "no file") + ", which has no content")

    def _add_file(self, path: str, place: str, status: os.stat_result, *, is_linked: bool) -> None:
        if status.st_nlink == 1:
            self._unlock(path, status)
        if not os.access(path, os.R_OK):
            raise PermissionError(f"The file {path} cannot be sent: there is no permission to read it.")
        self._tree.files.append(File(path, place, not is_linked and status.st_nlink == 1))

    def _add_folder(self, folder: _Folder, status: os.stat_result) -> None:
        self._tree.has_linked_folders = self._tree.has_linked_folders or folder.is_linked
        if folder.identity in folder.way:
            self._leave_out(folder.path, folder.place, "a link to a folder that it lies in")
            return
        self._unlock(folder.path, status)
        self._tree.folders.append(folder.place)
        self._pending.append(folder._replace(way=folder.way | {folder.identity}))

    def _all_above(self, folder: _Folder) -> frozenset[_Identity]:
        """A folder and all that it really lies in, whatever the way that led to it."""
        if folder.identity not in self._above:
            self._above[folder.identity] = _identities(folder.path)
        return self._above[folder.identity]

    def _count(self, path: str) -> None:
        self._may_add -= 1
        if self._may_add < 0:
            raise ValueError(f"Links in {self._tree.source} lead to too many files, such as {path}: pack them.")

    def _leave_out(self, path: str, place: str, why: str) -> None:
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
