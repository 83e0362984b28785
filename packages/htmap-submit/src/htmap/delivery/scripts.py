"""Shell scripts that travel as the executable of a job: below HTMAP_DIR, under the hash of their text."""

from __future__ import annotations

import hashlib
from pathlib import Path

from htmap.store.atomic import storage_errors, write_file
from htmap.store.mapdir import MapDir
from htmap.store.trust import is_trusted


def place(map_dir: Path, text: str) -> Path:
    """Where the script is, once it has been made."""
    return MapDir(map_dir).home.runners / f"launch-{hashlib.sha256(text.encode()).hexdigest()[:16]}.sh"


def make(map_dir: Path, text: str) -> None:
    """Put the script in its place, unless it is there."""
    path = place(map_dir, text)
    if not is_trusted(path):
        with storage_errors(f"write a script to {path}"):
            write_file(path, [text.encode()], mode=0o700)
