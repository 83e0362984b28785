"""Write the page of hold codes: ``python docs/tables/hold_codes.py``, with htmap installed.

In: the table in `htmap.observe.holds`. Out: ``docs/reference/hold-codes.md``. A test compares the page with what this
makes.
"""

from __future__ import annotations

from pathlib import Path

from htmap.backend.protocol import HoldCode
from htmap.observe.holds import ADVICE

PAGE = Path(__file__).parents[1] / "reference" / "hold-codes.md"

_TOP = """\
# Hold codes

HTCondor holds a job when something is wrong with it, and says why by a code, a subcode and a text.
`map.holds`, `map.hold_report()` and `htmap reasons` show them, with this advice. The names are
HTCondor's; numbers of the operating system as subcodes are those of Linux.

| code | subcode | name | what to do |
| --- | --- | --- | --- |
"""


def page() -> str:
    """The text of the page."""
    rows = []
    for code in HoldCode:
        advice = ADVICE[code]
        name = code.name.title().replace("_", "")
        rows.append(f"| {code.value} | | {name} | {advice.advice} |")
        rows += [f"| {code.value} | {subcode} | | {text} |" for subcode, text in advice.by_subcode.items()]
    return _TOP + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
