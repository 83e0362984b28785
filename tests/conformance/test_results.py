"""Results come back as they were, in order, whatever they are."""

from __future__ import annotations

import dataclasses
import os
from collections import OrderedDict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import htmap
from htmap.exceptions import NoSuchComponent, TimeoutError

TIMEOUT_S = 120


def double(x):
    return 2 * x


def test_map_gives_results_in_the_order_of_the_inputs() -> None:
    m = htmap.map(double, range(5), quiet=True)
    m.wait(TIMEOUT_S)
    assert list(m) == [0, 2, 4, 6, 8]


def test_two_hundred_components_all_return() -> None:
    m = htmap.map(lambda x: x**2, range(200), tag="squares", quiet=True)
    m.wait(TIMEOUT_S)
    assert m.is_done
    assert list(m) == [x**2 for x in range(200)]


def test_starmap_unpacks_positional_and_keyword_arguments() -> None:
    m = htmap.starmap(
        lambda x, y=1, *, z=0: (x, y, z), args=[(1,), (2, 3), (4,)], kwargs=[{}, {"z": 5}, {"y": 6, "z": 7}], quiet=True
    )
    assert list(m.iter(TIMEOUT_S)) == [(1, 1, 0), (2, 3, 5), (4, 6, 7)]


def test_starmap_with_keyword_arguments_alone() -> None:
    m = htmap.starmap(lambda *, x: x + 1, kwargs=({"x": x} for x in range(3)), quiet=True)
    assert list(m.iter(TIMEOUT_S)) == [1, 2, 3]


def test_inputs_may_come_from_a_generator() -> None:
    m = htmap.map(double, (x for x in range(3)), quiet=True)
    assert list(m.iter(TIMEOUT_S)) == [0, 2, 4]


class Point(NamedTuple):
    x: int
    y: int


@dataclasses.dataclass
class Reading:
    where: Point
    values: frozenset[int]


def test_inputs_and_results_keep_their_types() -> None:
    inputs = [
        Point(1, 2),
        Reading(Point(3, 4), frozenset({1, 2})),
        OrderedDict(b=1, a=2),
        {(1, 2): "tuple key"},
        None,
        float("inf"),
        "naïve ☃",
        b"\x00\xff",
    ]
    m = htmap.map(lambda each: each, inputs, quiet=True)
    results = list(m.iter(TIMEOUT_S))
    assert results == inputs
    assert [type(each).__name__ for each in results] == [type(each).__name__ for each in inputs]


def test_a_list_that_contains_itself_arrives() -> None:
    loop: list[object] = [1]
    loop.append(loop)
    m = htmap.map(lambda each: each[1] is each, [loop], quiet=True)
    assert m.get(0, TIMEOUT_S) is True


def test_a_large_array_goes_there_and_comes_back() -> None:
    htmap.settings["DELIVERY_METHOD"] = "shared"  # numpy is with this Python
    array = np.arange(1_000_000, dtype=np.float64)
    m = htmap.map(lambda each: each * 2, [array, array + 1], quiet=True)
    assert np.array_equal(m.get(0, TIMEOUT_S), array * 2)
    assert np.array_equal(m.get(1, TIMEOUT_S), (array + 1) * 2)


def test_a_generator_may_use_one_array_again_and_again() -> None:
    htmap.settings["DELIVERY_METHOD"] = "shared"  # numpy is with this Python

    def inputs():
        array = np.zeros(100_000)
        for number in range(3):
            array[:] = number
            yield array

    m = htmap.map(lambda each: float(each.sum()), inputs(), quiet=True)
    assert list(m.iter(TIMEOUT_S)) == [0.0, 100_000.0, 200_000.0]


def test_several_components_can_share_a_job() -> None:
    m = htmap.map(double, range(10), map_options=htmap.MapOptions(chunksize=4), quiet=True)
    assert list(m.iter(TIMEOUT_S)) == [2 * x for x in range(10)]
    assert m.is_done


def test_a_map_is_a_sequence() -> None:
    m = htmap.map(double, range(5), quiet=True)
    m.wait(TIMEOUT_S)
    assert len(m) == 5
    assert m[-1] == 8
    assert m[1:4] == [2, 4, 6]
    assert m[::-2] == [8, 4, 0]
    assert list(reversed(m)) == [8, 6, 4, 2, 0]
    assert 6 in m
    assert 7 not in m
    assert m.index(4) == 2
    assert m.count(4) == 1
    with pytest.raises(IndexError):
        m[5]
    with pytest.raises(NoSuchComponent, match="from 0 to 4"):
        m.get(5)


def test_asking_for_an_output_does_not_block(tmp_path) -> None:
    m = htmap.map(wait_for_file, [str(tmp_path / "go")], quiet=True)
    with pytest.raises(TimeoutError, match="component 0"):
        m[0]
    with pytest.raises(TimeoutError):
        m.get(0, timeout=0.01)
    with pytest.raises(TimeoutError):
        m.wait(timeout=0.01)
    (tmp_path / "go").touch()
    assert m.get(0, TIMEOUT_S) == "gone"


def wait_for_file(path) -> str:
    import time

    while not Path(path).exists():
        time.sleep(0.01)
    return "gone"


def test_inputs_can_be_had_again() -> None:
    m = htmap.starmap(lambda x, y: x + y, args=[(1,), (2,)], kwargs=[{"y": 3}, {"y": 4}], quiet=True)
    assert list(m.iter_inputs()) == [((1,), {"y": 3}), ((2,), {"y": 4})]
    assert list(m.iter_with_inputs(TIMEOUT_S)) == [(((1,), {"y": 3}), 4), (((2,), {"y": 4}), 6)]


def test_results_can_be_had_as_they_come() -> None:
    m = htmap.map(double, range(6), quiet=True)
    assert sorted(m.iter_as_available(TIMEOUT_S)) == [0, 2, 4, 6, 8, 10]
    assert sorted(m.iter_as_available_with_inputs(TIMEOUT_S)) == [(((x,), {}), 2 * x) for x in range(6)]


def test_user_code_knows_where_it_runs() -> None:
    m = htmap.map(lambda _: (os.environ["HTMAP_ON_EXECUTE"], os.environ["HTMAP_COMPONENT"]), range(3), quiet=True)
    assert list(m.iter(TIMEOUT_S)) == [("1", "0"), ("1", "1"), ("1", "2")]


def test_input_files_arrive_as_paths(tmp_path) -> None:
    for name in ("one", "two words"):
        (tmp_path / f"{name}.txt").write_text(f"this is {name}")
    inputs = [htmap.TransferPath(tmp_path / "one.txt"), {"deep": [htmap.TransferPath(tmp_path / "two words.txt")]}]

    def read(each):
        path = each if isinstance(each, Path) else each["deep"][0]
        return path.name, path.read_text()

    m = htmap.map(read, inputs, quiet=True)
    assert list(m.iter(TIMEOUT_S)) == [("one.txt", "this is one"), ("two words.txt", "this is two words")]


def test_input_files_with_the_same_name_do_not_collide(tmp_path) -> None:
    for folder in ("a", "b", "c"):
        (tmp_path / folder / "deep").mkdir(parents=True)
        (tmp_path / folder / "deep" / "same.txt").write_text(folder)
    inputs = [[htmap.TransferPath(tmp_path / each / "deep" / "same.txt") for each in pair] for pair in ("ab", "bc")]
    inputs.append([htmap.TransferPath(tmp_path / "c" / "deep")])

    def read(paths):
        files = [path / "same.txt" if path.is_dir() else path for path in paths]
        return "".join(path.read_text() for path in files)

    m = htmap.map(read, inputs, map_options=htmap.MapOptions(chunksize=3), quiet=True)
    assert list(m.iter(TIMEOUT_S)) == ["ab", "bc", "c"]


def test_a_missing_input_file_is_named_before_anything_is_submitted(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere.txt"):
        htmap.map(len, [htmap.TransferPath(tmp_path / "nowhere.txt")], quiet=True)
    assert htmap.get_tags() == ()


def test_a_mapped_function_inherits_options_and_may_call_itself() -> None:
    @htmap.mapped(map_options=htmap.MapOptions(chunksize=3))
    def factorial(x):
        return 1 if x < 2 else x * factorial(x - 1)

    assert factorial(5) == 120
    m = factorial.map([3, 4, 5])
    assert list(m.iter(TIMEOUT_S)) == [6, 24, 120]
    assert len(m.opened.components.statuses()) == 3
    assert m.opened.components.submissions()[0].chunksize == 3
    assert list(htmap.map(factorial, [6], quiet=True).iter(TIMEOUT_S)) == [720]


def test_a_builder_collects_calls() -> None:
    with htmap.build_map(tag="pow", func=lambda x, p: x**p) as builder:
        with pytest.raises(htmap.exceptions.NoMapYet):
            _ = builder.map
        for x in range(1, 4):
            builder(x, p=x)
        assert len(builder) == 3
    assert list(builder.map.iter(TIMEOUT_S)) == [1, 4, 27]

    def fail_while_building():
        with htmap.build_map(abs, tag="never") as builder:
            builder(1)
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        fail_while_building()
    assert htmap.get_tags() == ("pow",)
