"""Spell URLs as file transfer needs them. Pure text.

In: URLs as users write them. Out: URLs without marks that are not allowed in them, and the names that files from there
arrive under.
On the other side: HTCondor, which names a file after what follows the last slash, without the query, and its plugin for
these schemes, which is curl (tried on 23.9.6 and 25.14.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, unquote, urlsplit

from htmap.exceptions import InvalidOption
from htmap_common import TransferPath

# Those that curl fetches. What others make of a percent sign is up to them.
_QUOTED_SCHEMES = re.compile(r"(https?|davs?|ftp|file)://", re.IGNORECASE)
_FRAGMENTS = re.compile(r"https?://", re.IGNORECASE)
_SIGNED = re.compile(r"(s3|gs)://", re.IGNORECASE)
# What may not stand in a URL, or means something in a list of files. Letters beyond ASCII are left to curl.
_NOT_ALLOWED = re.compile(r'[\x00-\x20"#<>\\^`{|},;\x7f]|%(?![0-9A-Fa-f]{2})')


def is_url(text: str) -> bool:
    """Whether a file is given by a URL."""
    return "://" in text


def checked_url(path: TransferPath) -> str:
    """The URL of a remote path. Raises `InvalidOption` if it has a location but no protocol."""
    if path.protocol is None:
        raise InvalidOption(f"{path!r} says where it is, but not how to transfer it: give it a protocol.")
    return str(path)


def quoted(url: str) -> str:
    """The URL with percent signs for what may not stand in it; a percent sign with two digits stays what it is."""
    if not _QUOTED_SCHEMES.match(url):
        return url
    return _NOT_ALLOWED.sub(lambda mark: f"%{ord(mark[0]):02X}", url)


def scheme_of(text: str) -> str:
    """The scheme of a URL, in small letters; nothing for a path."""
    scheme, mark, _ = text.partition("://")
    return scheme.casefold() if mark else ""


def path_of_file_url(name: str) -> str:
    """The path that a URL of a file on this machine names; anything else as it is."""
    return unquote(urlsplit(name).path) if scheme_of(name) == "file" else name


def arrival_of(url: str) -> str:
    """The name under which a file arrives, if its path is not kept: the last one, of a URL without its query."""
    name = (url.partition("?")[0] if is_url(url) else url).rpartition("/")[2]
    # HTCondor signs these, and makes a URL of https of them, whose path Amazon wants quoted in its own way.
    return quote(name, safe="") if _SIGNED.match(url) else name


def arrivals(entries: Iterable[str]) -> dict[str, list[str]]:
    """The entries that are URLs, and the name that arrives by each."""
    return {entry: [arrival_of(entry)] for entry in entries if is_url(entry)}


def arriving_as(url: str, name: str) -> str:
    """A URL of the same file that arrives under another name, where there is one; else the URL itself.

    What follows a ``#`` is never sent to the server, but HTCondor looks for the name there, unless there is a query.
    """
    if name == arrival_of(url) or "?" in url or not _FRAGMENTS.match(url):
        return url
    return f"{url}#/{name}"
