"""Mirrors htmap.observe.outputs: the record of a component is found whole, or it is said why not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.submit.fake_backend import Payload, raised, returned

from htmap.exceptions import DamagedFile, InvalidOutputStatus, OutputNotFound, StorageError
from htmap.observe.outputs import Outputs
from htmap.store.mapdir import Home, MapDir
from htmap_common.wire import OutputsWriter


@pytest.fixture
def map_dir(home: Home) -> MapDir:
    made = home.map("0a1b")
    made.submission(0).output(0).parent.mkdir(parents=True)
    return made


@pytest.fixture
def outputs(map_dir: MapDir) -> Outputs:
    return Outputs(map_dir)


def write(map_dir: MapDir, payloads: dict[int, Payload], *, job: int = 0, whole: bool = True) -> Path:
    place = map_dir.submission(0).output(job)
    with OutputsWriter.open(place) as writer:
        for component, (header, segments) in payloads.items():
            writer.append({"component": component, **header}, segments)
        if whole:
            writer.finish()
    return place


def open_files() -> Iterator[str]:
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            yield str(descriptor.readlink())
        except FileNotFoundError:
            continue


def test_a_record_is_found_with_its_payload(map_dir: MapDir, outputs: Outputs) -> None:
    write(map_dir, {3: returned("x"), 4: raised(ValueError("y"))})
    assert outputs.record(0, 0, 3).outcome.status == "returned"
    exception = outputs.outcome(0, 0, 4).exception
    assert exception is not None
    assert exception.message == "y"
    assert outputs.raised(0, 0) == frozenset({4})


@pytest.mark.parametrize("what", ["file", "record"])
def test_an_output_that_is_not_there_is_named(what: str, map_dir: MapDir, outputs: Outputs) -> None:
    if what == "record":
        write(map_dir, {1: returned("x")})
    with pytest.raises(OutputNotFound, match="Component 0 has no output"):
        outputs.record(0, 0, 0)


def test_a_file_that_grows_is_looked_at_again(map_dir: MapDir, outputs: Outputs) -> None:
    write(map_dir, {0: returned("x")}, whole=False)
    assert outputs.record(0, 0, 0).outcome.status == "returned"
    with pytest.raises(OutputNotFound):
        outputs.record(0, 0, 1)
    assert outputs.raised(0, 0) is None, "more may come"
    write(map_dir, {1: raised(ValueError("y"))})
    assert outputs.record(0, 0, 1).outcome.status == "raised"
    assert outputs.raised(0, 0) == frozenset({1})


def test_a_file_that_could_not_be_read_is_looked_at_again_when_it_has_changed(
    map_dir: MapDir, outputs: Outputs
) -> None:
    place = write(map_dir, {0: returned("x"), 1: raised(ValueError("y"))})
    whole, status = place.read_bytes(), place.stat()
    for damaged in (b"garbage".ljust(len(whole)), whole[:-1].ljust(len(whole), b"\0")):
        place.write_bytes(damaged)
        os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert outputs.raised(0, 0, 2) is None
        place.write_bytes(whole)
        os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert outputs.raised(0, 0, 2) is None, "a failure is remembered"
    os.utime(place)
    assert outputs.raised(0, 0, 2) == frozenset({1})


def test_a_file_with_more_records_than_its_job_has_components_is_damaged(map_dir: MapDir, outputs: Outputs) -> None:
    write(map_dir, {component: returned("x") for component in range(30)})
    assert outputs.raised(0, 0, 2) is None
    assert Outputs(map_dir).raised(0, 0, 30) == frozenset()


def test_a_file_that_was_cut_short_keeps_the_records_before(map_dir: MapDir, outputs: Outputs) -> None:
    place = write(map_dir, {0: returned("x"), 1: returned("y" * 1000)}, whole=False)
    os.truncate(place, place.stat().st_size - 10)
    assert outputs.record(0, 0, 0).outcome.status == "returned"
    with pytest.raises(OutputNotFound):
        outputs.record(0, 0, 1)


@pytest.mark.parametrize("content", [b"garbage", b"", b"\x89HTMAP\r\n"], ids=["foreign", "empty", "cut short"])
def test_a_file_that_is_none_of_ours_is_named_with_what_to_do(
    content: bytes, map_dir: MapDir, outputs: Outputs
) -> None:
    place = map_dir.submission(0).output(0)
    place.write_bytes(content)
    with pytest.raises(DamagedFile, match=rf"output of component 7 is damaged: .*{place}.* map\.rerun\(\[7\]\)"):
        outputs.record(0, 0, 7)
    assert outputs.raised(0, 0) is None


def test_a_damaged_record_does_not_spoil_its_neighbours(map_dir: MapDir, outputs: Outputs) -> None:
    place = write(map_dir, {0: returned("first"), 1: returned("second"), 2: returned("third")})
    content = bytearray(place.read_bytes())
    content[content.index(b"second") + 2] ^= 1
    place.write_bytes(content)
    assert outputs.record(0, 0, 0).outcome.status == "returned"
    assert outputs.record(0, 0, 2).outcome.status == "returned"
    with pytest.raises(DamagedFile, match="output of component 1 is damaged"):
        outputs.record(0, 0, 1)
    assert outputs.raised(0, 0) == frozenset()


@pytest.mark.parametrize("status", ["maybe", ""])
def test_a_status_of_a_later_version_is_named(status: str, map_dir: MapDir, outputs: Outputs) -> None:
    write(map_dir, {0: ({"status": status}, [])})
    with pytest.raises(InvalidOutputStatus, match=rf"component 0 has the status '{status}'"):
        outputs.outcome(0, 0, 0)


def test_a_file_that_cannot_be_opened_is_named(map_dir: MapDir, outputs: Outputs) -> None:
    write(map_dir, {0: returned("x")}).chmod(0)
    with pytest.raises(StorageError, match="Cannot read the output of component 0: Permission denied"):
        outputs.record(0, 0, 0)


def test_the_last_record_of_a_component_counts(map_dir: MapDir, outputs: Outputs) -> None:
    write(map_dir, {0: raised(ValueError("first try"))}, whole=False)
    write(map_dir, {0: returned("second try")})
    assert outputs.outcome(0, 0, 0).status == "returned"


def test_one_file_is_open_at_a_time_and_none_in_the_end(map_dir: MapDir) -> None:
    outputs: Any = Outputs(map_dir)
    for job in range(5):
        write(map_dir, {2 * job: returned("x"), 2 * job + 1: returned("y")}, job=job)
        outputs.record(0, job, 2 * job)
        outputs.raised(0, job)
    ours = [path for path in open_files() if str(map_dir.path) in path]
    assert ours == [str(map_dir.submission(0).output(4))]
    del outputs
    assert not [path for path in open_files() if str(map_dir.path) in path]


def test_a_file_whose_last_record_was_read_is_closed(map_dir: MapDir, outputs: Outputs) -> None:
    write(map_dir, {0: returned("x"), 1: returned("y")})
    assert [outputs.record(0, 0, component).outcome.component for component in (0, 1)] == [0, 1]
    assert not [path for path in open_files() if str(map_dir.path) in path]


def test_a_job_of_many_components_is_opened_once(map_dir: MapDir, outputs: Outputs) -> None:
    place = write(map_dir, {component: returned(component) for component in range(5)})
    outputs.record(0, 0, 0)
    place.unlink()
    assert [outputs.record(0, 0, component).outcome.component for component in range(5)] == list(range(5))


@pytest.mark.parametrize("wrong", [{"wall_s": "1"}, {"python": 3}, {"exception": []}, {"output_files": [1]}])
def test_a_signed_header_of_wrong_types_is_damage(wrong: dict[str, Any], map_dir: MapDir, outputs: Outputs) -> None:
    header, segments = returned("x")
    write(map_dir, {0: ({**header, **wrong}, segments)})
    for look in (outputs.outcome, outputs.record):
        with pytest.raises(DamagedFile, match=rf"component 0 is damaged: .* no proper '{next(iter(wrong))}'"):
            look(0, 0, 0)
