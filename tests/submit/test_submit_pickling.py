"""Mirrors htmap.pickling: what is pickled comes back as it was, and the files inside are found."""

from __future__ import annotations

import copyreg
import dataclasses
import sys
from collections import OrderedDict, defaultdict, namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pytest
from tests.frozen import freeze, thaw

from htmap import TransferPath
from htmap.pickling import Freezer, call_of
from htmap_common.program.table import Table

Point = namedtuple("Point", "x y")  # noqa: PYI024 - what users have


@dataclasses.dataclass(frozen=True)
class Reading:
    where: Point
    source: Any = None


class Node:
    def __init__(self) -> None:
        self.itself = self
        self.file = TransferPath("/deep/in/an/object")


VALUES = [
    Point(1, 2),
    Reading(Point(3, 4), frozenset({1, 2})),
    OrderedDict(b=1, a=2),
    defaultdict(list, a=[1]),
    {(1, 2): "tuple key", frozenset({3}): "frozenset key", None: 0},
    [b"\0\xff", "naïve ☃", "\ud800", 2**100, float("inf"), -0.0, 1j, ..., range(3), slice(1, 2)],
    {Point(1, 2), Point(3, 4)},
    Path("/x y"),
]


@pytest.mark.parametrize("value", VALUES, ids=[type(value).__name__ for value in VALUES])
def test_objects_keep_their_value_and_their_type(value: Any) -> None:
    again = thaw(freeze(value))
    assert again == value
    assert type(again) is type(value)
    assert repr(again) == repr(value)


def test_functions_travel_whatever_they_refer_to() -> None:
    offset = 10

    def add(x: int) -> int:
        return x + offset + len(VALUES)

    doubled: Callable[[int], int] = lambda x: 2 * add(x)  # noqa: E731 - a lambda is what is tested
    assert thaw(freeze(doubled))(1) == doubled(1)


class Sealed:
    def __reduce__(self) -> Any:
        raise TypeError("cannot pickle 'Sealed' object")


class Unsealed(Sealed):
    pass


def test_what_a_library_has_taught_pickle_since_htmap_was_imported_counts() -> None:
    # numpy does so for its functions, and may well be imported after htmap.
    copyreg.pickle(Sealed, lambda _: (Unsealed, ()))
    try:
        assert isinstance(thaw(freeze(Sealed())), Unsealed)
    finally:
        del copyreg.dispatch_table[Sealed]


def test_an_object_that_contains_itself_comes_back_so() -> None:
    loop: list[Any] = [1]
    loop.append({"again": loop})
    again = thaw(freeze(loop))
    assert again[1]["again"] is again


# --- large buffers --------------------------------------------------------------------------------------------------


def test_a_large_array_is_not_copied_into_the_pickle() -> None:
    array = np.arange(100_000.0)
    pickled, buffer = freeze({"deep": [array, "small"]})
    assert len(pickled) < 1000
    assert isinstance(buffer, memoryview)
    assert np.shares_memory(np.frombuffer(buffer), array)
    assert np.array_equal(thaw([pickled, buffer])["deep"][0], array)


def test_a_small_array_stays_in_the_pickle() -> None:
    assert len(freeze(np.arange(1000.0))) == 1


@pytest.mark.parametrize(
    "array",
    [
        np.arange(200_000.0)[::2],
        np.arange(200_000.0).reshape(400, 500).T,
        np.asfortranarray(np.arange(200_000.0).reshape(400, 500)),
        np.arange(200_000.0).reshape(400, 500)[:, ::3],
        np.array([{"an": "object"}], dtype=object),
        np.zeros(0),
    ],
    ids=["strided", "transposed", "fortran", "sliced", "objects", "empty"],
)
def test_arrays_of_any_layout_come_back(array: Any) -> None:
    again = thaw(freeze(array))
    assert np.array_equal(again, array)
    assert again.dtype == array.dtype


def test_several_buffers_come_back_in_order() -> None:
    arrays = [np.full(100_000, number, dtype=np.float64) for number in range(3)]
    segments = freeze([*arrays, arrays[0]])
    assert len(segments) == 4
    again = thaw(segments)
    assert [each[0] for each in again] == [0, 1, 2, 0]
    assert again[3] is again[0]


# --- files ----------------------------------------------------------------------------------------------------------

A, B, C, D = (TransferPath(f"/data/{name}") for name in "abcd")
REMOTE = TransferPath("x.csv", protocol="http", location="example.org")


@pytest.mark.parametrize(
    ("value", "files"),
    [
        (A, [A]),
        ([A, (B, {C}), {"key": D}], [A, B, C, D]),
        ({"a": {"b": [[[[{"c": A}]]]]}}, [A]),
        (Point(A, [B]), [A, B]),
        (Reading(Point(1, 2), A), [A]),
        (frozenset({A}), [A]),
        (OrderedDict(x=A, y=B), [A, B]),
        ([A, A, TransferPath("/data/a")], [A]),
        ([REMOTE], [REMOTE]),
        (Node(), [TransferPath("/deep/in/an/object")]),
        ("/data/a", []),
        (Path("/data/a"), []),
    ],
)
def test_files_are_found_in_any_container_at_any_depth_once(value: Any, files: list[TransferPath]) -> None:
    assert files_in(value) == files


def files_in(value: Any) -> list[TransferPath]:
    freezer = Freezer(Table())
    freezer.add(value)
    return list(freezer.files)


def test_files_are_found_around_a_cycle() -> None:
    loop: list[Any] = [A]
    loop += [loop, {"again": loop, "file": B}]
    assert files_in(loop) == [A, B]


def test_a_transfer_path_comes_back_as_one_here() -> None:
    again = thaw(freeze([A, REMOTE]))
    assert again == [A, REMOTE]
    assert type(again[0]) is TransferPath


def test_a_function_remembers_the_file_that_it_is_from() -> None:
    def outer() -> Any:
        return lambda: 1

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    try:
        again = thaw(freeze(outer))
    finally:
        cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    assert [each.__code__.co_filename for each in (again, again())] == [__file__, __file__]


# --- one after another ----------------------------------------------------------------------------------------------


def test_each_object_is_frozen_on_its_own() -> None:
    freezer = Freezer(Table())
    shared = ["the same list"]
    array = np.arange(100_000.0)
    buffers, files = [], []
    for value in (shared, [shared, A], array, shared):
        freezer.add(value)
        buffers.append(list(freezer.buffers))
        files.append(list(freezer.files))
    assert [len(each) for each in buffers] == [0, 0, 1, 0]
    assert files == [[], [A], [], []]
    first, lengths = freezer.take(2)
    assert [thaw([first[: lengths[0]]]), thaw([first[lengths[0] :]])] == [shared, [shared, A]]
    rest, lengths = freezer.take(2)
    assert np.array_equal(thaw([rest[: lengths[0]], *buffers[2]]), array)
    assert thaw([rest[lengths[0] :]]) == shared
    assert (freezer.size, freezer.take(0)) == (0, (b"", []))


def test_a_buffer_that_is_reused_does_not_change_what_was_frozen_before_unless_it_is_large() -> None:
    array = np.zeros(1000)
    frozen = freeze(array)
    array[:] = 1
    assert thaw(frozen).sum() == 0


def test_a_call_is_a_tuple_and_a_dictionary() -> None:
    assert call_of([1, 2], OrderedDict(a=3)) == ((1, 2), {"a": 3})
    assert type(call_of(iter("ab"), OrderedDict())[1]) is dict


def test_what_unpickling_raises_passes_through() -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return int, ("no number",)

    with pytest.raises(ValueError, match="no number"):
        thaw(freeze(Bomb()))
