"""Mirrors htmap.store.records: what the small files of a map say."""

from __future__ import annotations

import contextlib
import itertools
import struct
import zlib
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from htmap.exceptions import DamagedFile, StorageError
from htmap.store.records import MapRecord, QueueIdentity, SubmissionRecord, ranges_of, spelled
from htmap_common.wire import Kind, encode_file, read_header

MAP = MapRecord(
    uid="0a1b",
    tag="fit-é",
    created=1.5,
    function_name="fit",
    components=10,
    shards=1,
    backend="local",
    delivery="bundle",
    versions={"htmap": "0.1.0"},
)
QUEUE = QueueIdentity("me@ap1.example.org", "cm.example.org", 1_700_000_000)
SUBMISSION = SubmissionRecord(2, 1.5, ((0, 4), (7, 8)), 3, 77, QUEUE, uid="0a1b")

COMPONENTS = st.lists(st.integers(0, 60), unique=True).map(sorted)
RANGES = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 6)).map(lambda each: (each[0], sum(each))), max_size=5)


def unspelled(text: str) -> list[int]:
    """What the runner makes of ``3-5,9``."""
    found: list[int] = []
    for part in text.split(",") if text else []:
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


@given(COMPONENTS)
def test_components_survive_being_spelled(components: list[int]) -> None:
    assert unspelled(spelled(components)) == components


@given(st.lists(st.integers(0, 60)))
def test_components_survive_as_ranges_in_any_order(components: list[int]) -> None:
    ranges = ranges_of(components)
    assert [component for start, stop in ranges for component in range(start, stop)] == components
    assert list(SubmissionRecord(0, 0.0, ranges, 1)) == components


@given(COMPONENTS)
def test_ranges_of_ascending_components_are_as_few_as_can_be(components: list[int]) -> None:
    ranges = ranges_of(components)
    gaps = sum(after - before > 1 for before, after in itertools.pairwise(components))
    assert len(ranges) == (gaps + 1 if components else 0)


def test_components_are_spelled_as_people_do() -> None:
    assert spelled([3, 4, 5, 9]) == "3-5,9"
    assert spelled([]) == ""
    assert spelled(range(1_000_000)) == "0-999999"
    assert ranges_of([3, 4, 5, 9]) == ((3, 6), (9, 10))


@given(RANGES, st.integers(1, 7))
def test_jobs_share_out_all_components_in_order(ranges: list[tuple[int, int]], chunksize: int) -> None:
    record = SubmissionRecord(0, 0.0, tuple(ranges), chunksize)
    shares = [list(record.components_of(job)) for job in range(record.jobs)]
    assert [component for share in shares for component in share] == list(record)
    assert all(len(share) == chunksize for share in shares[:-1])
    assert all(shares)
    assert record.components == len(list(record))


def test_records_come_back_as_they_were(tmp_path: Path) -> None:
    MAP.save(tmp_path / "map")
    SUBMISSION.save(tmp_path / "submission")
    assert MapRecord.load(tmp_path / "map") == MAP
    assert SubmissionRecord.load(tmp_path / "submission") == SUBMISSION


def test_the_cluster_is_added_when_it_is_known(tmp_path: Path) -> None:
    unknown = SubmissionRecord(0, 1.5, ((0, 3),), 1)
    unknown.save(tmp_path / "submission")
    assert SubmissionRecord.load(tmp_path / "submission").cluster is None
    unknown.with_cluster(7).save(tmp_path / "submission")
    assert SubmissionRecord.load(tmp_path / "submission") == SubmissionRecord(0, 1.5, ((0, 3),), 1, 7)
    assert unknown.cluster is None


def test_what_a_later_version_adds_is_ignored(tmp_path: Path) -> None:
    MAP.save(tmp_path / "map")
    header: dict[str, Any] = {**read_header(tmp_path / "map", Kind.MAP), "colour": "green"}
    (tmp_path / "map").write_bytes(b"".join(encode_file(Kind.MAP, header)))
    assert MapRecord.load(tmp_path / "map") == MAP


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=False)
    | st.text(max_size=3)
    | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(("kind", "record"), [(Kind.MAP, MAP), (Kind.SUBMISSION, SUBMISSION)])
@given(junk=JUNK, data=st.data())
def test_a_value_of_a_wrong_type_is_damage(
    kind: Kind, record: MapRecord | SubmissionRecord, junk: object, data: st.DataObject, tmp_path_factory: Any
) -> None:
    path = tmp_path_factory.getbasetemp() / f"record-{kind.name}"
    header = asdict(record)
    name = data.draw(st.sampled_from(sorted(header)))
    path.write_bytes(b"".join(encode_file(kind, {**header, name: junk})))
    with contextlib.suppress(DamagedFile):
        loaded = type(record).load(path)
        assert junk is None or type(getattr(loaded, name)) in {type(header[name]), int, type(None)}


@pytest.mark.parametrize(
    "wrong",
    [
        {"components": "ten"},
        {"components": 0},
        {"components": True},
        {"uid": 7},
        {"created": "today"},
        {"created": float("nan")},
        {"created": -float("inf")},
        {"created": 1e300},
        {"versions": {"htmap": 1}},
        {"backend": ["local"]},
    ],
    ids=str,
)
def test_a_map_with_a_wrong_value_is_damaged(wrong: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "map").write_bytes(b"".join(encode_file(Kind.MAP, {**asdict(MAP), **wrong})))
    with pytest.raises(DamagedFile, match=f"{tmp_path}/map is damaged: '{next(iter(wrong))}' cannot be"):
        MapRecord.load(tmp_path / "map")


@pytest.mark.parametrize(
    "wrong",
    [
        {"ranges": [[0, 1, 2]]},
        {"ranges": [[4, 3]]},
        {"ranges": 5},
        {"ranges": [["0", "4"]]},
        {"chunksize": 0},
        {"cluster": "7"},
        {"number": -1},
        {"queue": "me"},
    ],
    ids=str,
)
def test_a_submission_with_a_wrong_value_is_damaged(wrong: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "submission"
    path.write_bytes(b"".join(encode_file(Kind.SUBMISSION, {**asdict(SUBMISSION), **wrong})))
    with pytest.raises(DamagedFile, match=f"{path} is damaged: '{next(iter(wrong))}' cannot be"):
        SubmissionRecord.load(path)


def test_a_submission_of_an_older_version_knows_no_queue(tmp_path: Path) -> None:
    header = {name: value for name, value in asdict(SUBMISSION).items() if name != "queue"}
    (tmp_path / "submission").write_bytes(b"".join(encode_file(Kind.SUBMISSION, header)))
    assert SubmissionRecord.load(tmp_path / "submission") == replace(SUBMISSION, queue=None)


@pytest.mark.parametrize(
    ("other", "is_same", "is_replaced"),
    [
        (QUEUE, True, False),
        (replace(QUEUE, pool="cm2.example.org"), True, False),
        (replace(QUEUE, born=QUEUE.born + 1), False, True),
        (replace(QUEUE, born=QUEUE.born - 1), False, False),
        (replace(QUEUE, schedd="me@ap2.example.org"), False, False),
        (replace(QUEUE, pool="cm2.example.org", born=QUEUE.born + 1), False, False),
    ],
)
def test_a_queue_is_told_from_others(other: QueueIdentity, is_same: bool, is_replaced: bool) -> None:
    assert QUEUE.is_same(other) is is_same
    assert QUEUE.was_replaced_by(other) is is_replaced


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is cut short"),
        (b"Dear diary, this is no file of HTMap's at all.", "is not a file of HTMap"),
        (b"".join(encode_file(Kind.TAG, {"uid": "0a"})), "is of kind 'tag'"),
        (b"".join(encode_file(Kind.MAP, {"uid": "0a"})), "is damaged: it does not say 'tag'"),
        (b"".join(encode_file(Kind.MAP, {"uid": "0a"})) + b"more", "is damaged"),
    ],
    ids=["empty", "foreign", "another kind", "incomplete", "too long"],
)
def test_a_damaged_record_is_named(content: bytes, what: str, tmp_path: Path) -> None:
    (tmp_path / "map").write_bytes(content)
    with pytest.raises(DamagedFile, match=f"{tmp_path}/map {what}.*the map cannot be used"):
        MapRecord.load(tmp_path / "map")


def test_a_record_of_a_newer_version_is_not_called_damaged(tmp_path: Path) -> None:
    whole = bytearray(b"".join(encode_file(Kind.MAP, {})))
    whole[24:28] = struct.pack(">I", 2)
    whole[28:32] = struct.pack(">I", zlib.crc32(whole[:28]))
    (tmp_path / "map").write_bytes(whole)
    with pytest.raises(DamagedFile, match=r"has format 2.*install a newer htmap-common") as caught:
        MapRecord.load(tmp_path / "map")
    assert "damaged" not in str(caught.value)


def test_a_record_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=f"Cannot read {tmp_path}/map: No such file"):
        MapRecord.load(tmp_path / "map")
    with pytest.raises(StorageError, match=f"Cannot write {tmp_path}/absent/map"):
        MAP.save(tmp_path / "absent" / "map")
