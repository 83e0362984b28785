"""Tables of the documentation, for tests that run every row.

In: a page in Markdown and a heading in it. Out: the cells of the tables below that heading, without the header rows.
"""

from __future__ import annotations

import re
from pathlib import Path

from tests.docs.page import ROOT

OLD_TOOL = ROOT / "docs" / "from-the-old-htmap.md"

_CODE = re.compile(r"`([^`]+)`")


def rows(page: Path, heading: str) -> list[list[str]]:
    """The rows of all tables below a heading of the second level."""
    text = page.read_text(encoding="utf-8")
    _, _, section = text.partition(f"\n## {heading}\n")
    lines = [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("|")]
    found = [
        [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for number, line in enumerate(lines)
        # A header stands above a line of hyphens.
        if not line.startswith("| ---") and not (number + 1 < len(lines) and lines[number + 1].startswith("| ---"))
    ]
    assert found, f"{page.name} has no table below {heading!r}"
    return found


def codes(cell: str) -> list[str]:
    """What stands in a cell as code."""
    return _CODE.findall(cell)
