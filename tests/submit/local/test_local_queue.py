"""Mirrors htmap.backend.local.queue, as far as no process runs: a queue in another place than it was."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from htmap.backend.local.launch import LOCK_NAME
from htmap.backend.local.queue import IN_QUEUE, Queue
from htmap.backend.protocol import JobSelection, JobStatus

ALL = JobSelection("0a1b")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A queue with three idle jobs, of which nothing has been written to their log yet."""
    home = tmp_path / "home"
    with Queue(home) as queue, queue.transaction():
        cluster = queue.add_cluster(ALL.uid, "{}", "{}")
        queue.post(queue.set_log(cluster, tmp_path / "events"), "submitted\n")
        queue.add_jobs(cluster, 0, ["0", "1", "2"])
    return home


def statuses(home: Path) -> list[JobStatus]:
    with Queue(home) as queue:
        return [JobStatus(row.status) for row in queue.select(ALL, JobStatus)]


def copy(home: Path) -> Path:
    return Path(shutil.copytree(home, home.with_name("there")))


def move(home: Path) -> Path:
    return home.rename(home.with_name("there"))


@pytest.mark.parametrize("bring", [copy, move])
def test_a_queue_in_another_place_runs_no_jobs_of_the_old_one(bring: Callable[[Path], Path], home: Path) -> None:
    there = bring(home)
    assert statuses(there) == [JobStatus.REMOVED] * 3
    with Queue(there) as queue:
        assert not queue.has_work()
        assert not queue.select(ALL, IN_QUEUE)


def test_the_original_of_a_copy_goes_on(home: Path) -> None:
    statuses(copy(home))
    assert statuses(home) == [JobStatus.IDLE] * 3
    with Queue(home) as queue:
        assert queue.has_work()


def test_another_path_to_the_same_queue_changes_nothing(home: Path) -> None:
    link = home.with_name("link")
    link.symlink_to(home)
    assert statuses(link) == [JobStatus.IDLE] * 3


def test_a_queue_whose_supervisor_runs_is_left_alone(home: Path) -> None:
    there = move(home)
    with (there / LOCK_NAME).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert statuses(there) == [JobStatus.IDLE] * 3
