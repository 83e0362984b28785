"""Delivery "singularity": apptainer or singularity, started by the job itself (setting SINGULARITY.IMAGE).

Unlike "container" it asks nothing of the configuration of the pool, only that the program is there. The image is a .sif
file, here or behind a URL; a sandbox directory or a file that the nodes have at the same path; or a reference that the
runtime resolves on the node, such as docker://python:3.12-slim.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from htmap.delivery import image_runner, preflight, scripts
from htmap.delivery.images import Kind, image
from htmap.delivery.runner_failures import NOTHING_TO_RUN, why_runner_failed
from htmap.language.macros import macro
from htmap.language.words import join_arguments, join_list

SETTING = "SINGULARITY.IMAGE"

_NO_RUNTIME, _RUNTIME_FAILED = 103, 255

_REASONS = {
    NOTHING_TO_RUN: "The image has no python3, or no /bin/sh. Choose an image with both.",
    _NO_RUNTIME: "The execute node has neither apptainer nor singularity on the PATH of its jobs. Choose nodes that "
    "have it, or another DELIVERY_METHOD.",
    _RUNTIME_FAILED: "The container runtime could not run the image: is it there, and does it start? What the runtime "
    "said is in the log of the job.",
}

# exec, so that what the node sends to the job (SIGTERM at an eviction) reaches the runner.
# The scratch directory keeps its path: the environment of the job names it.
SCRIPT = f"""\
#!/bin/sh
# Sent by HTMap: singularity.sh IMAGE RUNNER ARGUMENT... runs RUNNER ARGUMENT... in IMAGE.
image=$1
runner=$2
shift 2
for runtime in apptainer singularity; do
    if command -v "$runtime" >/dev/null; then
        exec "$runtime" --quiet exec --no-home --bind "$PWD:$PWD" --pwd "$PWD" "$image" "./$runner" "$@"
    fi
done
echo "htmap: This node has neither apptainer nor singularity." >&2
exit {_NO_RUNTIME}
"""


def descriptors(_tag: str, map_dir: Path) -> Mapping[str, str]:
    """Send the script that starts the runtime, the runner, and the image if it is a file."""
    chosen = image(SETTING)
    travels = chosen.kind in {Kind.FILE, Kind.URL}
    place = f"./{chosen.name}" if travels else chosen.source
    runner = image_runner.place(map_dir)
    return {
        "executable": str(scripts.place(map_dir, SCRIPT)),
        "transfer_executable": "true",
        "arguments": join_arguments([place, runner.name], then=macro("runner_arguments")),
        "transfer_input_files": join_list([str(runner), *([chosen.source] if travels else [])]),
        "requirements": "TARGET.HasSingularity",
        "on_exit_hold_reason": why_runner_failed(_REASONS),
    }


def set_up(_tag: str, map_dir: Path) -> None:
    """See whether the image fits, as far as it can be seen from here."""
    preflight.check(SETTING, image(SETTING))
    image_runner.make(map_dir)
    scripts.make(map_dir, SCRIPT)
