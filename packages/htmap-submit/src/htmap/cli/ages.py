"""Ages as people write them on a command line: ``12h``, ``7d``."""

from __future__ import annotations

import re
from typing import Any

import click

_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|h|d|w)")
_SECONDS_OF = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


class Age(click.ParamType[float]):
    """An option that takes an age; its value is in seconds."""

    name = "AGE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, int | float):
            return float(value)
        found = _AGE.fullmatch(str(value).strip())
        if found is None:
            self.fail(f"{value!r} is no age like 30min, 12h, 7d or 2w.", param, ctx)
        return float(found[1]) * _SECONDS_OF[found[2]]
