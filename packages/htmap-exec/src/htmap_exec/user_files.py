"""What user code does with files on the node: ``htmap.checkpoint`` and ``htmap.transfer_output_files``.

In: paths that the function names. Out: files in ``_htmap_transfer/<component>/`` (to be sent back) and in
``_htmap_checkpoint/<component>/`` (put back into the scratch directory when the component starts again).
On the other side: the submit side has HTCondor carry these two directories.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

_TRANSFER = "_htmap_transfer"
_CHECKPOINT = "_htmap_checkpoint"


class UserFiles:
    """The files of one component.

    Parameters
    ----------
    scratch
        Absolute path of the scratch directory.
    """

    def __init__(self, scratch: str, component: int) -> None:
        self._scratch = scratch
        self._transfer = os.path.join(scratch, _TRANSFER, str(component))
        self._checkpoint = os.path.join(scratch, _CHECKPOINT, str(component))
        self._transferred: set[str] = set()

    def checkpoint(self, *paths: str | os.PathLike[str]) -> None:
        """Copy files and directories, to be put back if the component is interrupted; replaces the last checkpoint."""
        new, old = f"{self._checkpoint}.new", f"{self._checkpoint}.old"
        _remove(new)
        os.makedirs(new)
        for source, place in self._placed(paths):
            target = os.path.join(new, place)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            _copy(source, target)
        # No call swaps directories: for a moment there is only the old one, under its other name (see `restore`).
        if os.path.exists(self._checkpoint):
            _remove(old)
            os.rename(self._checkpoint, old)
        os.rename(new, self._checkpoint)
        _remove(old)

    def transfer_output_files(self, *paths: str | os.PathLike[str]) -> None:
        """Move files and directories to where they are sent back from, under their own names."""
        sources: dict[str, str] = {}
        for path in paths:
            source = self._checked(path, "transfer_output_files")
            name = os.path.basename(source)
            if name in sources or name in self._transferred:
                raise ValueError(
                    f"htmap.transfer_output_files() was given two files named {name!r}: rename one of them."
                )
            sources[name] = source
        os.makedirs(self._transfer, exist_ok=True)
        for name, source in sources.items():
            _move(source, os.path.join(self._transfer, name))
            self._transferred.add(name)

    def restore(self) -> None:
        """Put the last checkpoint back, if there is one; else clear away what an interrupted attempt has left."""
        old = f"{self._checkpoint}.old"
        if not os.path.exists(self._checkpoint) and os.path.exists(old):
            os.rename(old, self._checkpoint)
        if os.path.exists(self._checkpoint):
            for name in os.listdir(self._checkpoint):
                _copy(os.path.join(self._checkpoint, name), os.path.join(self._scratch, name))
        else:
            # With a checkpoint, the function goes on where it was, and may rely on having handed these over.
            _remove(self._transfer)

    def forget_checkpoint(self) -> None:
        """Remove the checkpoint: the component has returned, and its record is written."""
        for suffix in ("", ".old", ".new"):
            _remove(self._checkpoint + suffix)

    def output_files(self) -> list[str]:
        """Return the names of the files to be sent back."""
        try:
            return sorted(os.listdir(self._transfer))
        except FileNotFoundError:
            return []

    def _placed(self, paths: tuple[str | os.PathLike[str], ...]) -> Iterator[tuple[str, str]]:
        """Pair each path with its place in the checkpoint: as in the scratch directory; from elsewhere, the name."""
        taken: dict[str, str] = {}
        for path in paths:
            source = self._checked(path, "checkpoint")
            is_inside = os.path.commonpath([source, self._scratch]) == self._scratch
            place = os.path.relpath(source, self._scratch) if is_inside else os.path.basename(source)
            if taken.setdefault(place, source) != source:
                raise ValueError(
                    f"htmap.checkpoint() cannot put back both {taken[place]!r} and {source!r} as {place!r}."
                )
            yield source, place

    def _checked(self, path: str | os.PathLike[str], function: str) -> str:
        """Return the absolute path of something that exists. If it is a link, its name stays its own."""
        directory, name = os.path.split(os.path.abspath(path))
        source = os.path.join(os.path.realpath(directory), name)
        if not os.path.exists(source):
            raise FileNotFoundError(f"htmap.{function}() was given {path!r}, but there is no such file or directory.")
        if os.path.commonpath([source, self._scratch]) == source:
            raise ValueError(f"htmap.{function}() was given {path!r}, which holds the whole job: name what is in it.")
        return source


def _copy(source: str, target: str) -> None:
    """Copy a file, or a directory into what may be there already; links become what they point to."""
    import shutil  # noqa: PLC0415 - seldom needed

    if os.path.isdir(source):
        shutil.copytree(source, target, dirs_exist_ok=True, ignore_dangling_symlinks=True)
    else:
        shutil.copy2(source, target)


def _move(source: str, target: str) -> None:
    import shutil  # noqa: PLC0415 - seldom needed

    _remove(target)  # left by an interrupted attempt
    if os.path.islink(source):
        # A link may point to nothing from its new place.
        _copy(source, target)
        os.remove(source)
    else:
        shutil.move(source, target)


def _remove(path: str) -> None:
    if not os.path.lexists(path):
        return
    import shutil  # noqa: PLC0415 - seldom needed

    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.remove(path)
