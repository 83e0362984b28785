"""Mirrors htmap.language.description: what is written is what is read, and HTCondor reads the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import htcondor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from htmap.exceptions import BackendError, InvalidOption
from htmap.language.commands import canonical
from htmap.language.description import Description, parse, read
from htmap.language.words import unusable

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.]{0,8}", fullmatch=True)
# Names that mean something else at the beginning of a line.
COMMAND_NAMES = NAMES.map(str.casefold).filter(lambda name: not name.startswith(("my.", "queue")))
VALUES = st.text(max_size=12).map(str.strip).filter(lambda text: unusable(text, takes_macros=True) is None)
ITEMS = st.none() | st.sampled_from(["items", "/a path/with blanks, commas"])
LINES = st.none() | st.lists(st.sampled_from(["1,2", "a b", "#x"]), max_size=3).map(tuple)
DESCRIPTIONS = st.builds(
    Description,
    st.dictionaries(COMMAND_NAMES.map(canonical), VALUES),
    st.dictionaries(NAMES, VALUES),
    count=st.integers(1, 9),
    variables=st.lists(st.sampled_from("abcdef"), min_size=1, unique=True).map(tuple),
    items=ITEMS,
    lines=LINES,
    comment=st.sampled_from(["", 'HTMap: map "x"']),
)


def normal(told: Description) -> Description:
    """Without what no text can say: two sources of items, or names for the values of none."""
    if told.lines is not None:
        return replace(told, items=None)
    return told if told.items is not None else replace(told, variables=("item",))


@given(DESCRIPTIONS)
def test_what_is_written_is_read(told: Description) -> None:
    told = normal(told)
    assert parse(told.render()) == told


@given(DESCRIPTIONS)
def test_a_description_survives_being_kept(told: Description) -> None:
    assert Description.from_json(told.to_json()) == told


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("a", "x\nqueue"),
        ("a", "x\\"),
        ("a", " x"),
        ("a b", "x"),
        ("", "x"),
        ("a", "\ud800"),
        ("+a", "x\n"),
        ("=", "x"),
    ],
)
def test_what_would_be_read_as_something_else_is_not_written(name: str, value: str) -> None:
    with pytest.raises(InvalidOption, match="would not read"):
        Description.of({name: value}).render()


def test_attributes_have_two_spellings() -> None:
    assert Description.of({"+Own": "1", "my.Other": "2", "Env": "x"}) == Description(
        {"environment": "x"}, {"Own": "1", "Other": "2"}
    )


@pytest.mark.parametrize(
    "text", ["if true", "x @=end", "queue in (a b)", "queue 1\narguments = 1", "queue a from (\n1"]
)
def test_what_no_description_of_ours_says_is_refused(text: str) -> None:
    with pytest.raises(InvalidOption, match=r"cannot read|nothing after|do not end"):
        parse(f"{text}\nqueue\n" if "queue" not in text else text)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="absent"):
        read(tmp_path / "absent")


PLAIN_LINES = ["1, two three", "1 two , three four,five", "1", "# a b", "ü é"]
ALL_LINES = ["1\x1f two, words\x1f#3 ", "1\x1f", " x \x1f y \x1fz ", *PLAIN_LINES]


@pytest.mark.parametrize(("queue", "lines"), [("a,b c", ALL_LINES), ("a,b", PLAIN_LINES), ("a", PLAIN_LINES)])
def test_items_are_split_as_htcondor_splits_them(tmp_path: Path, queue: str, lines: list[str]) -> None:
    (tmp_path / "items").write_text("\n".join(lines))
    submit = htcondor2.Submit("executable = /bin/true")
    theirs = submit.itemdata(f"{queue} from {tmp_path / 'items'}")
    told = parse(f"queue {queue} from items", tmp_path)
    ours = [told.item_values(item) for item in told.iter_items()]
    assert [list(values.values()) for values in ours] == [
        [item] if isinstance(item, str) else list(item.values()) for item in theirs
    ]


def test_an_empty_item_is_refused(tmp_path: Path) -> None:
    (tmp_path / "items").write_text("a\n \nb\n")
    with pytest.raises(BackendError, match="Line 2"):
        list(parse("queue x from items", tmp_path).iter_items())


def test_items_are_read_lazily_and_only_newlines_end_them(tmp_path: Path) -> None:
    (tmp_path / "items").write_text("a\u2028b\x0cc\nd\r\n")
    told = parse("queue 2 x from items", tmp_path)
    items = told.iter_items()
    assert isinstance(items, Iterator)
    assert list(items) == ["a\u2028b\x0cc", "a\u2028b\x0cc", "d", "d"]


def test_items_that_cannot_be_read_are_an_error_that_names_the_file(tmp_path: Path) -> None:
    told = parse("queue x from gone", tmp_path)
    with pytest.raises(BackendError, match="gone"):
        list(told.iter_items())
