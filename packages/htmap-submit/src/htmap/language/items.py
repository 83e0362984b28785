"""Lines of an item file: the values of the submit variables of one job.

In: values, in the order of the ``queue`` statement. Out: a line; and values again.

A line is split at its unit separators if it has any, else at commas and blanks, of which the last value keeps its own.
All bindings do so, and condor_submit 25.14; that of 23.9 knows commas and blanks only (tried). So a line has commas
wherever they say the same, and a description can be given to any condor_submit by hand, unless several options vary
over the components and their values hold commas or blanks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

SEPARATOR = "\x1f"
# What HTCondor takes off both ends of a line and of a value. (str.strip would take more, the unit separator too.)
BLANKS = " \t\n\v\f\r"

_SPLITS = re.compile(r"[,\s]")
_SPLIT = re.compile(r",\s*|\s+")


def item_line(values: Iterable[str]) -> str:
    """The line that says these values."""
    *front, last = values
    is_plain = all(value and not _SPLITS.search(value) for value in front)
    return ("," if is_plain else SEPARATOR).join([*front, last]) + "\n"


def item_values(line: str, variables: int) -> list[str]:
    """The values that a line says; one that it does not reach is empty."""
    line = line.strip(BLANKS)
    if variables == 1:
        return [line]
    if SEPARATOR in line:
        values = [value.strip(BLANKS) for value in line.split(SEPARATOR)]
    else:
        values = _SPLIT.split(line, maxsplit=variables - 1)
    return values + [""] * (variables - len(values))
