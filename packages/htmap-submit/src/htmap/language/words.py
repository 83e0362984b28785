"""How the values of submit commands are spelled: lists, quoted words, sizes, durations; and what may not stand in one.

In: Python values. Out: the text right of the equals sign; and values again. On the other side: the manual page of
condor_submit, whose rules these are. Macros are expanded already, or stand for themselves.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping

from htmap.exceptions import InvalidSetting


class BadValue(ValueError):
    """A value that cannot be read. The message completes "... cannot be used: "."""


# --- what may not stand in a value ----------------------------------------------------------------------------------

# All control characters but the tab: a newline begins another command. With what only Unicode takes for the end of a
# line, and halves of characters. A backslash at the end would join the next line.
_UNUSABLE = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]|\\\\(?=\\s*$)")
# What stands for something else: a macro, or one of the matched machine.
_MACROS = re.compile(r"\$\w*\(|\$\$\[")


def unusable(text: str, also: str = "", *, takes_macros: bool = False) -> str | None:
    """The first part of a text that would not be read as it is written; None: it can be a value.

    Parameters
    ----------
    also
        Further characters that mean something where the value will stand.
    takes_macros
        Macros are meant to be expanded.
    """
    found = _UNUSABLE.search(text) or (None if takes_macros else _MACROS.search(text))
    return found[0] if found else next((mark for mark in also if mark in text), None)


def checked_setting(setting: str, value: str, also: str = "") -> str:
    """The value of a setting that will stand in a submit description.

    Parameters
    ----------
    also
        Further characters that it must not hold.

    Raises
    ------
    InvalidSetting
        It would mean something else there.
    """
    bad = unusable(value, f"\t{also}")
    if bad is None and "$$" in value:
        bad = "$$"
    if bad is not None:
        raise InvalidSetting(f"The setting {setting} is {value!r}: HTCondor cannot use a value with {bad!r} in it.")
    return value


# --- yes and no -----------------------------------------------------------------------------------------------------

TRUE = frozenset({"true", "yes", "t", "y", "1"})
FALSE = frozenset({"false", "no", "f", "n", "0"})


def to_bool(text: str) -> bool:
    """Yes or no, in the words that HTCondor takes for them."""
    word = text.strip().casefold()
    if word not in TRUE | FALSE:
        raise BadValue(f"{text!r} is neither true nor false")
    return word in TRUE


# --- lists ----------------------------------------------------------------------------------------------------------


def unquote(text: str) -> str:
    """The value without the double quotes around it, if there are any."""
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def split_list(text: str) -> tuple[str, ...]:
    """The names in a list of files: separated by commas, so that names may hold spaces."""
    return tuple(name for name in (part.strip() for part in unquote(text).split(",")) if name)


def fits_into_list(name: str) -> bool:
    """Whether a name can stand in a list of files as it is."""
    return unusable(name, ",") is None and name == name.strip()


def join_list(names: Iterable[str]) -> str:
    """A list of files, each of which `fits_into_list`."""
    return ",".join(names)


def split_names(text: str) -> tuple[str, ...]:
    """Names separated by commas, spaces or both."""
    return tuple(filter(None, re.split(r"[,\s]+", text)))


# --- quoted words ---------------------------------------------------------------------------------------------------


def join_arguments(words: Iterable[str], *, then: str = "") -> str:
    """A value for ``arguments`` in the new syntax: these words, then a text that is spelled already.

    Source: the manual page of condor_submit. The whole is double-quoted, a word with spaces single-quoted, and either
    quote is doubled to stand for itself.
    """
    return '"' + " ".join([*map(_quoted, words), *([then] if then else [])]) + '"'


def split_arguments(text: str) -> tuple[str, ...]:
    """The words of ``arguments``.

    Within double quotes (the new syntax) a single-quoted part may hold spaces, and each quote is doubled to stand for
    itself. Without them (the old syntax) words are separated by spaces, and that is all.
    """
    text = text.strip()
    if not text.startswith('"'):
        return tuple(text.split())
    return tuple(_quoted_words(_inside_double_quotes(text)))


def join_environment(variables: Mapping[str, str]) -> str:
    """A value for ``environment`` in the new syntax."""
    return join_arguments(f"{name}={value}" for name, value in variables.items())


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


def _quoted(word: str) -> str:
    doubled = word.replace("'", "''").replace('"', '""')
    return f"'{doubled}'" if doubled != word or re.search(r"\s", word) or not word else word


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


# --- sizes and durations --------------------------------------------------------------------------------------------

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


_LIKE_A_SIZE = re.compile(r"-?[\d.,]+\s*[A-Za-z]*")


def is_misspelt_size(text: str) -> bool:
    """Whether a text is a number that is no amount: below 0, or with some word behind it."""
    return _LIKE_A_SIZE.fullmatch(text.strip()) is not None and to_size(text, "k") is None


_DURATION = re.compile(r"(\d+(?:\.\d*)?)\s*(s|min|h)")
_SECONDS_OF = {"s": 1, "min": 60, "h": 3600}


def to_seconds(text: str) -> float | None:
    """The seconds that a duration such as ``10min`` stands for; None if it is none."""
    found = _DURATION.fullmatch(text.strip())
    return None if found is None else float(found[1]) * _SECONDS_OF[found[2]]
