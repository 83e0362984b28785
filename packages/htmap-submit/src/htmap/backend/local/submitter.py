"""What a job inherits from the process that submits it.

In: the environment of this process. Out: the part of it that travels with a cluster. On the other side: ``starter``,
in a process that may have been started by another Python, from another shell.
"""

from __future__ import annotations

import os
import sys
from fnmatch import fnmatchcase
from pathlib import Path

from htmap.language import words


def inherited_environment(getenv: str, home: Path) -> dict[str, str]:
    """The variables that ``getenv`` lets through, and PATH, in which ``python3`` is the Python that runs now.

    Parameters
    ----------
    getenv
        The submit command: true, false, or names with wildcards; an exclamation mark before a name keeps it out.
    home
        The directory of the local backend.
    """
    path = os.pathsep.join((_directory_of_python3(home), os.environ.get("PATH", os.defpath)))
    return {name: value for name, value in os.environ.items() if _is_let_through(name, getenv)} | {"PATH": path}


def _is_let_through(name: str, getenv: str) -> bool:
    word = getenv.strip().casefold()
    if not word or word in words.TRUE | words.FALSE:
        return word in words.TRUE
    patterns = words.split_names(getenv)
    if any(pattern.startswith("!") and fnmatchcase(name, pattern[1:]) for pattern in patterns):
        return False
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _directory_of_python3(home: Path) -> str:
    """A directory in which ``python3`` is this interpreter: its own, or one with a link to it."""
    python = Path(sys.executable)
    try:
        if (python.parent / "python3").samefile(python):
            return str(python.parent)
    except FileNotFoundError:
        pass
    # Such as /usr/bin/python3.12 beside a /usr/bin/python3 that is another version.
    directory = home / "interpreters" / str(python).strip(os.sep).replace(os.sep, "-")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    link = directory / "python3"
    if not link.is_symlink():
        beside = directory / f"python3.{os.getpid()}"
        beside.symlink_to(python)
        beside.replace(link)
    return str(directory)
