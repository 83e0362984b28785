"""How HTCondor is told to send a file, and under which name the file arrives.

In: TransferPaths found in inputs, files given as options. Out: entries of a transfer list.

Jobs run with the initial directory ``/`` and ``preserve_relative_paths``: so the entry ``data/a/x.csv`` is the file
``/data/a/x.csv`` and arrives as ``data/a/x.csv`` in the scratch directory, and files with the same base name, in one
component or in components that share a job, never collide. Entries that begin with a slash, and URLs, arrive under
their base name.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from htmap.exceptions import InputFileNotFound, InvalidOption
from htmap.options import InputFile
from htmap_common import TransferPath


@dataclass(frozen=True, slots=True)
class Transfer:
    """A file on its way to the scratch directory."""

    entry: str
    arrives_as: str


def to_transfer(file: TransferPath) -> Transfer:
    """How a file that a function is called with is sent.

    Raises
    ------
    InputFileNotFound
        It lies on this machine, but it is not there.
    InvalidOption
        HTCondor cannot transfer a file of that name.
    """
    if not file.is_local:
        return Transfer(_checked(str(file)), file.name)
    entry = str(_existing(Path(os.fspath(file)))).lstrip("/")
    return Transfer(_checked(entry), entry)


def flat_entry(file: InputFile) -> str:
    """How a file given as an option is sent: it arrives under its base name."""
    if isinstance(file, TransferPath):
        return _checked(str(file) if not file.is_local else str(_existing(Path(os.fspath(file)))))
    text = str(file)
    return _checked(text if "://" in text else str(_existing(Path(text))))


def _existing(path: Path) -> Path:
    path = path.absolute()
    if not path.exists():
        raise InputFileNotFound(f"There is no input file {path}. The map was not created.")
    # HTCondor follows a link to a file, but none to a directory, wherever on the path it is.
    return path.resolve() if path.is_dir() else path.parent.resolve() / path.name


_UNTRANSFERABLE = {",": "a comma", "\n": "a newline", "\r": "a carriage return", "\x1f": "a unit separator"}


def _checked(entry: str) -> str:
    for mark, name in _UNTRANSFERABLE.items():
        if mark in entry:
            raise InvalidOption(f"HTCondor cannot transfer a file with {name} in its name: {entry!r}. Rename it.")
    return entry
