"""A home of before maps knew their queues: it is read, learns whose it is, and goes on where it lies now.

``golden_homes/before-queues`` was made on a pool of 23.9.6: the map "ended" (of three components the last raised,
and the first was rerun; files that name the machine are left out), and the map "active" of one job that ran.
It lay in /home/me/htmap.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.submit.fake_backend import FakeBackend, FakeJob
from tests.submit.fake_bindings import Bindings, schedd_ad

import htmap
from htmap.backend.of_map import last_queue
from htmap.backend.protocol import JobStatus
from htmap.exceptions import BackendNotAvailable
from htmap.language.description import read
from htmap.store.mapdir import Home
from htmap.store.records import QueueIdentity

GOLDEN = Path(__file__).parent / "golden_homes" / "before-queues"
ACTIVE = "bc70de2e03e07919"
LONG_AGO, NOW = 1_600_000_000, 4_000_000_000
AP1 = QueueIdentity("me@ap1.example.org", "cm.example.org", LONG_AGO)


@pytest.fixture
def home(tmp_path: Path, bindings: Bindings) -> Home:
    place = tmp_path / "old"
    shutil.copytree(GOLDEN, place)
    for path in (place, *place.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    htmap.settings["HTMAP_DIR"] = str(place)
    htmap.settings["QUEUE_CHECK_TIME"] = 0.0
    bindings.here, bindings.schedds = AP1.schedd, {AP1.schedd: schedd_ad(AP1.schedd, AP1.born)}
    return Home(place)


@pytest.fixture
def running(queue: FakeBackend) -> FakeJob:
    """The job of the map "active", in the queue."""
    job = FakeJob(3, 0, {"my.htmapuid": f'"{ACTIVE}"', "log": "/home/me/htmap/events"}, JobStatus.RUNNING)
    queue.jobs[job.id] = job
    return job


@pytest.mark.usefixtures("home", "running")
def test_maps_and_results_are_read() -> None:
    assert htmap.get_tags() == ("active", "ended")
    ended = htmap.load("ended")
    assert ended.component_statuses == ["COMPLETED", "COMPLETED", "ERRORED"]
    assert (ended[0], ended[1]) == (2.0, 5.0)
    assert (ended.output_files[1] / "half.txt").read_text() == "5.0"
    assert htmap.load("active").component_statuses == ["RUNNING"]
    assert "ended" in htmap.status()


@pytest.mark.usefixtures("running")
def test_the_queue_that_knows_its_jobs_is_written_down(home: Home) -> None:
    assert last_queue(home.map(ACTIVE)) is None
    assert htmap.load("active").component_statuses == ["RUNNING"]
    assert last_queue(home.map(ACTIVE)) == AP1


def test_its_own_machine_can_say_that_a_job_is_gone(home: Home) -> None:
    assert htmap.load("active").component_statuses == ["REMOVED"]
    assert last_queue(home.map(ACTIVE)) == AP1


@pytest.mark.parametrize(
    ("schedd", "born"), [("me@ap2.example.org", LONG_AGO), (AP1.schedd, NOW)], ids=["another", "set up since"]
)
def test_no_other_access_point_can(schedd: str, born: int, home: Home, bindings: Bindings) -> None:
    bindings.here, bindings.schedds = schedd, {schedd: schedd_ad(schedd, born)}
    active = htmap.load("active")
    assert active.component_statuses == ["RUNNING"]
    assert "did not write down which access point" in active.status()
    with pytest.raises(BackendNotAvailable, match="ask where it was made"):
        active.remove()
    assert last_queue(home.map(ACTIVE)) is None


def test_it_is_rerun_where_it_lies_now(home: Home, queue: FakeBackend, tmp_path: Path) -> None:
    runner = home.runners / "htmap-exec-27cba5abf6f456ed.pyz"
    home.runners.mkdir(exist_ok=True)
    runner.touch()
    ended = htmap.load("ended")
    queue._clusters = 10
    ended.rerun([1])
    (job,) = queue.jobs.values()
    assert job.expand("executable") == str(runner)
    assert "/home/me" not in read(ended.opened.directory.submission(2).submit).render()
    assert str(tmp_path) in job.expand("log")


def test_what_has_ended_is_removed_without_any_queue(home: Home, bindings: Bindings) -> None:
    bindings.schedds, bindings.here = {}, None
    htmap.load("ended").remove()
    assert htmap.get_tags() == ("active",)
    assert home.path.exists()
