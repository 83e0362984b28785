"""Mirrors htmap.language.remaps: what is written is what is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from htmap.exceptions import InvalidOption
from htmap.language.remaps import entry, join, split
from htmap.language.words import BadValue

TEXTS = st.text(st.sampled_from("ab /.,'$()ü"), min_size=1, max_size=8).map(str.strip).filter(bool)


@given(st.dictionaries(TEXTS, TEXTS), st.dictionaries(TEXTS, TEXTS))
def test_what_is_written_is_read(places: dict[str, str], more: dict[str, str]) -> None:
    entries = "".join(entry(name, place) for name, place in more.items())
    assert split(join(places, entries)) == places | more


def test_equals_signs_and_semicolons_can_be_escaped_by_hand() -> None:
    assert split(r'"a\=b = x; c\;d = y"') == {"a=b": "x", "c;d": "y"}
    with pytest.raises(BadValue, match="name = path"):
        split('"a"')


@pytest.mark.parametrize("text", ["a;b", 'a"b', "a\nb", "a ", "a\\"])
def test_what_would_be_read_as_something_else_is_refused(text: str) -> None:
    for name, place in ((text, "x"), ("x", text)):
        with pytest.raises(InvalidOption, match="cannot remap"):
            entry(name, place)
