"""Lists of remaps: where output files go instead of coming back under their own names.

In: names and places. Out: the value of ``transfer_output_remaps``; and names and places again. Pure text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from htmap.exceptions import InvalidOption
from htmap.language.words import BadValue, unquote, unusable

_IN_NAMES, _IN_PLACES = '=;"\\', ';"'


def entry(name: str, place: str) -> str:
    """One more remap for the end of a list.

    Raises
    ------
    InvalidOption
        It cannot be written down.
    """
    # Tried on 23.9 and 25.14: a backslash before them does not help on the right side of a remap.
    return f"; {_checked(name, _IN_NAMES)} = {_checked(place, _IN_PLACES)}"


def join(places: Mapping[str, str], more: str = "") -> str:
    """The list.

    Parameters
    ----------
    more
        Entries that exist already, or a macro that stands for them.
    """
    entries = "".join(entry(name, place) for name, place in places.items())
    return f'"{entries.removeprefix("; ")}{more}"'


def split(text: str) -> dict[str, str]:
    r"""The places by name; ``\=`` and ``\;`` are part of a name, and ``=`` of a place. Raises `BadValue`."""
    remaps = {}
    for pair in re.split(r"(?<!\\);", unquote(text)):
        if not pair.strip():
            continue
        name, *place = re.split(r"(?<!\\)=", pair, maxsplit=1)
        if not place:
            raise BadValue(f"{pair.strip()!r} is not of the form name = path")
        remaps[_unescaped(name)] = _unescaped(place[0])
    return remaps


def _unescaped(text: str) -> str:
    return re.sub(r"\\([=;])", r"\1", text.strip())


def _checked(text: str, marks: str) -> str:
    if text != text.strip() or text.endswith("\\"):
        raise InvalidOption(f"HTCondor cannot remap an output file from or to {text!r}, because of how it ends.")
    bad = unusable(text, marks, takes_macros=True)
    if bad is not None:
        raise InvalidOption(f"HTCondor cannot remap an output file from or to {text!r}, because of {bad!r}.")
    return text
