"""What the developer's loop says while it runs.

In: titles, and things that may be had or not. Out: lines that stand out among those of pytest.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

from testbed.debian import TestbedError

_T = TypeVar("_T")


def say(line: str) -> None:
    """Print a line that stands out."""
    print(f"\n### {line}", flush=True)


def had(what: str, find: Callable[[], _T | None], excused: type[Exception] | None = None) -> _T | None:
    """What `find` finds. That it cannot be had is said; under CI it is a failure too, unless it is excused."""
    try:
        found, reason = find(), "This machine has none."
    except TestbedError as error:
        if "CI" in os.environ and not (excused and isinstance(error, excused)):
            raise
        found, reason = None, str(error)
    if found is None:
        say(f"NOT TESTED with {what}. {reason}")
    return found
