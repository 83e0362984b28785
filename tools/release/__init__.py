"""All that a release needs but publishing it: what ``dev.py release --check`` does.

In: the tree. Out: wheels and sdists in ``dist/release``, an exit code. On the other side: hatchling, which builds them;
twine, which says whether the index takes them; an empty environment, in which they are tried.

    artifacts -> builds them, and looks into them
    papers    -> what the tree says of this version
    trial     -> a newcomer who has nothing but the wheels
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "dist" / "release"

DISTRIBUTIONS = {"htmap-common": "htmap_common", "htmap-exec": "htmap_exec", "htmap-submit": "htmap"}
"""Each with the package that is imported of it; whoever comes later needs those before."""


class NotReady(Exception):
    """Something keeps this tree from being released; the message says what, and what to do."""
