"""Links to input files whose paths a transfer list cannot carry, such as those with commas.

In: the path of a file or directory. Out: a directory of ours that leads to it, and whose path is plain.
On the other side: HTCondor splits lists of files at commas and knows no escape, but it follows links to files, and
carries whatever names there are inside a directory (tried on 23.9.6 and 25.14.1).

::

    <map>/links/<hash of the path>/a,b.csv -> /data/a,b.csv
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from htmap.store.atomic import make_private_directory


class Links:
    """The links of one map.

    Parameters
    ----------
    now
        Where they are made.
    later
        Where they are when the jobs start: a map is made in another place than it lies in.
    """

    def __init__(self, now: Path, later: Path) -> None:
        self._now = now
        self._later = later
        self._last = ""

    def holding(self, path: Path) -> Path:
        """A directory that holds a file or directory under its own name."""
        return self._folder(os.fspath(path), path, is_content=False)

    def like(self, directory: Path) -> Path:
        """A directory that holds what a directory holds."""
        return self._folder(f"{directory}/", directory, is_content=True)

    def _folder(self, key: str, path: Path, *, is_content: bool) -> Path:
        name = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        # Made anew each time: after a rerun a directory may hold other files. But not once for each component.
        if name != self._last:
            folder = self._now / name
            make_private_directory(folder)
            _lead(folder if is_content else folder / path.name, path)
            self._last = name
        return self._later / name


def _lead(place: Path, target: Path) -> None:
    """Make a link to a file, or a directory with links to all files of a directory: no link to a directory is followed.

    What is there is kept: jobs that are in the queue may need it.
    """
    if not target.is_dir():
        if not os.path.lexists(place):
            place.symlink_to(target)
        return
    place.mkdir(mode=0o700, exist_ok=True)
    for child in target.iterdir():
        if not (child.is_symlink() and child.is_dir()):
            _lead(place / child.name, child)
