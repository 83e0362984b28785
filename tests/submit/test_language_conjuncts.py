"""Mirrors htmap.language.conjuncts: what must all be true, each for itself."""

from __future__ import annotations

import pytest

from htmap.language.conjuncts import conjuncts


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("", []),
        ("true", ["true"]),
        ("a && b", ["a", "b"]),
        ("((a) && (b)) && c", ["a", "b", "c"]),
        ("(a || b) && c", ["a || b", "c"]),
        ("a && b || c", ["a && b || c"]),
        ("a ? b && c : d", ["a ? b && c : d"]),
        ("(a && b) || (c && d)", ["(a && b) || (c && d)"]),
        ('x == "a && b)" && y', ['x == "a && b)"', "y"]),
        (r'x == "a\"&&" && y', [r'x == "a\"&&"', "y"]),
        ("'odd && name' == 1 && y", ["'odd && name' == 1", "y"]),
        ("f(a && b) && c", ["f(a && b)", "c"]),
        ("!(a && b)", ["!(a && b)"]),
        ("member(x, {1, 2}) && y", ["member(x, {1, 2})", "y"]),
        ("a && (b", ["a", "(b"]),
    ],
)
def test_an_expression_is_parted_where_all_must_be_true(expression: str, expected: list[str]) -> None:
    assert conjuncts(expression) == expected
