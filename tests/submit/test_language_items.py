"""Mirrors htmap.language.items: what is said in a line is read from it, by us and by HTCondor."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from htmap.language.items import SEPARATOR, item_line, item_values

# Line ends and separators are refused in values (htmap.options). HTCondor takes blanks off both ends of a value.
VALUES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"])).map(lambda text: text.strip())


@given(st.lists(VALUES, min_size=1, max_size=3), VALUES)
def test_a_line_gives_the_values_again(front: list[str], last: str) -> None:
    line = item_line([*front, last])
    assert line.endswith("\n")
    assert item_values(line, len(front) + 1) == [*front, last]


def test_a_line_that_any_condor_submit_can_split_has_commas() -> None:
    assert item_line(["7", "100", ",home/a file, home/b"]) == "7,100,,home/a file, home/b\n"
    assert item_line(["7", ""]) == "7,\n"


def test_values_that_hold_what_splits_are_set_apart() -> None:
    assert item_line(["7", "a b", "c"]) == SEPARATOR.join(["7", "a b", "c"]) + "\n"
    assert item_line(["7", "", "c"]) == SEPARATOR.join(["7", "", "c"]) + "\n"
