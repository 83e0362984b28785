"""Mirrors htmap.backend.of_map: each queue is asked about the jobs that a map has there, and about no others."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.submit.conftest import MakeMap
from tests.submit.fake_backend import FakeBackend

from htmap.backend.of_map import QueuesOfMap, last_queue
from htmap.backend.protocol import Action, JobSelection, QueueIsGone
from htmap.exceptions import BackendNotAvailable
from htmap.store.mapdir import Home, MapDir
from htmap.store.records import QueueIdentity, SubmissionRecord

AP1 = QueueIdentity("me@ap1", "cm.example.org", 1_000)
AP2 = QueueIdentity("me@ap2", "cm.example.org", 2_000)


@pytest.fixture
def map_dir(make_map: MakeMap, fake: FakeBackend) -> MapDir:
    """A map of two jobs at AP1."""
    fake.queue_identity = AP1
    return make_map(str, [1, 2]).opened.directory


@pytest.fixture
def other() -> FakeBackend:
    """Another queue, with jobs of its own."""
    return FakeBackend("other")


@pytest.fixture
def queues(map_dir: MapDir, fake: FakeBackend, other: FakeBackend) -> QueuesOfMap:
    at = {AP1: fake, AP2: other, None: other}
    return QueuesOfMap(map_dir, "fake", at.__getitem__)


def rerun_at(queue: QueueIdentity | None, map_dir: MapDir, backend: FakeBackend, number: int = 1) -> None:
    """As if the first job had been submitted again, to another queue."""
    shutil.copytree(map_dir.submission(0).path, map_dir.submission(number).path)
    record = SubmissionRecord(number, 2.5, ((0, 2),), 1, queue=queue)
    cluster = backend.submit(map_dir.submission(number).submit, map_dir.uid)
    record.with_cluster(cluster).save(map_dir.submission(number).submission)


def rewrite(map_dir: MapDir, change: Callable[[SubmissionRecord], SubmissionRecord]) -> None:
    path = map_dir.submission(0).submission
    change(SubmissionRecord.load(path)).save(path)


def test_a_map_knows_its_queue(map_dir: MapDir) -> None:
    assert last_queue(map_dir) == AP1


@pytest.mark.parametrize("jobs", [None, {1: None}, {1: [0, 1]}])
def test_only_the_queue_of_the_map_is_asked(
    jobs: dict[int, None] | None, queues: QueuesOfMap, map_dir: MapDir, fake: FakeBackend, other: FakeBackend
) -> None:
    other.refusal = AssertionError("another queue was asked")
    selection = JobSelection(map_dir.uid, jobs)
    assert len(queues.query(selection)) == 2
    assert queues.edit(selection, {"RequestMemory": "5"}) == 2
    assert queues.act(Action.HOLD, selection, "why") == 2
    assert [job.edits for job in fake.jobs.values()] == [{"RequestMemory": "5"}] * 2


def test_each_queue_is_asked_about_its_own_clusters(
    queues: QueuesOfMap, map_dir: MapDir, fake: FakeBackend, other: FakeBackend
) -> None:
    for _ in range(3):
        fake._clusters += 1
        other._clusters += 1
    rerun_at(AP2, map_dir, other)
    assert {job.cluster for job in queues.query(JobSelection(map_dir.uid))} == {1, 4}
    assert [job.cluster for job in queues.query(JobSelection(map_dir.uid, {4: None}))] == [4, 4]
    fake.refusal = AssertionError("the first queue was asked")
    assert queues.act(Action.REMOVE, JobSelection(map_dir.uid, {4: [0]}), "why") == 1


def test_a_queue_that_is_gone_has_no_jobs(queues: QueuesOfMap, map_dir: MapDir, fake: FakeBackend) -> None:
    fake.refusal = QueueIsGone("It was set up anew.")
    selection = JobSelection(map_dir.uid, {1: None})
    assert queues.query(selection, with_history=True) == []
    assert queues.act(Action.REMOVE, selection, "why") == 0
    assert queues.edit(selection, {"RequestMemory": "5"}) == 0


def test_a_queue_that_cannot_be_asked_says_nothing_about_its_jobs(
    queues: QueuesOfMap, map_dir: MapDir, fake: FakeBackend
) -> None:
    fake.refusal = BackendNotAvailable("It is far away.")
    with pytest.raises(BackendNotAvailable, match="far away"):
        queues.query(JobSelection(map_dir.uid))


# --- maps that do not know their queue ------------------------------------------------------------------------------


@pytest.fixture
def old(map_dir: MapDir, fake: FakeBackend) -> QueuesOfMap:
    """A map of a version that did not write its queue down; the settings name AP1."""
    rewrite(map_dir, lambda record: replace(record, queue=None))
    return QueuesOfMap(map_dir, "fake", {None: fake, AP1: fake}.__getitem__)


def test_a_queue_that_knows_the_jobs_is_theirs(old: QueuesOfMap, map_dir: MapDir) -> None:
    assert len(old.query(JobSelection(map_dir.uid))) == 2
    assert last_queue(map_dir) == AP1


def test_a_queue_that_does_not_know_the_jobs_proves_nothing(
    old: QueuesOfMap, map_dir: MapDir, fake: FakeBackend
) -> None:
    fake.jobs.clear()
    with pytest.raises(BackendNotAvailable, match=r"did not write down which access point.*me@ap1.*does not know them"):
        old.query(JobSelection(map_dir.uid))
    assert last_queue(map_dir) is None


@pytest.mark.parametrize(
    ("host", "born", "is_proven"),
    [("ap1", 1_000, True), ("ap2", 1_000, False), ("ap1", 4_000_000_000, False)],
    ids=["its machine", "another machine", "younger than the map"],
)
def test_the_machine_of_the_log_proves_it_if_its_queue_is_older(
    host: str, born: int, *, is_proven: bool, old: QueuesOfMap, map_dir: MapDir, fake: FakeBackend
) -> None:
    fake.jobs.clear()
    fake.queue_identity = replace(AP1, born=born)
    events = map_dir.events.read_bytes()
    sinful = f"<10.0.0.7:9618?addrs=10.0.0.7-9618&alias={host}&noUDP&sock=schedd_1>".encode()
    first_line, _, rest = events.partition(b"\n")
    map_dir.events.write_bytes(first_line.partition(b"<")[0] + sinful + b"\n" + rest)
    if is_proven:
        assert old.query(JobSelection(map_dir.uid)) == []
        assert last_queue(map_dir) == AP1
    else:
        with pytest.raises(BackendNotAvailable):
            old.query(JobSelection(map_dir.uid))


# --- maps in another place ------------------------------------------------------------------------------------------


def test_a_copy_has_none_of_the_jobs_of_its_original(map_dir: MapDir, fake: FakeBackend, tmp_path: Path) -> None:
    shutil.copytree(map_dir.home.path, tmp_path / "copy")
    copy = Home(tmp_path / "copy").map(map_dir.uid)
    queues = QueuesOfMap(copy, "fake", lambda _queue: fake)
    selection = JobSelection(copy.uid, {1: None})
    assert queues.query(selection) == []
    assert queues.act(Action.REMOVE, JobSelection(copy.uid), "why") == 0
    assert len(fake.jobs) == 2


def test_a_map_that_was_moved_keeps_its_jobs(map_dir: MapDir, fake: FakeBackend, tmp_path: Path) -> None:
    map_dir.home.path.rename(tmp_path / "moved")
    moved = Home(tmp_path / "moved").map(map_dir.uid)
    queues = QueuesOfMap(moved, "fake", lambda _queue: fake)
    assert len(queues.query(JobSelection(moved.uid, {1: None}))) == 2
    assert queues.act(Action.REMOVE, JobSelection(moved.uid), "why") == 2
