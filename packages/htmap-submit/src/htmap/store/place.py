"""Where a map was when a submission was made, and whether that is here.

In: the directory of a map, and the path of its event log as a submission says it. Out: what has become of that place.
HTMAP_DIR may be moved or copied, by people and by backups. A job knows only the paths that it was submitted with.
"""

from __future__ import annotations

import enum
from pathlib import Path

from htmap.store.atomic import is_there
from htmap.store.mapdir import MapDir


class Place(enum.Enum):
    """What the place of a submission is to the directory that a map is in now."""

    HERE = "this very directory, perhaps by another path"
    MOVED = "not there any more: the map was moved here, with all that is its own"
    ORIGINAL = "another directory with the same map: this one is a copy"


def place_of(map_dir: MapDir, log: Path) -> Place:
    """What has become of the place where a submission wrote its log."""
    then = MapDir(log.parent)
    if then.path == map_dir.path:
        return Place.HERE
    if not is_there(then.map):
        return Place.MOVED
    try:
        return Place.HERE if then.map.samefile(map_dir.map) else Place.ORIGINAL
    except OSError:
        return Place.ORIGINAL  # nothing is done to what cannot be told apart
