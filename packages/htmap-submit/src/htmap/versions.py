"""The version of HTMap."""

from __future__ import annotations

import re

__version__ = "0.2.0"


def version() -> str:
    """Return a string containing human-readable version information."""
    return f"HTMap version {__version__}"


def version_info() -> tuple[int, int, int, str | None, int | None]:
    """Return a tuple of version information: ``(major, minor, micro, prerelease, prerelease number)``."""
    found = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)(?:(a|b|rc)(\d+))?", __version__)
    if found is None:
        raise ValueError(f"{__version__!r} is not a version of HTMap.")
    major, minor, micro, stage, number = found.groups()
    return int(major), int(minor), int(micro), stage, None if number is None else int(number)
