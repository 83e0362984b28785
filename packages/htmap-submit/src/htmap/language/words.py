"""How the values of submit commands are spelled: lists, quoted words, remaps, sizes.

In: the text right of the equals sign, macros already expanded. Out: Python values. On the other side: the manual page
of condor_submit, whose rules these are.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from urllib.parse import unquote as unquote_url
from urllib.parse import urlsplit


class BadValue(ValueError):
    """A value that cannot be read. The message completes "... cannot be used: "."""


TRUE = frozenset({"true", "yes", "t", "y", "1"})
FALSE = frozenset({"false", "no", "f", "n", "0"})


def to_bool(text: str) -> bool:
    """Yes or no, in the words that HTCondor takes for them."""
    word = text.strip().casefold()
    if word not in TRUE | FALSE:
        raise BadValue(f"{text!r} is neither true nor false")
    return word in TRUE


def unquote(text: str) -> str:
    """The value without the double quotes around it, if there are any."""
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def split_list(text: str) -> tuple[str, ...]:
    """The names in a list of files: separated by commas, so that names may hold spaces."""
    return tuple(name for name in (part.strip() for part in unquote(text).split(",")) if name)


# What the courier transfers.
_SCHEMES = ("http", "https")


def split_inputs(text: str) -> tuple[str, ...]:
    """The names in a list of inputs: paths, and URLs that can be fetched."""
    names = split_list(text)
    for name in names:
        _check_scheme(name, (*_SCHEMES, "file"))
    return names


def is_remote(name: str) -> bool:
    """Whether it takes a server to transfer it."""
    return scheme_of(name) in _SCHEMES


def scheme_of(name: str) -> str:
    """The scheme of a URL, in small letters; nothing for a path."""
    scheme, mark, _ = name.partition("://")
    return scheme.casefold() if mark else ""


def _check_scheme(name: str, known: tuple[str, ...]) -> None:
    if scheme_of(name) not in ("", *known):
        raise BadValue(
            f"{name!r} is a URL of {scheme_of(name)}, and the local backend knows only {' and '.join(_SCHEMES)}; "
            "HTCondor may know it (setting BACKEND)"
        )


def split_outputs(text: str) -> tuple[str, ...]:
    """The names in a list of outputs, each of them inside the scratch directory."""
    names = split_list(text)
    for name in names:
        if name.startswith("/") or ".." in name.split("/"):
            raise BadValue(f"{name!r} is not in the scratch directory of the job")
    return names


def split_names(text: str) -> tuple[str, ...]:
    """Names separated by commas, spaces or both."""
    return tuple(filter(None, re.split(r"[,\s]+", text)))


def split_remaps(text: str) -> dict[str, str]:
    r"""``"name = path; other = path"`` as a mapping; ``\=`` and ``\;`` are part of a name, and ``=`` of a path."""
    remaps = {}
    for pair in re.split(r"(?<!\\);", unquote(text)):
        if not pair.strip():
            continue
        name, *path = re.split(r"(?<!\\)=", pair, maxsplit=1)
        if not path:
            raise BadValue(f"{pair.strip()!r} is not of the form name = path")
        _check_scheme(path[0].strip(), (*_SCHEMES, "file"))
        remaps[_unescape(name)] = path_of_file_url(_unescape(path[0]))
    return remaps


def path_of_file_url(name: str) -> str:
    """The path that a URL of a file on this machine names; anything else as it is."""
    return unquote_url(urlsplit(name).path) if scheme_of(name) == "file" else name


def _unescape(text: str) -> str:
    return re.sub(r"\\([=;])", r"\1", text.strip())


def split_arguments(text: str) -> tuple[str, ...]:
    """The words of ``arguments``.

    Within double quotes (the new syntax) a single-quoted part may hold spaces, and each quote is doubled to stand for
    itself. Without them (the old syntax) words are separated by spaces, and that is all.
    """
    text = text.strip()
    if not text.startswith('"'):
        return tuple(text.split())
    return tuple(_quoted_words(_inside_double_quotes(text)))


def split_environment(text: str) -> dict[str, str]:
    """The variables of ``environment``: words as in `split_arguments`, or ``name=value;name=value`` without quotes."""
    text = text.strip()
    words = split_arguments(text) if text.startswith('"') else [word.strip() for word in text.split(";")]
    variables = {}
    for word in filter(None, words):
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise BadValue(f"{word!r} is not of the form name=value")
        variables[name] = value
    return variables


def _inside_double_quotes(text: str) -> str:
    match = re.fullmatch(r'"((?:[^"]|"")*)"', text, re.DOTALL)
    if match is None:
        raise BadValue("the double quotes do not match (a double quote within is written twice)")
    return match[1].replace('""', '"')


def _quoted_words(text: str) -> Iterator[str]:
    word: str | None = None
    for part in re.finditer(r"'((?:[^']|'')*)'|(\s+)|([^\s']+)|'", text):
        quoted, space, plain = part.groups()
        if part[0] == "'":
            raise BadValue("a single quote is not closed (within single quotes it is written twice)")
        if space is not None:
            if word is not None:
                yield word
            word = None
        else:
            word = (word or "") + (plain if plain is not None else quoted.replace("''", "'"))
    if word is not None:
        yield word


_SIZE = re.compile(r"(\d+(?:\.\d*)?)\s*(?:([kmgt])b?)?", re.IGNORECASE)
_KB = {"k": 1, "m": 1024, "g": 1024**2, "t": 1024**3}


def to_size(text: str, unit: str) -> int | None:
    """An amount such as ``512MB`` or ``2G``, rounded up, in units of "k" or "m"; a bare number is in that unit, too.

    A `unit` of "" stands for things that are counted, such as processors. None: not an amount, so it must be an
    expression.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None or (match[2] and not unit):
        return None
    factor = _KB[(match[2] or unit).casefold()] / _KB[unit] if unit else 1
    return math.ceil(float(match[1]) * factor)
