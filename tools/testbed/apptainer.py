"""Apptainer: the one on PATH, else Debian's.

In: nothing. Out: a folder with a program ``apptainer``. On the other side: the machine, or `testbed.debian`.
Only sid has it, so the version moves.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from testbed import cache, debian

_SUITE = "sid"
_PROGRAMS = ("apptainer", "squashfs-tools")

# Change this when what lies in the prefix changes, so that an old one is made again.
_RECIPE = 1

# It looks for mksquashfs along PATH. Where nobody may use /dev/fuse, it can unpack an image instead of mounting it.
_LAUNCHER = """\
#!/bin/sh
PATH="{prefix}/bin:$PATH"
export PATH
[ -w /dev/fuse ] || export APPTAINER_UNSQUASH=1
exec "{prefix}/bin/apptainer" "$@"
"""


def find_or_install() -> Path:
    """The folder of the program."""
    found = shutil.which("apptainer")
    return Path(found).parent if found else cache.made_once(f"apptainer-{_SUITE}-{_RECIPE}", _fill) / "launch"


def _fill(now: Path, final: Path) -> None:
    debian.install(now, final, _SUITE, _PROGRAMS, lambda name: name in _PROGRAMS or name.startswith("lib"))
    # Debian's place for what it runs itself, which it looks for relative to itself.
    (now / "lib/x86_64-linux-gnu").symlink_to(".")
    (now / "var/lib/apptainer/mnt/session").mkdir(parents=True)
    (now / "launch").mkdir()
    launcher = now / "launch/apptainer"
    launcher.write_text(_LAUNCHER.format(prefix=final))
    launcher.chmod(0o755)
