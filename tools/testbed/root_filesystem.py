"""Root file systems for images, made of Debian's packages: stand-ins for the base images of a hub.

In: a suite of Debian. Out: folders that docker can import and apptainer can run. On the other side: `testbed.debian`.
The packages are unpacked and not set up: that needs no right of root, and what is tested here does without.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from testbed import cache, debian

_MINIMAL = ("base-files", "base-passwd", "coreutils", "dash", "grep", "gzip", "sed", "tar")

# The Python of each suite.
_SUITES = {(3, 11): "bookworm", (3, 13): "trixie"}

# Change this when what lies in the folders changes, so that old ones are made again.
_RECIPE = 1


def without_python() -> Path:
    """A small Debian."""
    return _made(_SUITES[3, 11], "minimal", _MINIMAL)


def with_python() -> Path | None:
    """The same, and the Python that runs this, with pip. None: Debian has no such Python."""
    suite = _SUITES.get(sys.version_info[:2])
    return None if suite is None else _made(suite, "python", (*_MINIMAL, "python3", "python3-pip"))


def with_other_python() -> Path:
    """The same, and a Python of another minor version."""
    suite = next(suite for version, suite in _SUITES.items() if version != sys.version_info[:2])
    return _made(suite, "other-python", (*_MINIMAL, "python3"))


def _made(suite: str, name: str, packages: tuple[str, ...]) -> Path:
    return cache.made_once(f"root-{suite}-{name}-{_RECIPE}", lambda now, _: _fill(now, suite, packages))


def _fill(root: Path, suite: str, packages: tuple[str, ...]) -> None:
    debian.unpack(root, suite, packages)
    # What the scripts of the packages would do.
    for name in ("media", "mnt", "opt", "srv"):
        root.joinpath(name).mkdir(exist_ok=True)
    for name in ("passwd", "group"):
        shutil.copy(root / f"usr/share/base-passwd/{name}.master", root / "etc" / name)
    # Else pip believes that packages are managed by Debian, and asks for Debian's own way to install them.
    for marker in root.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
        marker.unlink()
    root.joinpath("root").chmod(0o755)  # who makes an image of this is not root
    for unneeded in ("doc", "man", "locale", "info", "i18n"):
        shutil.rmtree(root / "usr/share" / unneeded, ignore_errors=True)
