"""The status of maps for programs: JSON and CSV. Disk and memory are in bytes, times in seconds."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from htmap.observe.statuses import ComponentStatus
from htmap.show.lines import BrokenMap, MapLine, MapUsage

_USAGE = tuple(MapUsage.__dataclass_fields__)


def as_json(thing: Any, *, compact: bool = False) -> str:
    """Plain values as JSON, for people to read or in the fewest bytes."""
    return json.dumps(thing, separators=(",", ":")) if compact else json.dumps(thing, indent=4)


def status_dict(lines: Sequence[MapLine], broken: Sequence[BrokenMap] = ()) -> dict[str, dict[str, Any]]:
    """A dictionary for each map, by its tag. One that cannot be used has a ``problem``, and no more."""
    found: dict[str, dict[str, Any]] = {}
    for line in lines:
        entry = found[line.tag] = {"tag": line.tag}
        if line.counts is not None:
            entry["component_statuses"] = {
                str(status): line.counts.get(status, 0) for status in ComponentStatus.display_statuses()
            }
        if line.usage is not None:
            entry |= asdict(line.usage)
        entry["transient"] = line.is_transient
        entry["created"] = line.created
    return found | {each.name: {"tag": each.name, "problem": each.problem} for each in broken}


def status_rows(lines: Sequence[MapLine], broken: Sequence[BrokenMap], *, with_state: bool, with_usage: bool) -> str:
    """CSV: one row for each map below a header. One that cannot be used has a ``problem``, and no numbers."""
    statuses = [str(status) for status in ComponentStatus.display_statuses()] if with_state else []
    header = ["tag", *statuses, *(_USAGE if with_usage else ()), "transient", "created", "problem"]
    text = io.StringIO()
    writer = csv.DictWriter(text, header, restval="", lineterminator="\n")
    writer.writeheader()
    for entry in status_dict(lines, broken).values():
        if "transient" in entry:
            entry["transient"] = json.dumps(entry["transient"])  # as in JSON: true or false
        writer.writerow({**entry.pop("component_statuses", {}), **entry})
    return text.getvalue()
