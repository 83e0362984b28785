"""Delivery "bundle", the default: the runner travels with each job as one zip that any python3 can run.

The node needs nothing but an interpreter of the same minor version.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from htmap.delivery import runners
from htmap.language.commands import FORK_SERVER

# The zip is an executable of its own: if there is no python3, the job ends with code 127.
HEAD = "#!/usr/bin/env python3\n"


def descriptors(_tag: str, map_dir: Path) -> Mapping[str, str]:
    """Send the zip as the executable of the job."""
    return {
        "executable": str(runners.place(map_dir, HEAD)),
        "transfer_executable": "true",
        f"MY.{FORK_SERVER}": '"fork-server"',
    }


def set_up(_tag: str, map_dir: Path) -> None:
    """Make the zip."""
    runners.make(map_dir, HEAD)
