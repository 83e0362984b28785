"""Recognize what the HTMap before this one (the package ``htmap``, up to 0.6) has put into HTMAP_DIR.

In: a path. Out: whether it is that tool's. Its maps cannot be read here, and are not ours to change: whoever looks for
maps leaves them out, and says once that they are there.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

# Both its maps and what its tags say are UUIDs, with hyphens; ours have none.
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_UUID_BYTES = 36


def is_map_of_old_tool(path: Path) -> bool:
    """Whether a path below ``maps/`` is the directory of such a map."""
    return _UUID.fullmatch(path.name) is not None and path.is_dir()


def is_tag_of_old_tool(path: Path) -> bool:
    """Whether a path below ``tags/`` is the tag of such a map: a file that holds a UUID and nothing else."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        # Of its size only: a file of ours need not be opened for it.
        return path.stat().st_size == _UUID_BYTES and _UUID.fullmatch(path.read_text("ascii")) is not None
    return False
