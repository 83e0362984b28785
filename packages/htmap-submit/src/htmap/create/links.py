"""Links to input files that a transfer list cannot carry: paths with commas, folders with links to folders in them.

In: a file or folder, looked through. Out: a directory of ours that leads to it, and whose path is plain.
On the other side: HTCondor splits lists of files at commas and knows no escape, and follows no link to a folder; but it
follows links to files, and carries whatever names there are inside a folder (tried on 23.9.6 and 25.14.1).

::

    <map>/links/<hash of the path>/a,b.csv -> /data/a,b.csv
    <map>/links/<hash of the path>/runs/latest/x.csv -> /data/runs/latest/x.csv
    <map>/links/<hash of the path>/_htmap_links_<hash>/a,b.csv        for a call: it arrives in a folder of its own

What is in such a directory is sent, not the directory: so what arrives says nothing of where the map lies, which may be
moved or copied.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from htmap.store.atomic import make_private_directory
from htmap_common.agreed import PREFIX
from htmap_common.trees import Tree, joined

_APART = f"{PREFIX}_links_"


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

    def holding(self, tree: Tree) -> Path:
        """A directory that holds a file or folder under its own name."""
        return self._folder(tree.source, tree, Path(tree.source).name)

    def apart(self, tree: Tree) -> Path:
        """A directory that holds a file or folder under its own name, in a folder that nothing else arrives in."""
        digest = _digest(f"{tree.source}//")
        return self._folder(f"{tree.source}//", tree, f"{_APART}{digest}/{Path(tree.source).name}")

    def like(self, tree: Tree) -> Path:
        """A directory that holds what a folder holds."""
        return self._folder(f"{tree.source}/", tree, "")

    def _folder(self, key: str, tree: Tree, place: str) -> Path:
        name = _digest(key)
        # Not once for each component.
        if name != self._last:
            folder = self._now / name
            make_private_directory((folder / place).parent if place else folder)
            _lead(joined(str(folder), place), tree)
            self._last = name
        return self._later / name


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def arrival_apart(links: Path, name: str) -> str:
    """Where in the scratch directory that arrives for which `Links.apart` made a directory."""
    return f"{_APART}{links.name}/{name}"


def apart_again(arrives_as: str, links: Path) -> Path | None:
    """The directory of links through which something was sent; None: it was sent as it is.

    Parameters
    ----------
    links
        Where the links of the map lie now.
    """
    first = arrives_as.partition("/")[0]
    return links / first.removeprefix(_APART) if first.startswith(_APART) else None


def _lead(top: str, tree: Tree) -> None:
    """Make links to all files, in folders of our own. What is there is kept: jobs in the queue may need it."""
    for place in tree.folders:
        make_private_directory(Path(joined(top, place)))
    for source, place, _ in tree.files:
        link = joined(top, place)
        if not os.path.lexists(link):
            os.symlink(source, link)  # noqa: PTH211 - names of any bytes, once per file


def missing_below(folder: Path) -> str | None:
    """A file that is there no longer, to which a link in a directory of ours leads."""
    for place, _, names in os.walk(folder):
        for name in names:
            link = os.path.join(place, name)  # noqa: PTH118 - once per file
            if not os.path.exists(link):  # noqa: PTH110 - as above
                return os.readlink(link)  # noqa: PTH115 - as above
    return None
