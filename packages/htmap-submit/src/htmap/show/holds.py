"""Held components, and removed ones, as tables for people."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from htmap.observe.holds import ComponentHold, advice_on
from htmap.store.records import spelled
from htmap_common.wording import visible

_COLUMN = 10


def hold_table(holds: Mapping[int, ComponentHold]) -> str:
    """A table of held components; those with the same hold share a row."""
    if not holds:
        return "No components are held."
    grouped: dict[ComponentHold, list[int]] = {}
    for component, hold in holds.items():
        grouped.setdefault(hold, []).append(component)
    rows = [" Code | Components | Reason"]
    for hold, components in grouped.items():
        first, *rest = textwrap.wrap(visible(hold.reason), 60) or ["(none given)"]
        rest += textwrap.wrap(f"-> {advice}", 60) if (advice := advice_on(hold)) else []
        rows.append(f" {hold.code:>4} | {_shortened(components):<10} | {first}")
        rows += [f"      |            | {line}" for line in rest]
    return "\n".join(rows)


def removal_table(removals: Mapping[int, str]) -> str:
    """A table of removed components, those that were removed for the same reason in a row."""
    grouped: dict[str, list[int]] = {}
    for component, reason in removals.items():
        grouped.setdefault(reason, []).append(component)
    rows = [" Components | Removed"]
    for reason, components in grouped.items():
        first, *rest = textwrap.wrap(visible(reason), 66) or ["(nobody says why)"]
        rows.append(f" {_shortened(components):<10} | {first}")
        rows += [f"            | {line}" for line in rest]
    return "\n".join(rows)


def _shortened(components: list[int]) -> str:
    shown = spelled(components)
    return shown if len(shown) <= _COLUMN else f"{components[0]}..{components[-1]}"
