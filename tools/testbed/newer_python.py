"""A Python newer than the one that runs this, to prove that HTMap works on it.

In: nothing. Out: the path of an interpreter. On the other side: the machine, or `testbed.debian`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from testbed import cache, debian

DEBIAN_SUITE = "trixie"
DEBIAN_PYTHON = (3, 13)

_NEWEST_FIRST = [(3, 15), (3, 14), (3, 13), (3, 12)]

# Change this when what lies in the prefix changes, so that an old one is made again.
_RECIPE = 1


def find_or_install() -> Path | None:
    """An interpreter of at least 3.12, newer than this one: from PATH, else Debian's. None: this one is the newest."""
    running = sys.version_info[:2]
    for version in _NEWEST_FIRST:
        found = shutil.which(f"python{version[0]}.{version[1]}") if version > running else None
        if found and _works(found):
            return Path(found)
    return _from_debian() if running < DEBIAN_PYTHON else None


def _works(interpreter: str) -> bool:
    """Version managers leave stand-ins on PATH for versions that are not chosen: these only print an error."""
    probe = [interpreter, "-I", "-c", "import ssl, sqlite3, venv"]
    return subprocess.run(probe, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


def _from_debian() -> Path:
    name = f"python{DEBIAN_PYTHON[0]}.{DEBIAN_PYTHON[1]}"
    return cache.made_once(f"{name}-{_RECIPE}", lambda now, final: _fill(now, final, name)) / "bin" / name


def _fill(prefix: Path, final: Path, name: str) -> None:
    debian.install(prefix, final, DEBIAN_SUITE, [f"{name}-venv"], lambda package: package.startswith((name, "lib")))
    for path in (prefix / "bin").iterdir():
        if not path.name.startswith(name):
            path.unlink()
    # Else it believes that packages are managed by Debian, and asks for Debian's own way to install them.
    (prefix / f"lib/{name}/EXTERNALLY-MANAGED").unlink(missing_ok=True)
