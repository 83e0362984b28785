"""Other Pythons than the one that runs this, to prove that HTMap works on them.

In: a version. Out: the path of an interpreter. On the other side: the machine, or `testbed.debian`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TypeAlias

from testbed import cache, debian

Version: TypeAlias = "tuple[int, int]"

SUITES: dict[Version, str] = {(3, 11): "bookworm", (3, 13): "trixie", (3, 14): "sid"}
"""The Python of each suite of Debian; no packages have 3.10 any more."""

MOVING_SUITE = "sid"
"""May be out of order for a day, or have a newer Python only."""

# Change this when what lies in a prefix changes, so that old ones are made again.
_RECIPE = 1


def running() -> Version:
    """The version of the Python that runs this."""
    return sys.version_info[:2]


def others() -> list[Version]:
    """All that can be had besides the one that runs this, oldest first."""
    return sorted(version for version in SUITES if version != running())


def another() -> Path:
    """An interpreter of another version than the one that runs this."""
    return find_or_install(next(version for version in others() if SUITES[version] != MOVING_SUITE))


def find_or_install(version: Version) -> Path:
    """An interpreter of this version: from PATH, else Debian's."""
    name = f"python{version[0]}.{version[1]}"
    found = shutil.which(name)
    return Path(found) if found and _works(found) else _from_debian(name, SUITES[version])


def _works(interpreter: str) -> bool:
    """Version managers leave stand-ins on PATH for versions that are not chosen: these only print an error."""
    probe = [interpreter, "-I", "-c", "import ssl, sqlite3, venv"]
    return subprocess.run(probe, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


def _from_debian(name: str, suite: str) -> Path:
    return cache.made_once(f"{name}-{_RECIPE}", lambda now, final: _fill(now, final, name, suite)) / "bin" / name


def _fill(prefix: Path, final: Path, name: str, suite: str) -> None:
    debian.install(prefix, final, suite, [f"{name}-venv"], lambda package: package.startswith((name, "lib")))
    for path in (prefix / "bin").iterdir():
        if not path.name.startswith(name):
            path.unlink()
    # Else it believes that packages are managed by Debian, and asks for Debian's own way to install them.
    (prefix / f"lib/{name}/EXTERNALLY-MANAGED").unlink(missing_ok=True)
