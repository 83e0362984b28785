"""Mirrors htmap.language.urls: what is written is what is read."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from htmap.language.urls import arrival_of, arriving_as, is_url, quoted, scheme_of

PATHS = st.lists(st.text(st.characters(codec="ascii", exclude_characters="%?#/"), min_size=1), min_size=1)


@given(PATHS)
def test_a_quoted_url_means_the_path_that_it_was_made_of(parts: list[str]) -> None:
    url = quoted("http://h/" + "/".join(parts))
    assert unquote(url) == "http://h/" + "/".join(parts)
    assert quoted(url) == url
    assert unquote(arrival_of(url)) == parts[-1]


@given(st.from_regex(r"[a-z0-9-]{1,9}\.csv", fullmatch=True))
def test_a_file_arrives_under_the_name_that_is_asked_for(name: str) -> None:
    assert arrival_of(arriving_as("https://h/a/x.csv", name)) == name


@pytest.mark.parametrize(
    ("text", "scheme", "arrives"),
    [
        ("HTTP://h/a/x?y=1/2", "http", "x"),
        ("/a/b?c", "", "b?c"),
        ("file:///a/b", "file", "b"),
        ("s3://bucket/a key", "s3", "a%20key"),
    ],
)
def test_schemes_and_names(text: str, scheme: str, arrives: str) -> None:
    assert scheme_of(text) == scheme
    assert is_url(text) == bool(scheme)
    assert arrival_of(text) == arrives
