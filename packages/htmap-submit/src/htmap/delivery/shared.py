"""Delivery "shared": the interpreter of the submit side is at the same path on the execute node (a shared disk)."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from htmap.language.commands import FORK_SERVER


def descriptors(_tag: str, _map_dir: Path) -> Mapping[str, str]:
    """Run this very interpreter."""
    return {
        "executable": sys.executable,
        "transfer_executable": "false",
        "arguments": '"-m htmap_exec $(runner_arguments)"',
        f"MY.{FORK_SERVER}": '"-m htmap_exec fork-server"',
    }
