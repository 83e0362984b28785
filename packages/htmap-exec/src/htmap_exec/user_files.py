"""The files that user code sends back: ``htmap.transfer_output_files``; and how files are handled that it names.

In: paths that the function names. Out: files in ``_htmap_transfer/<component>/``.
On the other side: the submit side has HTCondor bring that directory back.
"""

from __future__ import annotations

import os

from htmap_common.agreed import TRANSFER


class UserFiles:
    """The files of one component.

    Parameters
    ----------
    scratch
        Absolute path of the scratch directory.
    """

    def __init__(self, scratch: str, component: int) -> None:
        self._scratch = scratch
        self._transfer = os.path.join(scratch, TRANSFER, str(component))
        self._transferred: set[str] = set()

    def transfer_output_files(self, *paths: str | os.PathLike[str]) -> None:
        """Move files and directories to where they are sent back from, under their own names."""
        sources: dict[str, str] = {}
        for path in paths:
            source = checked(path, "transfer_output_files", self._scratch)
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

    def forget(self) -> None:
        """Clear away what an interrupted attempt has left."""
        remove(self._transfer)

    def output_files(self) -> list[str]:
        """Return the names of the files to be sent back."""
        try:
            return sorted(os.listdir(self._transfer))
        except FileNotFoundError:
            return []


def checked(path: str | os.PathLike[str], function: str, scratch: str) -> str:
    """Return the absolute path of something that exists. If it is a link, its name stays its own."""
    directory, name = os.path.split(os.path.abspath(path))
    source = os.path.join(os.path.realpath(directory), name)
    if not os.path.exists(source):
        raise FileNotFoundError(f"htmap.{function}() was given {path!r}, but there is no such file or directory.")
    if os.path.commonpath([source, scratch]) == source:
        raise ValueError(f"htmap.{function}() was given {path!r}, which holds the whole job: name what is in it.")
    return source


def copy(source: str, target: str) -> None:
    """Copy a file, or a directory into what may be there already; links become what they point to."""
    import shutil  # noqa: PLC0415 - seldom needed

    if os.path.isdir(source):
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=_dangling_links)
    else:
        shutil.copy2(source, target)


def _dangling_links(directory: str, names: list[str]) -> list[str]:
    # Not ignore_dangling_symlinks, which looks for relative links in the wrong directory (shutil of Python 3.11).
    return [name for name in names if not os.path.exists(os.path.join(directory, name))]


def _move(source: str, target: str) -> None:
    import shutil  # noqa: PLC0415 - seldom needed

    remove(target)  # left by an interrupted attempt
    if os.path.islink(source):
        # A link may point to nothing from its new place.
        copy(source, target)
        os.remove(source)
    else:
        shutil.move(source, target)


def remove(path: str) -> None:
    """Remove a file, a link or a directory, if it is there."""
    if not os.path.lexists(path):
        return
    import shutil  # noqa: PLC0415 - seldom needed

    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.remove(path)
