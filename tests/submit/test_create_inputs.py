"""Mirrors htmap.create.inputs: calls go into shards as they come, and come back."""

from __future__ import annotations

import dataclasses
import sys
import threading
from collections import OrderedDict, namedtuple
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from htmap import TransferPath
from htmap.create.inputs import SHARD_BYTES, SHARD_COMPONENTS, Call, store_inputs
from htmap.create.links import Links
from htmap.create.program import StoredProgram
from htmap.create.transfers import Sender
from htmap.exceptions import CannotPickle, InputFileNotFound
from htmap.results.inputs import Inputs
from htmap.results.program import Program
from htmap.store.atomic import make_private_directory
from htmap.store.mapdir import Home, MapDir
from htmap_common.wire import Kind, read_header, read_record

Point = namedtuple("Point", "x y")  # noqa: PYI024 - what users have


@dataclasses.dataclass
class Reading:
    where: Point
    values: frozenset[int]


@pytest.fixture
def map_dir(home: Home) -> MapDir:
    return home.map("0a1b")


def sender_of(map_dir: MapDir) -> Sender:
    return Sender(Links(map_dir.links, map_dir.links))


def program_of(map_dir: MapDir) -> StoredProgram:
    make_private_directory(map_dir.path)
    return StoredProgram(map_dir, abs, "abs", sender_of(map_dir))


class Stored(NamedTuple):
    component: int
    shard: int
    files: tuple[str, ...]


def store(map_dir: MapDir, values: Iterable[Any]) -> list[Stored]:
    calls: Iterator[Call] = (((value,), {}) for value in values)
    return [
        Stored(component, inputs.shard, inputs.files.get(component, ()))
        for inputs in store_inputs(map_dir, calls, sender_of(map_dir), program_of(map_dir))
        for component in inputs.components
    ]


def stored_calls(map_dir: MapDir, shards: int) -> list[Call]:
    return list(Inputs(map_dir, shards, Program(map_dir.function, "of a test")))


# --- shards ---------------------------------------------------------------------------------------------------------

SIZES = st.lists(st.sampled_from([0, 1, 10, 1000, SHARD_BYTES // 3, SHARD_BYTES, SHARD_BYTES + 1]), max_size=12)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SIZES)
def test_shards_hold_all_calls_in_order_and_none_too_much(home: Home, sizes: list[int]) -> None:
    map_dir = home.map(f"{len(list(home.maps.iterdir())):04x}")
    values = [bytes([number]) * size for number, size in enumerate(sizes)]
    stored = store(map_dir, values)
    assert [each.component for each in stored] == list(range(len(values)))
    shards = max((each.shard for each in stored), default=-1) + 1
    assert stored_calls(map_dir, shards) == [((value,), {}) for value in values]
    for shard in range(shards):
        inside = [each.component for each in stored if each.shard == shard]
        header = read_header(map_dir.shard(shard), Kind.INPUTS)
        assert (header["first"], header["count"]) == (inside[0], len(inside))
        size = sum(len(segment) for segment in read_record(map_dir.shard(shard), Kind.INPUTS).segments)
        assert size <= SHARD_BYTES or len(inside) == 1


def test_a_shard_holds_no_more_than_so_many_calls(map_dir: MapDir) -> None:
    stored = store(map_dir, range(2 * SHARD_COMPONENTS + 1))
    assert [each.shard for each in stored[::SHARD_COMPONENTS]] == [0, 1, 2]
    assert stored[SHARD_COMPONENTS - 1].shard == 0
    assert Inputs(map_dir, 3, Program(map_dir.function, "of a test")).get(SHARD_COMPONENTS + 7) == (
        (SHARD_COMPONENTS + 7,),
        {},
    )


def test_no_calls_make_no_shard(map_dir: MapDir) -> None:
    assert store(map_dir, []) == []
    assert not map_dir.inputs.exists()


def test_calls_are_stored_as_they_come(map_dir: MapDir) -> None:
    asked: list[int] = []

    def calls() -> Iterator[Call]:
        for number in range(10**9):
            asked.append(number)
            yield (number,), {}

    stored = store_inputs(map_dir, calls(), sender_of(map_dir), program_of(map_dir))
    for number in range(3):
        assert next(stored).components == range(number * SHARD_COMPONENTS, (number + 1) * SHARD_COMPONENTS)
        assert len(asked) == (number + 1) * SHARD_COMPONENTS


def test_memory_holds_one_shard_at_a_time(map_dir: MapDir) -> None:
    alive: set[int] = set()
    most = []

    class Large:
        def __init__(self) -> None:
            alive.add(id(self))
            most.append(len(alive))

        def __del__(self) -> None:
            alive.discard(id(self))

        def __reduce__(self) -> Any:
            return bytes, (SHARD_BYTES,)

    store(map_dir, (Large() for _ in range(20)))
    assert max(most) <= 2


# --- values ---------------------------------------------------------------------------------------------------------


def test_inputs_keep_their_types_and_their_shape(map_dir: MapDir) -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    values = [Point(1, 2), Reading(Point(3, 4), frozenset({5})), OrderedDict(b=1, a=2), {(1, 2): 3}, None]
    store(map_dir, [*values, loop])
    again = [args[0] for args, _ in stored_calls(map_dir, 1)]
    assert again[:-1] == values
    assert [type(each) for each in again[:-1]] == [type(each) for each in values]
    assert again[-1][1] is again[-1]


def test_keyword_arguments_are_kept(map_dir: MapDir) -> None:
    calls: list[Call] = [((1, 2), {"a": 3}), ((), {}), ((), {"é": None})]
    list(store_inputs(map_dir, calls, sender_of(map_dir), program_of(map_dir)))
    assert stored_calls(map_dir, 1) == calls


def test_a_generator_may_use_one_array_again_and_again(map_dir: MapDir) -> None:
    array = np.zeros(SHARD_BYTES)

    def values() -> Iterator[Any]:
        for number in range(4):
            array[:] = number
            yield array if number != 2 else "in between"

    stored = store(map_dir, values())
    again = [args[0] for args, _ in stored_calls(map_dir, stored[-1].shard + 1)]
    assert [each if isinstance(each, str) else each.max() for each in again] == [0, 1, "in between", 3]


def test_large_and_small_arrays_may_share_a_shard(map_dir: MapDir) -> None:
    arrays = [np.arange(number + 1.0) for number in (1, SHARD_BYTES, 2, 3)]
    stored = store(map_dir, arrays)
    inputs = Inputs(map_dir, stored[-1].shard + 1, Program(map_dir.function, "of a test"))
    assert all(np.array_equal(inputs.get(number)[0][0], array) for number, array in enumerate(arrays))


@pytest.mark.parametrize(
    "bad", [threading.Lock(), (each for each in [1]), sys.stdout], ids=["lock", "generator", "open file"]
)
def test_an_input_that_cannot_be_sent_is_named_by_its_component(bad: object, map_dir: MapDir) -> None:
    with pytest.raises(
        CannotPickle, match=r"input of component 2 cannot be sent to an execute node: TypeError: "
    ) as caught:
        store(map_dir, [0, 1, {"deep": [bad]}])
    assert isinstance(caught.value.__cause__, TypeError)


def test_an_input_nested_too_deeply_is_named_too(map_dir: MapDir) -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(CannotPickle, match="component 1"):
        store(map_dir, [0, deep])
    while deep:
        deep = deep.pop()  # taken apart by hand: freeing it at once would recurse as deep


# --- files ----------------------------------------------------------------------------------------------------------


def test_files_are_found_wherever_they_are_and_told(map_dir: MapDir, tmp_path: Path) -> None:
    a, b = tmp_path / "one" / "x.csv", tmp_path / "two" / "x.csv"
    for path in (a, b):
        path.parent.mkdir()
        path.touch()
    remote = TransferPath("y.csv", protocol="http", location="example.org")
    values = [1, {"deep": ({TransferPath(a)}, [TransferPath(b), remote, TransferPath(a)])}, TransferPath(a)]
    stored = store(map_dir, values)
    entries = [str(path).lstrip("/") for path in (a, b)]
    assert [each.files for each in stored] == [(), (*entries, "http://example.org/y.csv"), (entries[0],)]
    files = read_header(map_dir.shard(0), Kind.INPUTS)["files"]
    assert files == {
        "1": [
            [str(a), None, None, entries[0]],
            [str(b), None, None, entries[1]],
            ["y.csv", "http", "example.org", "y.csv"],
        ],
        "2": [[str(a), None, None, entries[0]]],
    }


def test_a_file_that_is_not_here_is_named(map_dir: MapDir, tmp_path: Path) -> None:
    with pytest.raises(InputFileNotFound, match=f"no input file {tmp_path}/absent"):
        store(map_dir, [TransferPath(tmp_path / "absent")])
