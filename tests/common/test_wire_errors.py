"""Mirrors htmap_common.wire.errors."""

from __future__ import annotations

import pickle

import pytest

from htmap_common.wire import Corrupt, NotOurFile, Torn, UnknownFormat, WireError, WrongKind

EVERY_ERROR = [
    NotOurFile(),
    UnknownFormat(7, 1),
    WrongKind("tag", "map"),
    Torn("it has 3 bytes"),
    Corrupt("a checksum is wrong"),
]


def test_every_error_is_listed_here() -> None:
    assert {type(error) for error in EVERY_ERROR} == set(WireError.__subclasses__())


@pytest.mark.parametrize("error", EVERY_ERROR)
def test_errors_survive_pickling(error: WireError) -> None:
    error.with_path("/maps/1/function")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (str(again), again.args, again.path) == (str(error), error.args, "/maps/1/function")


@pytest.mark.parametrize("error", EVERY_ERROR)
def test_the_message_is_a_sentence_that_names_the_file(error: WireError) -> None:
    assert str(error.with_path("/maps/1/function")).startswith("The file /maps/1/function ")
    assert str(error).endswith(".")


def test_an_unknown_format_names_both_numbers() -> None:
    error = UnknownFormat(7, 1)
    assert (error.found, error.known) == (7, 1)
    assert "format 7" in str(error)
    assert "format 1" in str(error)


def test_a_wrong_kind_names_both_kinds() -> None:
    error = WrongKind("tag", "map")
    assert (error.found, error.expected) == ("tag", "map")
    assert "'tag'" in str(error)
    assert "'map'" in str(error)
