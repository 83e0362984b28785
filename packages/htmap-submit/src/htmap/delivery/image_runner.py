"""The runner for images: the htmap-exec of the image if it fits, else the one that travels.

One file is both: a shell script, and after it the zip of `htmap.delivery.runners`. The shell ends before it gets there,
and Python looks for a zip at the end of a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from htmap.delivery import runners
from htmap.delivery.runner_failures import NOTHING_TO_RUN, why_runner_failed
from htmap_common.wire import FORMAT

# PATH may be the node's, where the image has its Python elsewhere: what images use is added.
HEAD = f"""\
#!/bin/sh
# Sent by HTMap: runs the htmap-exec of this image if it reads wire format {FORMAT}, else the one below, with python3.
PATH="${{PATH:+$PATH:}}/usr/local/bin:/usr/bin:/bin:/opt/conda/bin"
export PATH
if [ "$(htmap-exec --wire-format 2>/dev/null)" = "{FORMAT}" ]; then
    exec htmap-exec "$@"
fi
if command -v python3 >/dev/null; then
    exec python3 "$0" "$@"
fi
echo "htmap: This image has no python3: choose one that has." >&2
exit {NOTHING_TO_RUN}
"""

_CANNOT_EXECUTE, _DOCKER_FAILED = 126, 125

_REASONS = {
    NOTHING_TO_RUN: "The image has no python3. Choose an image with Python.",
    _CANNOT_EXECUTE: "The image could not run a shell script. It needs /bin/sh beside its Python.",
    _DOCKER_FAILED: "The container could not be started. What the container runtime said is in the log of the job.",
}


def descriptors(map_dir: Path) -> Mapping[str, str]:
    """What all deliveries in images share, where the file is the executable of the job."""
    return {
        "executable": str(place(map_dir)),
        "transfer_executable": "true",
        "on_exit_hold_reason": why_runner_failed(_REASONS),
    }


def place(map_dir: Path) -> Path:
    """Where the file is, once it has been made."""
    return runners.place(map_dir, HEAD)


def make(map_dir: Path) -> None:
    """Make the file, unless it is there."""
    runners.make(map_dir, HEAD)
