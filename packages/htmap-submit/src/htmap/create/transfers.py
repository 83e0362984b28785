"""How HTCondor is told to send a file, and under which name the file arrives.

In: TransferPaths found in inputs, files given as options. Out: entries of a transfer list.

Jobs run with the initial directory ``/`` and ``preserve_relative_paths``: so the entry ``data/a/x.csv`` is the file
``/data/a/x.csv`` and arrives as ``data/a/x.csv`` in the scratch directory, and files with the same base name, in one
component or in components that share a job, never collide. Entries that begin with a slash, and URLs, arrive under
their base name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from htmap.exceptions import InputFileNotFound, InvalidOption
from htmap.options import InputFile
from htmap.store.mapdir import TRANSFER
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


def remap_entries(remaps: Mapping[str, TransferPath], component: str) -> str:
    """Where output files of a component go instead of coming back, each entry after a semicolon.

    Parameters
    ----------
    component
        Its number, or the macro that stands for it.
    """
    return "".join(
        f"; {TRANSFER}/{component}/{_remap_name(name)} = {_remap_place(place)}" for name, place in remaps.items()
    )


def _remap_name(name: str) -> str:
    if not name or "/" in name:
        raise InvalidOption(f"output_remaps takes names of output files, without folders, not {name!r}.")
    return _without_remap_marks(name)


def _remap_place(place: TransferPath) -> str:
    return _without_remap_marks(str(Path(os.fspath(place)).absolute()) if place.is_local else str(place))


def _without_remap_marks(text: str) -> str:
    # Tried on 23.9 and 25.14: a backslash before them does not help on the right side of a remap.
    for mark in ("=", ";", '"', "\n", "\\"):
        if mark in text:
            raise InvalidOption(f"HTCondor cannot remap an output file from or to {text!r}, because of {mark!r}.")
    return text


# What HTMap's own files are called in the scratch directory: the function, the shards, what comes back.
_OWN_NAMES = re.compile(r"function|\d{6}|_htmap.*|htmap-exec.*\.pyz")


def flat_entries(files: Iterable[InputFile]) -> list[str]:
    """How files given as options are sent together.

    Raises
    ------
    InvalidOption
        Two of them, or one of them and a file of HTMap's, would arrive under the same name.
    """
    entries = list(dict.fromkeys(map(flat_entry, files)))
    check_names(entries)
    return entries


def check_names(entries: Iterable[str]) -> None:
    """Raise `InvalidOption` if entries that arrive under their base names get into each other's way."""
    seen: dict[str, str] = {}
    for entry in entries:
        name = entry.rstrip("/").rpartition("/")[2]
        if _OWN_NAMES.fullmatch(name):
            raise InvalidOption(f"The input file {entry} has a name that HTMap uses on the execute node: rename it.")
        other = seen.setdefault(name, entry)
        if other != entry:
            raise InvalidOption(
                f"The input files {other} and {entry} would both arrive as {name}: rename one of them, or send local "
                "files as TransferPaths in the inputs of the function, which keep their own paths."
            )


def _existing(path: Path) -> Path:
    path = path.absolute()
    if not path.exists():
        raise InputFileNotFound(f"There is no input file {path}, so nothing was submitted.")
    # HTCondor follows a link to a file, but none to a directory, wherever on the path it is.
    return path.resolve() if path.is_dir() else path.parent.resolve() / path.name


_UNTRANSFERABLE = {
    ",": "a comma",
    "\n": "a newline",
    "\r": "a carriage return",
    "\x1f": "a unit separator",
    "$(": "a macro",
}


def _checked(entry: str) -> str:
    try:
        entry.encode()
    except UnicodeEncodeError:
        raise InvalidOption(f"HTCondor cannot transfer a file whose name is not UTF-8: {entry!r}. Rename it.") from None
    for mark, name in _UNTRANSFERABLE.items():
        if mark in entry:
            raise InvalidOption(f"HTCondor cannot transfer a file with {name} in its name: {entry!r}. Rename it.")
    return entry
