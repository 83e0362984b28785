"""Mirrors htmap.results.inputs and htmap.results.unpickle: records become objects again, or it is said why not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.submit.fake_backend import Payload, raised, returned

from htmap.create.inputs import SHARD_BYTES, store_inputs
from htmap.create.links import Links
from htmap.create.program import StoredProgram
from htmap.create.transfers import Sender
from htmap.exceptions import CannotUnpickle, DamagedFile, StorageError
from htmap.results.inputs import Inputs
from htmap.results.program import Program
from htmap.results.unpickle import exception_of, result_of
from htmap.store.atomic import make_private_directory
from htmap.store.mapdir import Home, MapDir
from htmap_common.wire import Kind, OutcomeRecord, decode_file, encode_file, read_outcome


def record_of(payload: Payload) -> OutcomeRecord:
    header, segments = payload
    buffers = encode_file(Kind.OUTPUTS, {"component": 0, **header}, segments, align=64)
    record = decode_file(b"".join(buffers), Kind.OUTPUTS)
    return OutcomeRecord(read_outcome(record.header), record.segments)


NO_PROGRAM = Program(Path("/nowhere"), "of a test")


def result(record: OutcomeRecord, component: int) -> Any:
    return result_of(record, component, NO_PROGRAM)


def exception(record: OutcomeRecord) -> BaseException | None:
    return exception_of(record, NO_PROGRAM)


class Stubborn(Exception):
    """An exception that cannot be made again from its args."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} {two}")


class Bomb:
    """What unpickling it runs would be seen."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_a_result_is_the_object_that_was_returned() -> None:
    assert result(record_of(returned({"a": [1]})), 0) == {"a": [1]}
    assert result(record_of(returned(None)), 0) is None


def test_a_large_array_comes_back_and_may_be_changed() -> None:
    array = np.arange(100_000.0)
    again = result(record_of(returned([array, "beside"])), 0)[0]
    assert np.array_equal(again, array)


def test_segments_of_other_things_are_not_taken_for_the_result() -> None:
    header, segments = returned("x")
    header = {**header, "payload": [1, len(segments)], "stdout": 0}
    assert result(record_of((header, [b"printed", *segments])), 0) == "x"


def test_a_result_that_cannot_be_made_again_here_is_named() -> None:
    header, _ = returned("x")
    for segments in ([b"garbage"], []):
        broken = {**header, "payload": [0, len(segments)]}
        with pytest.raises(CannotUnpickle, match=r"result of component 7 cannot be unpickled here: .*the same modules"):
            result(record_of((broken, segments)), 7)


def test_a_payload_that_is_not_there_is_damage() -> None:
    header, segments = returned("x")
    record = record_of(({**header, "payload": [0, 7]}, segments))
    with pytest.raises(DamagedFile, match=r"result of component 7 .* no proper 'payload'"):
        result(record, 7)
    assert exception(record) is None


def test_the_exception_is_the_users_own() -> None:
    found = exception(record_of(raised(KeyError("missing"))))
    assert isinstance(found, KeyError)
    assert found.args == ("missing",)


def test_no_constructor_runs_to_make_an_exception_again() -> None:
    found = exception(record_of(raised(Stubborn("a", "b"))))
    assert type(found) is Stubborn
    assert str(found) == "a b"


def test_an_exception_that_did_not_travel_is_none() -> None:
    header, _ = raised(ValueError("x"))
    del header["payload"]
    assert exception(record_of((header, []))) is None


def test_what_is_no_exception_is_none() -> None:
    header, segments = returned("just text")
    assert exception(record_of(({**header, "status": "raised"}, segments))) is None


# --- inputs ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def map_dir(home: Home) -> MapDir:
    """Six calls in five shards."""
    made = home.map("0a1b")
    big = b"x" * (SHARD_BYTES - 100)
    values = [1, 2, big, np.zeros(SHARD_BYTES), "small", big]
    list(
        store_inputs(
            made,
            (((value,), {"number": number}) for number, value in enumerate(values)),
            sender_of(made),
            program_of(made),
        )
    )
    return made


def sender_of(map_dir: MapDir) -> Sender:
    return Sender(Links(map_dir.links, map_dir.links))


def program_of(map_dir: MapDir) -> StoredProgram:
    make_private_directory(map_dir.path)
    return StoredProgram(map_dir, abs, "abs", sender_of(map_dir))


def shards_of(map_dir: MapDir) -> int:
    return len(list((map_dir.path / "inputs" / "000").iterdir()))


def test_each_input_is_found_in_its_shard(map_dir: MapDir) -> None:
    inputs = Inputs(map_dir, shards_of(map_dir), Program(map_dir.function, "of a test"))
    for order in (range(6), reversed(range(6)), (3, 0, 5, 1)):
        assert all(inputs.get(component)[1] == {"number": component} for component in order)
    assert [kwargs["number"] for _, kwargs in inputs] == list(range(6))
    assert [kwargs["number"] for _, kwargs in inputs] == list(range(6)), "may be gone through again"


def test_finding_an_input_reads_few_shards(home: Home) -> None:
    made = home.map("0a1b")
    list(store_inputs(made, (((b"x" * SHARD_BYTES,), {}) for _ in range(64)), sender_of(made), program_of(made)))
    inputs = Inputs(made, 64, Program(made.function, "of a test"))
    assert inputs.shard_of(40) == 40
    assert len(inputs._firsts) <= 7


def test_a_damaged_shard_is_named_and_the_others_stay_readable(map_dir: MapDir) -> None:
    os.truncate(map_dir.shard(1), 50)
    inputs = Inputs(map_dir, shards_of(map_dir), Program(map_dir.function, "of a test"))
    with pytest.raises(DamagedFile, match=rf"inputs of shard 1 are damaged: The file {map_dir.shard(1)} is"):
        list(inputs)
    map_dir.shard(1).unlink()
    with pytest.raises(StorageError, match="Cannot read the inputs of shard 1: No such file"):
        list(inputs)
    assert next(iter(inputs))[1] == {"number": 0}


def test_reading_one_input_unpickles_no_other(home: Home, tmp_path: Path) -> None:
    made = home.map("0a1b")
    list(
        store_inputs(
            made, (((each,), {}) for each in ("fine", Bomb(tmp_path / "fired"))), sender_of(made), program_of(made)
        )
    )
    inputs = Inputs(made, 1, Program(made.function, "of a test"))
    assert inputs.get(0) == (("fine",), {})
    assert not (tmp_path / "fired").exists()
    inputs.get(1)
    assert (tmp_path / "fired").exists()


def test_a_shard_whose_signed_header_makes_no_sense_is_damaged(map_dir: MapDir) -> None:
    header = {"first": 0, "count": "2"}
    map_dir.shard(0).write_bytes(b"".join(encode_file(Kind.INPUTS, header, [b"call"])))
    for look in (lambda inputs: inputs.get(0), list):
        with pytest.raises(DamagedFile, match="does not say which components it holds"):
            look(Inputs(map_dir, shards_of(map_dir), Program(map_dir.function, "of a test")))
