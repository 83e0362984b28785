"""What maps occupy on disk, as it was counted before: to count it again means to visit every file.

In and out: bytes by map. On disk: ``sizes.json``, a cache for all maps together: absent, damaged or of another version,
it is simply not used.
"""

from __future__ import annotations

import contextlib
import json
import time
from typing import NamedTuple

from htmap.exceptions import StorageError
from htmap.store.atomic import is_there, size_of, storage_errors, write_file
from htmap.store.mapdir import Home, MapDir

# Users may delete what a finished map sent back: so no count is believed for ever.
_LONGEST_S = 3600.0
# While a map grows, counting takes at most this share of the time.
_SHARE = 20


class _Counted(NamedTuple):
    log_bytes: int
    at: float  # seconds since 1970
    took_s: float
    size_bytes: int

    def is_good(self, log_bytes: int, now: float) -> bool:
        age_s = now - self.at
        return 0 <= age_s < (_LONGEST_S if log_bytes == self.log_bytes else _SHARE * self.took_s)


class Sizes:
    """Sizes of maps, for one listing."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._counted = self._load()
        self._has_news = False

    def _load(self) -> dict[str, _Counted]:
        try:
            known = json.loads(self._home.sizes.read_bytes())
            return {uid: _Counted(int(log), float(at), float(took), int(size)) for uid, (log, at, took, size) in known}
        except (OSError, ValueError, TypeError):
            return {}

    def of(self, map_dir: MapDir) -> int:
        """Bytes in the files of a map."""
        log_bytes, now = _length_of(map_dir), time.time()
        known = self._counted.get(map_dir.uid)
        if known is None or not known.is_good(log_bytes, now):
            size_bytes = size_of(map_dir.path)
            known = _Counted(log_bytes, now, max(0.0, time.time() - now), size_bytes)
            self._counted[map_dir.uid] = known
            self._has_news = True
        return known.size_bytes

    def save(self) -> None:
        """Keep what was counted, for maps that are still there; a disk that refuses is no reason to fail."""
        if self._has_news:
            kept = [(uid, counted) for uid, counted in self._counted.items() if is_there(self._home.map(uid).path)]
            with contextlib.suppress(StorageError), storage_errors("keep the sizes of maps"):
                write_file(self._home.sizes, [json.dumps(kept).encode()])


def _length_of(map_dir: MapDir) -> int:
    try:
        return map_dir.events.stat().st_size
    except OSError:
        return 0
