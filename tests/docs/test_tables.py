"""The tables in the documentation are what their scripts make of the code."""

from __future__ import annotations

import runpy

from tests.docs.page import ROOT

from htmap.backend.protocol import HoldCode
from htmap.observe.holds import ADVICE


def test_the_page_of_hold_codes_is_made_from_the_code() -> None:
    made = runpy.run_path(str(ROOT / "docs/tables/hold_codes.py"))
    assert made["PAGE"].read_text(encoding="utf-8") == made["page"](), "python docs/tables/hold_codes.py"


def test_there_is_advice_on_every_code() -> None:
    assert set(ADVICE) == set(HoldCode) == set(range(1, 50))
    assert all(advice.advice.endswith(".") for advice in ADVICE.values())
