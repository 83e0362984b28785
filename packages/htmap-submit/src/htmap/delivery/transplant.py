"""Delivery "transplant": the running Python travels, with all its packages (settings TRANSPLANT.*).

The node needs the same operating system and architecture, tar and a shell; it need not have Python. See
`htmap.delivery.environment` for what travels, and docs/decisions/transplant.md for why this way.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from htmap.delivery import environment, scripts, transplants
from htmap.delivery.runner_failures import why_runner_failed
from htmap.language.macros import macro
from htmap.language.words import checked_setting, join_arguments
from htmap.settings import settings

_CANNOT_UNPACK, _DID_NOT_START = 104, 1

_REASONS = {
    _CANNOT_UNPACK: "The transplanted Python could not be unpacked on the execute node. Ask for more disk with "
    "request_disk; what tar said is in the log of the job.",
    _DID_NOT_START: "The transplanted Python did not start. Most often the execute node has an older C library than "
    "the submit side, or another architecture: what it said is in the log of the job.",
}

# Beside the archive and what it unpacks to, which HTCondor cannot know of.
_FOR_THE_JOB_KB = 1024 * 1024

# env/pyvenv.cfg must name the folder of the interpreter by its absolute path, which only the node knows.
SCRIPT = f"""\
#!/bin/sh
# Sent by HTMap: transplant.sh ARCHIVE ARGUMENT... unpacks a Python and runs htmap-exec ARGUMENT... with it.
archive=$1
shift
place="$PWD/_htmap_python"
rm -rf "$place"
if ! {{ mkdir "$place" && gzip -dc "$archive" | tar -xf - -C "$place" && [ -f "$place/python" ]; }}; then
    echo "htmap: The transplanted Python cannot be unpacked: is the disk full?" >&2
    exit {_CANNOT_UNPACK}
fi
rm -f "$archive"
if [ -d "$place/env" ]; then
    printf 'home = %s\\n' "$place/base/bin" >"$place/env/pyvenv.cfg"
fi
exec "$place/python" -m htmap_exec "$@"
"""


def descriptors(_tag: str, map_dir: Path) -> Mapping[str, str]:
    """Send the archive, and the script that unpacks it."""
    found = environment.running()
    name = transplants.archive_name(found.digest)
    elsewhere = settings["TRANSPLANT.ALTERNATE_INPUT_PATH"]
    source = f"{elsewhere.rstrip('/')}/{name}" if elsewhere else str(transplants.folder() / name)
    setting = "TRANSPLANT.ALTERNATE_INPUT_PATH" if elsewhere else "TRANSPLANT.DIR"
    return {
        "executable": str(scripts.place(map_dir, SCRIPT)),
        "transfer_executable": "true",
        "arguments": join_arguments([name], then=macro("runner_arguments")),
        "transfer_input_files": checked_setting(setting, source, ","),
        "request_disk": f"{(2 * found.size()) // 1024 + _FOR_THE_JOB_KB} KB",
        "on_exit_hold_reason": why_runner_failed(_REASONS),
    }


def set_up(_tag: str, map_dir: Path) -> None:
    """Make the archive, unless it is there or the user says so."""
    environment.check()
    scripts.make(map_dir, SCRIPT)
    if not settings["TRANSPLANT.ASSUME_EXISTS"]:
        transplants.make(environment.running())
