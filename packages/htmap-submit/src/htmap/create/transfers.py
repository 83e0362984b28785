"""How HTCondor is told to send an input file, and under which name the file arrives.

In: TransferPaths found in inputs, files given as options. Out: entries of a transfer list.

Jobs run with the initial directory ``/`` and ``preserve_relative_paths``: so the entry ``data/a/x.csv`` is the file
``/data/a/x.csv`` and arrives as ``data/a/x.csv`` in the scratch directory, and files with the same base name, in one
component or in components that share a job, never collide. Entries that begin with a slash, and URLs, arrive under
their base name; one that ends with a slash is a directory of which only what is in it is sent. What a list, or
HTCondor, cannot carry is sent through links (`htmap.create.links`). Everything is looked through when the map is made:
what cannot be sent is said before anything is submitted.
"""

from __future__ import annotations

import os
import re
import stat
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from htmap.create.links import Links, apart_again, arrival_apart, missing_below
from htmap.exceptions import InputFileNotFound, InvalidOption
from htmap.language.urls import arrival_of, arriving_as, checked_url, is_url, quoted
from htmap.language.words import fits_into_list
from htmap.option_values import InputFile
from htmap_common import TransferPath
from htmap_common.trees import Tree, survey
from htmap_common.wording import quoted_path, unexpanded


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

    Attributes
    ----------
    left_out
        Sentences about what has no content, and does not arrive.
    """

    def __init__(self, links: Links, *, has_shared_jobs: bool = False) -> None:
        self.left_out: dict[str, None] = {}
        self._links = links
        self._has_shared_jobs = has_shared_jobs
        self._known: dict[str, Path | None] = {}

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
        path = _existing(os.fspath(file))
        links = self._links_to(str(path).lstrip("/"), path, self._links.apart)
        if links is None:
            entry = str(path).lstrip("/")
            return Transfer(entry, entry)
        return Transfer(f"{links}/", arrival_apart(links, path.name))

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
        path = _existing(text)
        is_content = text.endswith("/") and path.is_dir()
        entry = f"{path}/" if is_content else str(path)
        links = self._links_to(entry, path, self._links.like if is_content else self._links.holding)
        if is_content:
            return f"{links or path}/", os.listdir(path)  # noqa: PTH208 - names
        return str(path) if links is None else f"{links}/", [path.name]

    def _links_to(self, entry: str, path: Path, lead: Callable[[Tree], Path]) -> Path | None:
        """The folder of links through which a file or a folder is sent, if it cannot be sent by this entry."""
        if entry in self._known:
            return self._known[entry]
        try:
            tree = survey(str(path))
        except (OSError, ValueError) as error:
            raise InvalidOption(
                f"The input {quoted_path(str(path))} cannot be sent, so nothing was submitted: {error}"
            ) from error
        self.left_out.update(dict.fromkeys(f"{path}: {sentence}" for sentence in tree.left_out))
        links = None
        # HTCondor passes over links that lead nowhere, as it should, but also over those to folders.
        if not fits_into_list(entry) or tree.has_linked_folders or tree.has_specials:
            links = lead(tree)
        if tree.folders:
            if len(self._known) == _REMEMBERED:
                self._known.clear()
            self._known[entry] = links
        return links


_REMEMBERED = 1000
"""Folders that are looked through only once, though many components get them."""


_LINK_OF_A_MAP = re.compile(r"(^|/)maps/[0-9a-f]{16}/links/[0-9a-f]{16}/")


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
    if (apart := apart_again(arrives_as, links)) is not None:
        if missing := missing_below(apart):
            raise _not_there(missing)
        return f"{apart}/"
    below_links = f"{str(links).lstrip('/')}/"
    if _LINK_OF_A_MAP.search(arrives_as) and not arrives_as.startswith(below_links):
        raise InputFileNotFound(
            f"The input file /{arrives_as} was sent by a link of the map, which lay elsewhere then. Make the map again."
        )
    _existing(f"/{arrives_as}")
    if not arrives_as.startswith(below_links):
        return arrives_as
    folder = below_links + arrives_as.removeprefix(below_links).partition("/")[0]
    if missing := missing_below(Path("/", folder)):
        raise _not_there(missing)
    return folder


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


def _existing(named: str) -> Path:
    path = Path(named).absolute()
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
        # HTCondor follows a link to a file, but none to a directory, wherever on the path it is.
        path = path.resolve() if is_folder else path.parent.resolve() / path.name
        str(path).encode()
    except UnicodeEncodeError:
        raise InvalidOption(f"HTMap cannot send a file whose name is not UTF-8: {str(path)!r}. Rename it.") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in it
        raise _not_there(named, error) from None
    if path == path.parent:
        raise InvalidOption("An input file cannot be the whole file system (/).")
    return path


def _not_there(named: str, error: Exception | None = None) -> InputFileNotFound:
    """Name a file as the user did."""
    why = "" if error is None or isinstance(error, FileNotFoundError) else f" ({getattr(error, 'strerror', error)})"
    where = "" if os.path.isabs(named) else f" in {Path.cwd()}"  # noqa: PTH117 - as it was written
    return InputFileNotFound(
        f"There is no input file {quoted_path(named)}{where}{why}, so nothing was submitted.{unexpanded(named)}"
    )


def _url(text: str) -> str:
    url = quoted(text)
    if not arrival_of(url):
        raise InvalidOption(f"The input file {url} has no name at its end: a directory cannot be had by URL.")
    if not fits_into_list(url):
        raise InvalidOption(f"HTCondor cannot transfer a file by the URL {url!r}: rename it.")
    return url
