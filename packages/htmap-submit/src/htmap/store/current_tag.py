"""The tag of a map as it is now: any process may change it.

In: the directory of a map, and the tag under which it was found. Out: its tag, as last seen (free) or as it is (read).
"""

from __future__ import annotations

import contextlib

from htmap.exceptions import DamagedFile, TagNotFound
from htmap.store import tags
from htmap.store.mapdir import MapDir


class CurrentTag:
    """The tag of one map.

    Attributes
    ----------
    last
        The tag when it was last looked at: good enough for messages.
    """

    def __init__(self, map_dir: MapDir, last: str) -> None:
        self._map_dir = map_dir
        self.last = last

    def __str__(self) -> str:
        return self.last

    def look(self) -> str:
        """The tag now; of a map that has none any more, the last one."""
        home, uid = self._map_dir.home, self._map_dir.uid
        with contextlib.suppress(TagNotFound, DamagedFile):
            if tags.find(home, self.last).uid == uid:
                return self.last
        now = tags.tag_of(home, uid)
        if now is not None:
            self.last = now.tag
        return self.last
