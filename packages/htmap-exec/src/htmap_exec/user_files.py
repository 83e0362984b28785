"""The files that user code sends back: ``htmap.transfer_output_files``.

In: paths that the function names. Out: files in ``_htmap_transfer/<component>/``, by their paths in the scratch
directory. On the other side: the submit side has HTCondor bring that directory back.

::

    _htmap/sending-<component>/        copies that are being made; of no account
    _htmap_transfer/<component>/       what is sent: regular files in real folders

All that can go wrong (a file that cannot be read, a full disk) does so before anything is moved.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from typing import NamedTuple

from htmap_common.agreed import STREAMS, TRANSFER
from htmap_common.trees import File, Tree, is_inside, joined, survey

from .kept_files import KeptFiles
from .trees import copy_file, make_folder, make_folders, remove, tell_left_out, unlocking


class _Sent(NamedTuple):
    """Something that is being sent, and its place among what has come back."""

    place: str
    tree: Tree
    is_moved: bool

    def takes(self, file: File) -> bool:
        """Whether a file is moved. Another name of it may be outside: then both sides would have the same file."""
        return self.is_moved and file.is_single

    def is_one_piece(self) -> bool:
        """Whether all of it can be moved by one rename, as it is."""
        tree = self.tree
        return self.is_moved and not (tree.has_links or tree.left_out) and all(map(self.takes, tree.files))


class UserFiles:
    """The files of one component.

    Parameters
    ----------
    scratch
        Absolute path of the scratch directory, without links in it.
    kept
        Holds what is to be sent back.
    """

    def __init__(self, scratch: str, component: int, kept: KeptFiles | None = None) -> None:
        self._scratch = scratch
        self._transfer = os.path.join(scratch, TRANSFER, str(component))
        self._copies = os.path.join(scratch, STREAMS, f"sending-{component}")
        # Places that this attempt has sent; what else is there was sent before the checkpoint it began with.
        self._places: set[str] = set()
        self._folders: set[str] = set()
        self._kept = kept or KeptFiles()

    def transfer_output_files(self, *paths: str | os.PathLike[str]) -> None:
        """Move files and folders to where they are sent back from; what lies elsewhere on the node is copied."""
        sent = self._looked_through(paths)
        for each in sent:
            for file in each.tree.files:
                self._check_place(joined(each.place, file.place))
        try:
            for each in sent:
                self._copy(each)
            for each in sent:
                self._kept.let_go(os.path.join(self._transfer, each.place))
                self._put(each)
                self._kept.keep(os.path.join(self._transfer, each.place))
        finally:
            remove(self._copies)
        tell_left_out([each.tree for each in sent], "transfer_output_files")

    def forget(self) -> None:
        """Clear away what an interrupted attempt has left."""
        self._kept.let_go(self._transfer)
        remove(self._transfer)

    def output_files(self) -> list[str]:
        """Return the names of the files and folders to be sent back."""
        try:
            return sorted(os.listdir(self._transfer))
        except FileNotFoundError:
            return []

    def _looked_through(self, paths: tuple[str | os.PathLike[str], ...]) -> list[_Sent]:
        found: dict[str, str] = {}
        for path in paths:
            source = checked(path, "transfer_output_files", self._scratch)
            place = self._place(path, source)
            if found.setdefault(place, source) != source:
                raise _two_files(place)
        sent = []
        for place, source in found.items():
            above = next((folder for folder in _above(place) if folder in found), None)
            if above is None:
                is_moved = is_inside(source, self._scratch)
                sent.append(
                    _Sent(place, survey(source, unlock=unlocking(self._scratch, is_leaving=is_moved)), is_moved)
                )
            elif not os.path.samefile(joined(found[above], os.path.relpath(place, above)), source):
                raise _two_files(place)
            # Else it goes along with a folder that was named too.
        return sent

    def _place(self, path: str | os.PathLike[str], source: str) -> str:
        """As the function named it, if that is in the scratch directory; from elsewhere, the last name."""
        named = os.path.abspath(os.fsdecode(path))
        if os.pardir not in os.fsdecode(path).split(os.sep) and is_inside(named, self._scratch):
            return os.path.relpath(named, self._scratch)
        if is_inside(source, self._scratch):
            return os.path.relpath(source, self._scratch)
        return os.path.basename(source)

    def _check_place(self, place: str) -> None:
        """Nothing that this attempt has sent is replaced: what is sent again as a log, say, is only the rest of it."""
        for folder in _above(place):
            if folder in self._places and os.path.isfile(os.path.join(self._transfer, folder)):
                raise _two_files(folder)
        is_ours = place in self._folders or not self._places.isdisjoint((place, *_above(place)))
        if is_ours and os.path.lexists(os.path.join(self._transfer, place)):
            raise _two_files(place)

    def _copy(self, sent: _Sent) -> None:
        for file in sent.tree.files:
            if not sent.takes(file):
                place = joined(sent.place, file.place)
                os.makedirs(self._copies, exist_ok=True)
                make_folders(self._copies, os.path.dirname(place))
                copy_file(file.source, os.path.join(self._copies, place))

    def _put(self, sent: _Sent) -> None:
        target = os.path.join(self._transfer, sent.place)
        self._places.add(sent.place)
        self._folders.update(_above(sent.place))
        os.makedirs(self._transfer, exist_ok=True)
        make_folders(self._transfer, os.path.dirname(sent.place))
        if sent.is_one_piece() and not os.path.lexists(target) and _renamed(sent.tree.source, target):
            return
        for folder in sent.tree.folders:
            make_folder(joined(target, folder))
        for file in sent.tree.files:
            self._put_file(sent, file, joined(target, file.place))
        if sent.is_moved:
            remove(sent.tree.source)

    def _put_file(self, sent: _Sent, file: File, target: str) -> None:
        remove(target)  # left by an interrupted attempt
        if not sent.takes(file):
            os.rename(os.path.join(self._copies, joined(sent.place, file.place)), target)
        elif not _renamed(file.source, target):
            copy_file(file.source, target)


def _above(place: str) -> Iterator[str]:
    """The folders that a place lies in, the nearest first."""
    while place := os.path.dirname(place):
        yield place


def _two_files(place: str) -> ValueError:
    return ValueError(f"htmap.transfer_output_files() was given two files named {place!r}: rename one of them.")


def _renamed(source: str, target: str) -> bool:
    """Rename a file or a folder. False: a part of the scratch directory is another file system."""
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno == errno.EXDEV:
            return False
        raise
    return True


def checked(path: str | os.PathLike[str], function: str, scratch: str) -> str:
    """Return the absolute path of something that exists. If it is a link, its name stays its own."""
    directory, name = os.path.split(os.path.abspath(os.fsdecode(path)))
    source = os.path.join(os.path.realpath(directory), name)
    if not os.path.exists(source):
        from htmap_common.wording import unexpanded  # noqa: PLC0415 - seldom needed

        hint = unexpanded(os.fsdecode(path))
        raise FileNotFoundError(f"htmap.{function}() was given {path!r}, but there is no such file or directory.{hint}")
    if is_inside(scratch, os.path.realpath(source)):
        raise ValueError(f"htmap.{function}() was given {path!r}, which holds the whole job: name what is in it.")
    return source
