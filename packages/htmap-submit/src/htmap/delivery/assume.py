"""Delivery "assume": the execute node has htmap-exec already, on the PATH of its jobs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from htmap.delivery.runner_failures import NOTHING_TO_RUN, why_runner_failed
from htmap.language.commands import FORK_SERVER

_MISSING = (
    "The execute node has no htmap-exec on its PATH, or the Python that it was installed for is gone. Install it there "
    "(pip install htmap-exec), or choose the DELIVERY_METHOD bundle, which brings it."
)


def descriptors(_tag: str, _map_dir: Path) -> Mapping[str, str]:
    """Run what is there."""
    return {
        # An executable that is not transferred must be named by its path; env looks along PATH.
        "executable": "/usr/bin/env",
        "transfer_executable": "false",
        "arguments": '"htmap-exec $(runner_arguments)"',
        f"MY.{FORK_SERVER}": '"htmap-exec fork-server"',
        "on_exit_hold_reason": why_runner_failed({NOTHING_TO_RUN: _MISSING}),
    }
