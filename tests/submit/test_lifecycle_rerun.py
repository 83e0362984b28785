"""Mirrors htmap.lifecycle.rerun: components are submitted again beside what is there."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.submit.conftest import MakeMap
from tests.submit.fake_backend import FakeBackend, only

from htmap import TransferPath
from htmap.delivery import bundle
from htmap.delivery.registry import DeliveryMethod
from htmap.exceptions import BackendNotAvailable, InputFileNotFound
from htmap.language.description import read
from htmap.lifecycle.rerun import changing, rerun
from htmap.maps.opened import Opened
from htmap.maps.readable import ReadableMap
from htmap.observe.statuses import ComponentStatus as Status
from htmap.store.locks import is_held
from htmap.store.mapdir import Home, MapDir
from htmap.store.records import MapRecord, SubmissionRecord


def again(m: ReadableMap, fake: FakeBackend, components: Sequence[int]) -> int:
    with changing(m.opened.directory):
        return rerun(m.opened.directory, m.opened.record, only(fake), components)


def tree(map_dir: MapDir) -> dict[Path, bytes]:
    """Every file of a map, but for the log and what is only made when it is wanted."""
    files = [path for path in map_dir.path.rglob("*") if path.is_file() and path != map_dir.events]
    return {path: path.read_bytes() for path in files}


def test_only_the_components_asked_for_are_submitted_again(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(lambda x: 2 * x, range(6))
    fake.run()
    assert again(m, fake, [1, 2, 5]) == 1
    assert [job.components for job in fake.jobs.values()] == [[1], [2], [5]]
    record = SubmissionRecord.load(m.opened.directory.submission(1).submission)
    assert (list(record), record.cluster) == ([1, 2, 5], 2)
    assert [str(each) for each in m.component_statuses] == [
        "COMPLETED",
        "IDLE",
        "IDLE",
        "COMPLETED",
        "COMPLETED",
        "IDLE",
    ]
    fake.run()
    assert list(m) == [0, 2, 4, 6, 8, 10]


def test_an_earlier_output_stays_where_it_is(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(str, range(2))
    fake.run()
    before = tree(m.opened.directory)
    again(m, fake, [0])
    fake.run()
    after = tree(m.opened.directory)
    assert before.items() <= after.items()
    assert all("submissions/1/" in str(path) for path in after.keys() - before.keys())


def test_the_original_options_are_used_also_those_of_each_component(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(str, range(3), request_memory=["1GB", 2, 'a, "b"'], request_cpus=4)
    fake.run()
    again(m, fake, [0, 2])
    jobs = list(fake.jobs.values())
    assert [(job.expand("request_memory"), job.expand("request_cpus")) for job in jobs] == [
        ("1GB", "4"),
        ('a, "b"', "4"),
    ]


def test_components_share_jobs_as_they_did(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(str, range(10), chunksize=4)
    fake.run()
    again(m, fake, [0, 1, 5, 7, 9])
    assert [job.components for job in fake.jobs.values()] == [[0, 1, 5, 7], [9]]
    fake.run()
    assert list(m) == [str(x) for x in range(10)]


def test_inputs_of_many_shards_are_found_again(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(len, [b"x" * 200_000, b"yy", b"z" * 200_000, b"w" * 300_000], chunksize=2)
    fake.run()
    again(m, fake, [1, 3])
    (job,) = fake.jobs.values()
    assert job.components == [1, 3]
    fake.run()
    assert list(m) == [200_000, 2, 200_000, 300_000]


def test_files_of_the_inputs_are_sent_again(make_map: MakeMap, fake: FakeBackend, tmp_path: Path) -> None:
    for name in ("two words", "naïve ☃"):
        (tmp_path / name).touch()
    m = make_map(str, [TransferPath(tmp_path / "two words"), 1, TransferPath(tmp_path / "naïve ☃")])
    first = [job.expand("transfer_input_files") for job in fake.jobs.values()]
    fake.run()
    again(m, fake, [0, 2])
    assert [job.expand("transfer_input_files") for job in fake.jobs.values()] == [first[0], first[2]]


def test_a_rerun_may_be_rerun(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(str, range(3))
    fake.run()
    for number in (1, 2, 3):
        assert again(m, fake, [1]) == number
        assert m.component_statuses[1] is Status.IDLE
        fake.run()
    assert m.opened.directory.submission(3).output(0).exists()
    assert m.component_statuses == [Status.COMPLETED] * 3


def test_what_was_sent_back_before_gives_way(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(str, range(2))
    fake.run()
    for component in (0, 1):
        m.opened.directory.output_files(component).mkdir(parents=True)
        (m.opened.directory.output_files(component) / "plot.png").touch()
    again(m, fake, [0])
    assert not m.opened.directory.output_files(0).exists()
    assert (m.opened.directory.output_files(1) / "plot.png").exists()
    assert [path.name for path in m.opened.directory.path.iterdir() if path.name.endswith(".old")] == []


# --- or nothing happens ---------------------------------------------------------------------------------------------


def test_a_rerun_that_is_refused_changes_nothing(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(str, range(2))
    fake.run()
    m.opened.directory.output_files(0).mkdir(parents=True)
    (m.opened.directory.output_files(0) / "plot.png").touch()
    before = tree(m.opened.directory)
    fake.refusal = BackendNotAvailable("no")
    with pytest.raises(BackendNotAvailable, match="no"):
        again(m, fake, [0])
    fake.refusal = None
    assert tree(m.opened.directory) == before
    assert m.component_statuses == [Status.COMPLETED] * 2
    assert m[0] == "0"
    assert not is_held(m.opened.directory.lock)


def test_a_rerun_without_its_files_changes_nothing(make_map: MakeMap, fake: FakeBackend, tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    m = make_map(str, [TransferPath(tmp_path / "x")])
    fake.run()
    before = tree(m.opened.directory)
    (tmp_path / "x").unlink()
    with pytest.raises(InputFileNotFound):
        again(m, fake, [0])
    assert tree(m.opened.directory) == before


def test_a_rerun_without_its_runner_changes_nothing(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(str, range(2), delivery=DeliveryMethod("bundle", bundle.descriptors, bundle.set_up))
    fake.run()
    before = tree(m.opened.directory)
    shutil.rmtree(m.opened.directory.home.runners)
    with pytest.raises(InputFileNotFound, match=r"no file .*htmap-exec-.*\.pyz any more, which the jobs run"):
        again(m, fake, [0])
    assert tree(m.opened.directory) == before


def kill_before_the_queue(m: ReadableMap, fake: FakeBackend, components: Sequence[int]) -> None:
    """What a rerun leaves that is killed just before its jobs reach the queue."""
    again(m, fake, components)
    number = max(m.opened.directory.submission_numbers())
    path = m.opened.directory.submission(number).submission
    record = SubmissionRecord.load(path)
    replace(record, cluster=None).save(path)
    log = m.opened.directory.events.read_bytes()
    m.opened.directory.events.write_bytes(log[: log.index(b"000 (%03d." % (record.cluster or 0))])
    fake.jobs.clear()


def test_a_killed_rerun_counts_for_nothing_and_its_number_is_used_again(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(str, range(3))
    fake.run()
    kill_before_the_queue(m, fake, [0, 1])
    assert m.component_statuses == [Status.COMPLETED] * 3
    assert again(m, fake, [2]) == 1
    loaded = ReadableMap(Opened.at(m.tag, m.opened.directory.path, fake))
    assert [str(each) for each in loaded.component_statuses] == ["COMPLETED", "COMPLETED", "IDLE"]
    fake.run()
    assert list(loaded) == ["0", "1", "2"]


def test_what_a_kill_left_half_written_is_swept_up_by_the_next_rerun(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(str, range(2))
    fake.run()
    half = m.opened.directory.submissions / ".new-1"
    half.mkdir()
    (half / "items").write_text("half")
    assert again(m, fake, [0]) == 1
    assert not half.exists()
    assert m.opened.directory.submission(1).items.read_text().startswith("0,")


def test_a_submission_can_be_given_to_condor_submit_by_hand(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(str, range(3))
    fake.run()
    again(m, fake, [1])
    told = read(m.opened.directory.submission(1).submit)
    assert told.commands["htmap_submission"] == "1"
    assert [told.item_values(item)["component"] for item in told.iter_items()] == ["1"]


def test_the_record_of_the_map_is_not_touched(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(str, range(3))
    before = MapRecord.load(m.opened.directory.map)
    fake.run()
    again(m, fake, [1])
    assert MapRecord.load(m.opened.directory.map) == before


# --- a home in another place ----------------------------------------------------------------------------------------


@pytest.fixture
def ended(make_map: MakeMap, fake: FakeBackend) -> ReadableMap:
    m = make_map(str, [1, 2])
    fake.run()
    return m


def opened_in(home: Path, m: ReadableMap, fake: FakeBackend) -> ReadableMap:
    return ReadableMap(Opened.at("t", home / "maps" / m.opened.directory.uid, fake))


def test_a_copy_runs_jobs_of_its_own_and_leaves_its_original_alone(
    ended: ReadableMap, fake: FakeBackend, home: Home, tmp_path: Path
) -> None:
    shutil.copytree(home.path, tmp_path / "copy")
    before = tree(ended.opened.directory)
    copy = opened_in(tmp_path / "copy", ended, fake)
    again(copy, fake, [1])
    (job,) = fake.jobs.values()
    assert str(home.path) not in str({name: job.expand(name) for name in job.commands})
    assert job.uid != copy.opened.directory.uid, "whoever acts on the original would act on this one too"
    fake.run()
    assert list(copy) == ["1", "2"]
    assert tree(ended.opened.directory) == before
    assert SubmissionRecord.load(copy.opened.directory.submission(1).submission).uid == job.uid


def test_a_map_that_was_moved_is_rerun_where_it_is(
    ended: ReadableMap, fake: FakeBackend, home: Home, tmp_path: Path
) -> None:
    home.path.rename(tmp_path / "moved")
    moved = opened_in(tmp_path / "moved", ended, fake)
    again(moved, fake, [0, 1])
    assert {job.uid for job in fake.jobs.values()} == {moved.opened.directory.uid}
    fake.run()
    assert list(moved) == ["1", "2"]
    assert not home.path.exists(), "something was written into the old place"
