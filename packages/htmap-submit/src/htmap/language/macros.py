"""Macros of the submit language: ``$(name)`` and ``$(name:default)``.

In: values of submit commands. Out: values without macros, or the names that they refer to. Pure text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from htmap.exceptions import InvalidOption

_MACRO = re.compile(r"\$\(([A-Za-z_][\w.]*)(?::([^()$]*))?\)")
_ENVIRONMENT = re.compile(r"\$ENV\(([A-Za-z_]\w*)(?::([^()$]*))?\)", re.IGNORECASE)
_BEYOND = re.compile(r"\$\$[(\[]|\$[A-Za-z_]\w*\(")
_MOST_EXPANSIONS = 32


def macro(name: str) -> str:
    """What stands for the value of that name."""
    return f"$({name})"


def expand(text: str, look_up: Callable[[str], str | None]) -> str:
    """Replace each macro; a name that nobody knows is empty, as in condor_submit.

    Parameters
    ----------
    look_up
        Gets casefolded names.

    Raises
    ------
    InvalidOption
        A macro that contains itself.
    """

    def value(match: re.Match[str]) -> str:
        found = look_up(match[1].casefold())
        return found if found is not None else match[2] or ""

    expanded = text
    for _ in range(_MOST_EXPANSIONS):
        if "$(" not in expanded:
            return expanded
        expanded, replaced = _MACRO.subn(value, expanded)
        if not replaced:
            return expanded
    raise InvalidOption(f"The submit description goes in a circle: {text!r} refers to itself.")


def expand_environment(text: str, environment: Mapping[str, str]) -> str:
    """Replace each ``$ENV(NAME)`` and ``$ENV(NAME:default)``, as condor_submit does: what is not set is UNDEFINED."""
    return _ENVIRONMENT.sub(lambda match: environment.get(match[1], match[2] or "UNDEFINED"), text)


def names_in(texts: Iterable[str]) -> set[str]:
    """The casefolded names that some values refer to."""
    return {match[1].casefold() for text in texts for match in _MACRO.finditer(text)}


def other_macro_in(text: str) -> str | None:
    """The beginning of a macro that `expand` leaves as it is, such as ``$ENV(`` or ``$$(``, if there is one."""
    found = _BEYOND.search(text)
    return None if found is None else found[0]
