"""Mirrors htmap.language.words: what is written is what is read, and HTCondor reads the same."""

from __future__ import annotations

import htcondor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from htmap.exceptions import InvalidSetting
from htmap.language.words import (
    checked_setting,
    fits_into_list,
    join_arguments,
    join_environment,
    join_list,
    split_arguments,
    split_environment,
    split_list,
    to_seconds,
    to_size,
    unusable,
)

WORD = st.text(st.sampled_from("ab '\"\\,;=$()\tü"), max_size=6)


@given(st.lists(WORD, max_size=4))
def test_arguments_that_are_written_are_read(words: list[str]) -> None:
    assert split_arguments(join_arguments(words)) == tuple(words)
    assert split_arguments(join_arguments(words, then="more 'to come'")) == (*words, "more", "to come")


@given(st.dictionaries(st.text(st.sampled_from("ABc_1"), min_size=1), WORD, max_size=4))
def test_an_environment_that_is_written_is_read(variables: dict[str, str]) -> None:
    assert split_environment(join_environment(variables)) == variables


@given(
    st.dictionaries(st.text(st.sampled_from("ABc_"), min_size=1), st.text(st.sampled_from("ab '\",;=ü")), max_size=3)
)
def test_condor_reads_the_environment_that_is_written(variables: dict[str, str]) -> None:
    told = htcondor2.Submit({"executable": "/bin/true", "environment": join_environment(variables)})
    assert split_environment(told.expand("environment")) == variables


@given(st.lists(st.text(max_size=5)))
def test_a_list_of_what_fits_that_is_written_is_read(names: list[str]) -> None:
    fitting = [name for name in names if name and fits_into_list(name) and not name.startswith('"')]
    assert split_list(join_list(fitting)) == tuple(fitting)


@pytest.mark.parametrize(
    "text", ["a\nb", "\0", "a\x85", "\u2028", "\ud800", "a\\", "a\\ ", "$(x)", "$ENV(x)", "$$(x)", "$$[x]"]
)
def test_what_would_be_read_as_something_else_is_found(text: str) -> None:
    assert unusable(text)
    assert not fits_into_list(text)
    with pytest.raises(InvalidSetting, match="HTCondor cannot use a value with"):
        checked_setting("X", text)


@pytest.mark.parametrize("text", ["", "a b", "C:\\x", "\tx", "5 $", "ü", "$x", "(x)"])
def test_what_is_read_as_it_is_written_is_left_alone(text: str) -> None:
    assert unusable(text) is None


def test_marks_that_mean_something_in_a_place_are_found_there() -> None:
    assert unusable("a,b;c", ";,") == ";"
    assert unusable("$(x)", takes_macros=True) is None
    assert not fits_into_list("a,b")
    assert not fits_into_list(" a")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\"one 'two words' it''s\"", ["one", "two words", "its"]),
        ("\"'it''s' 'a' 'b'\"", ["it's", "a", "b"]),
        ('"a""b"', ['a"b']),
        ("\"'' x''y a'b 'c\"", ["", "xy", "ab c"]),
        ("  one  two ", ["one", "two"]),
        ('""', []),
        ("", []),
    ],
)
def test_arguments_in_both_spellings(text: str, words: list[str]) -> None:
    assert list(split_arguments(text)) == words


def test_environment_in_both_spellings() -> None:
    assert split_environment('"A=1 B=\'two words\' C=it\'\'s D=""q"" E="') == {
        "A": "1",
        "B": "two words",
        "C": "its",
        "D": '"q"',
        "E": "",
    }
    assert split_environment("A=1; B=two words;") == {"A": "1", "B": "two words"}


@pytest.mark.parametrize(
    ("text", "unit", "amount"),
    [
        ("512", "m", 512),
        ("512MB", "m", 512),
        ("2 GB", "m", 2048),
        ("1g", "k", 1048576),
        ("1K", "m", 1),
        ("1.5T", "m", 1572864),
        ("100", "k", 100),
        ("3", "", 3),
        ("3M", "", None),
        ("x", "m", None),
        ("512B", "m", None),
    ],
)
def test_sizes(text: str, unit: str, amount: int | None) -> None:
    assert to_size(text, unit) == amount


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("10min", 600), ("1.5 h", 5400), ("10", None), ("soon", None)]
)
def test_durations(text: str, seconds: float | None) -> None:
    assert to_seconds(text) == seconds
