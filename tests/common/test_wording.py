"""Texts in which nothing of somebody else's does anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from htmap_common.wording import quoted_path, unexpanded, visible


@given(st.text())
def test_what_is_seen_stays_and_nothing_unseen_is_left(text: str) -> None:
    shown = visible(text)
    shown.encode()
    assert all(mark in "\n\t" or (mark.isprintable() or mark.isspace() or ord(mark) > 0xA0) for mark in shown)
    assert visible(shown) == shown
    if text.isprintable():
        assert shown == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("a\r\nb\x07", "a\\x0d\nb\\x07"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        ("\udcff", r"\udcff"),
        ("naïve ☃ 文件\tx", "naïve ☃ 文件\tx"),
    ],
)
def test_control_characters_are_escaped(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert quoted_path("a\nb") == r"a\nb"


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("~/x", "expanduser"),
        ("/data/~/x", "expanduser"),
        ("$HOME/x", "expandvars"),
        ("a/${X}/b", "expandvars"),
        ("*.csv", "glob"),
        ("x[1]", "glob"),
    ],
)
def test_what_a_shell_would_have_expanded_gets_a_hint(path: str, word: str) -> None:
    assert word in unexpanded(path)


def test_other_paths_get_none() -> None:
    assert unexpanded("a ~ b/100$ (1)") == ""
