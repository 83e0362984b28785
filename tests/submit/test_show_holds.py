"""Mirrors htmap.show.holds and htmap.observe.holds: held components in a table, with what to do."""

from __future__ import annotations

import pytest

from htmap import ComponentHold
from htmap.observe.holds import advice_on
from htmap.show.holds import hold_table, removal_table


def test_a_hold_shows_its_code_and_its_reason() -> None:
    assert str(ComponentHold(34, "Too large")) == "[34] Too large"
    assert ComponentHold(34, "Too large") == ComponentHold(code=34, reason="Too large")


def test_no_holds_need_no_table() -> None:
    assert hold_table({}) == "No components are held."


def test_components_with_the_same_hold_share_a_row() -> None:
    large, other = ComponentHold(34, "Used 200 MB of 128 MB", subcode=102), ComponentHold(1, "by hand")
    table = hold_table({0: large, 1: large, 2: other, 5: large})
    rows = table.splitlines()
    assert rows[0].split("|")[1].strip() == "Components"
    assert [row.split("|")[1].strip() for row in rows[1:] if row.split("|")[1].strip()] == ["0-1,5", "2"]
    assert table.count("Used 200 MB") == 1
    assert "map.set_memory(MB), then map.release()" in " ".join(row.split("|")[2].strip() for row in rows)


def test_many_components_are_shortened() -> None:
    table = hold_table(dict.fromkeys(range(0, 2000, 2), ComponentHold(1, "by hand")))
    assert "0..1998" in table


def test_long_reasons_are_wrapped_and_missing_ones_said() -> None:
    table = hold_table({0: ComponentHold(999, "word " * 50), 1: ComponentHold(998, "")})
    assert max(map(len, table.splitlines())) < 100
    assert "(none given)" in table


def test_a_reason_cannot_drive_the_terminal() -> None:
    assert r"\x1b[2Jgone" in hold_table({0: ComponentHold(1, "\x1b[2Jgone")})


def test_removed_components_are_told_with_who_did_it() -> None:
    table = removal_table({0: "via condor_rm (by user me)", 1: "via condor_rm (by user me)", 4: ""})
    assert table.splitlines()[1:] == [
        " 0-1        | via condor_rm (by user me)",
        " 4          | (nobody says why)",
    ]


@pytest.mark.parametrize(
    ("code", "subcode", "named"),
    [
        (34, 102, "set_memory"),
        (34, 104, "set_disk"),
        (12, 28, "free some space"),
        (13, 2, "not there any more"),
        (21, 0, "policy of the machine"),
        (32, 0, "input files are larger"),
        (33, 0, "output files are larger"),
        (3, 0, "HTMap's own"),
    ],
)
def test_advice_names_what_helps(code: int, subcode: int, named: str) -> None:
    assert named in advice_on(ComponentHold(code, "", subcode=subcode))


def test_advice_is_given_where_there_is_any() -> None:
    assert "set_memory" in advice_on(ComponentHold(34, ""))
    assert advice_on(ComponentHold(34, "", subcode=9999)) == advice_on(ComponentHold(34, ""))
    assert advice_on(ComponentHold(12345, "")) == ""
