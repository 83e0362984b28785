"""What the tree says of the version that is to be released.

In: the tree. Out: the version; or what contradicts it.
"""

from __future__ import annotations

import re
from pathlib import Path

from release import ROOT, NotReady

_VERSION = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)
_SOURCES = (
    "packages/htmap-common/src/htmap_common/__init__.py",
    "packages/htmap-exec/src/htmap_exec/__init__.py",
    "packages/htmap-submit/src/htmap/versions.py",
)


def version(root: Path = ROOT) -> str:
    """The version that all three distributions have.

    Raises
    ------
    NotReady
        They do not have one.
    """
    found = [str(each) for source in _SOURCES for each in _VERSION.findall((root / source).read_text(encoding="utf-8"))]
    if len(set(found)) != 1 or len(found) != len(_SOURCES):
        raise NotReady(f"The distributions must have one version, but they have {', '.join(found)}.")
    return found[0]


def check(version: str, root: Path = ROOT) -> None:
    """Raise `NotReady` if the changelog or the citation does not know that version."""
    changes = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    if not re.search(rf"^## \[(?:{re.escape(version)}\]|Unreleased\]$)", changes, re.MULTILINE):
        raise NotReady(f"CHANGELOG.md has neither a section [{version}] nor one [Unreleased].")
    citation = (root / "CITATION.cff").read_text(encoding="utf-8")
    if f"\nversion: {version}\n" not in citation:
        raise NotReady(f"CITATION.cff does not cite version {version}.")
