"""Cheap facts about the node and the job, for records.

In: this process. Out: plain values. No subprocess and no name service: the runner starts thousands of times.
"""

from __future__ import annotations

import functools
import os
import re
import sys
from typing import Any

_MOST_PATHS = 200


def host() -> str:
    """Return the name of this machine."""
    return os.uname().nodename


def describe() -> dict[str, Any]:
    """Return what a person who looks for the cause of a failure wants to know about the machine."""
    system = os.uname()
    return {
        "host": system.nodename,
        "os": f"{system.sysname} {system.release}",
        "architecture": system.machine,
        "cpu_count": os.cpu_count() or 0,
        # Not pwd: with LDAP behind it a look-up of the name may take seconds.
        "user": os.environ.get("USER") or os.environ.get("LOGNAME") or str(os.geteuid()),
        "python": sys.version.split()[0],
    }


@functools.cache
def attempt() -> int:
    """Return how often this job has been started, counting this time; 1 when nobody tells."""
    try:
        with open(os.environ["_CONDOR_JOB_AD"], encoding="utf-8", errors="replace") as job_ad:
            found = re.search(r"^NumShadowStarts\s*=\s*(\d+)", job_ad.read(), re.MULTILINE | re.IGNORECASE)
    except (KeyError, OSError):
        return 1
    return int(found[1]) if found else 1


def list_scratch(directory: str) -> list[str]:
    """Return the paths below the scratch directory, directories with a slash at the end: at most 200, outer ones first.

    Input files lie as deep there as on the submit side.
    """
    found: list[str] = []
    folders = [""]  # grows while it is walked through
    for folder in folders:
        if len(found) >= _MOST_PATHS:
            break
        for name, is_folder in _entries(os.path.join(directory, folder)):
            path = os.path.join(folder, name)
            found.append(path + "/" * is_folder)
            if is_folder:
                folders.append(path)
    return found[:_MOST_PATHS]


def _entries(folder: str) -> list[tuple[str, bool]]:
    try:
        with os.scandir(folder) as entries:
            return sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
    except OSError:
        return []
