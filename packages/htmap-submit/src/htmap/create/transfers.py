"""How HTCondor is told to send an input file, and under which name the file arrives.

In: TransferPaths found in inputs, files given as options. Out: entries of a transfer list.

Jobs run with the initial directory ``/`` and ``preserve_relative_paths``: so the entry ``data/a/x.csv`` is the file
``/data/a/x.csv`` and arrives as ``data/a/x.csv`` in the scratch directory, and files with the same base name, in one
component or in components that share a job, never collide. Entries that begin with a slash, and URLs, arrive under
their base name; one that ends with a slash is a directory of which only what is in it is sent. What a list cannot
carry is sent through a link (`htmap.create.links`).
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from htmap.create.links import Links
from htmap.exceptions import InputFileNotFound, InvalidOption
from htmap.language.urls import arrival_of, arriving_as, checked_url, is_url, quoted
from htmap.options import InputFile
from htmap_common import TransferPath


@dataclass(frozen=True, slots=True)
class Transfer:
    """A file on its way to the scratch directory."""

    entry: str
    arrives_as: str


class Sender:
    """Names the input files of one map.

    Parameters
    ----------
    links
        For what a list of files cannot carry.
    has_shared_jobs
        Whether files of several components arrive in one place, so that those from URLs need names of their own.
    """

    def __init__(self, links: Links, *, has_shared_jobs: bool = False) -> None:
        self._links = links
        self._has_shared_jobs = has_shared_jobs

    def of_call(self, files: Iterable[TransferPath]) -> list[Transfer]:
        """How the files are sent that a function is called with.

        Raises
        ------
        InputFileNotFound
            One lies on this machine, but it is not there.
        InvalidOption
            HTCondor cannot transfer one of that name.
        """
        taken: set[str] = set()
        transfers = []
        for file in files:
            transfer = self._local(file) if file.is_local else self._remote(checked_url(file), taken)
            taken.add(transfer.arrives_as)
            transfers.append(transfer)
        return transfers

    def flat(self, files: Iterable[InputFile]) -> dict[str, list[str]]:
        """How files given as options are sent: entries, and the names that arrive by each.

        Raises
        ------
        InputFileNotFound
            One lies on this machine, but it is not there.
        InvalidOption
            HTCondor cannot transfer one of that name.
        """
        return dict(map(self._flat, files))

    def _local(self, file: TransferPath) -> Transfer:
        path = _existing(Path(os.fspath(file)))
        entry = str(path).lstrip("/")
        if _fits_into_list(entry):
            return Transfer(entry, entry)
        folder = str(self._links.holding(path)).lstrip("/")
        return Transfer(folder, f"{folder}/{path.name}")

    def _remote(self, text: str, taken: set[str]) -> Transfer:
        url = _url(text)
        name = arrival_of(url)
        if self._has_shared_jobs or name in taken:
            entry = arriving_as(url, f"{zlib.crc32(url.encode()):08x}-{name}")
            return Transfer(entry, arrival_of(entry))
        return Transfer(url, name)

    def _flat(self, file: InputFile) -> tuple[str, list[str]]:
        text = checked_url(file) if isinstance(file, TransferPath) and not file.is_local else str(file)
        if is_url(text):
            url = _url(text)
            return url, [arrival_of(url)]
        path = _existing(Path(text))
        if text.endswith("/") and path.is_dir():
            entry = f"{path}/"
            names = os.listdir(path)  # noqa: PTH208 - names
            return entry if _fits_into_list(entry) else f"{self._links.like(path)}/", names
        return str(path) if _fits_into_list(str(path)) else f"{self._links.holding(path)}/", [path.name]


def entry_again(file: TransferPath, arrives_as: str, links: Path) -> str:
    """The entry for a file of an input that is stored, wherever the process is now.

    Parameters
    ----------
    arrives_as
        What `Sender` said.
    links
        Where the links of the map lie.
    """
    if not file.is_local:
        return arriving_as(_url(checked_url(file)), arrives_as)
    _existing(Path("/", arrives_as))
    below_links = f"{str(links).lstrip('/')}/"
    if not arrives_as.startswith(below_links):
        return arrives_as
    return below_links + arrives_as.removeprefix(below_links).partition("/")[0]


# What HTMap and HTCondor themselves put into the scratch directory.
_OWN_NAMES = re.compile(
    r"function|\d{6}|_htmap.*|htmap-exec.*\.pyz|transplant-[0-9a-f]+\.tar\.gz|"
    r"_condor.*|condor_exec\.exe|\.(job|machine)\.ad"
)


def check_names(arrivals: Mapping[str, Iterable[str]]) -> None:
    """Raise `InvalidOption` if what arrives by one entry gets into the way of another.

    Parameters
    ----------
    arrivals
        Entries, and the names that arrive by each.
    """
    seen: dict[str, str] = {}
    for entry, names in arrivals.items():
        for name in names:
            if _OWN_NAMES.fullmatch(name):
                raise InvalidOption(f"The input file {entry} would arrive as {name}, a name with a use: rename it.")
            other = seen.setdefault(name, entry)
            if other != entry:
                raise InvalidOption(
                    f"The input files {other} and {entry} would both arrive as {name}: rename one of them, or send "
                    "local files as TransferPaths in the inputs of the function, which keep their own paths. "
                    "If they belong to different components, chunksize=1 keeps them apart."
                )


def _existing(path: Path) -> Path:
    path = path.absolute()
    if not path.exists():
        raise InputFileNotFound(f"There is no input file {path}, so nothing was submitted.")
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise InvalidOption(f"HTMap cannot send a file whose name is not UTF-8: {str(path)!r}. Rename it.") from None
    # HTCondor follows a link to a file, but none to a directory, wherever on the path it is.
    path = path.resolve() if path.is_dir() else path.parent.resolve() / path.name
    if path == path.parent:
        raise InvalidOption("An input file cannot be the whole file system (/).")
    return path


# What ends an entry, what stands for something else in a submit file, and what would be stripped.
_UNFIT = re.compile(r"[,\n\r\x1f]|\$\w*\(|\$\$\[|^\s|\s$|\\$")


def _fits_into_list(entry: str) -> bool:
    return _UNFIT.search(entry) is None


def _url(text: str) -> str:
    url = quoted(text)
    if not arrival_of(url):
        raise InvalidOption(f"The input file {url} has no name at its end: a directory cannot be had by URL.")
    if not _fits_into_list(url):
        raise InvalidOption(f"HTCondor cannot transfer a file by the URL {url!r}: rename it.")
    return url
