"""Mirrors htmap.lifecycle.removal: what a killed process leaves is told from a map, and swept up."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from tests.submit.conftest import request_of
from tests.submit.fake_backend import FakeBackend, only

from htmap.exceptions import BackendNotAvailable, DamagedFile, StorageError
from htmap.lifecycle.new_map import create
from htmap.lifecycle.removal import remove_directory, sweep, sweep_tag
from htmap.lifecycle.standing import Standing, standing
from htmap.store import tags
from htmap.store.locks import exclusive
from htmap.store.mapdir import Home, MapDir
from htmap.store.records import SubmissionRecord
from htmap.store.tags import Tag


@pytest.fixture
def map_dir(home: Home, fake: FakeBackend) -> MapDir:
    """A whole map, tag t."""
    _, made = create(home, only(fake), fake.name, request_of(str, range(2), tag="t"))
    return made


class NeverAsked(only):
    def of(self, _map_dir: MapDir) -> FakeBackend:
        pytest.fail("the queue was asked")


never_asked = NeverAsked(FakeBackend())


def forget_cluster(map_dir: MapDir) -> None:
    """As after a kill between submitting and recording the cluster."""
    path = map_dir.submission(0).submission
    record = SubmissionRecord.load(path)
    replace(record, cluster=None).save(path)


def lose_log(map_dir: MapDir) -> None:
    map_dir.events.unlink()


# --- judging --------------------------------------------------------------------------------------------------------


def test_a_map_whose_cluster_is_recorded_is_one_whatever_the_queue_says(map_dir: MapDir) -> None:
    lose_log(map_dir)
    assert standing(map_dir, never_asked) is Standing.MAP


def test_a_map_whose_log_has_begun_is_one(map_dir: MapDir) -> None:
    forget_cluster(map_dir)
    assert standing(map_dir, never_asked) is Standing.MAP


def test_a_map_whose_jobs_are_in_the_queue_is_one_and_its_cluster_is_recorded(
    map_dir: MapDir, fake: FakeBackend
) -> None:
    forget_cluster(map_dir)
    lose_log(map_dir)
    assert standing(map_dir, only(fake)) is Standing.MAP
    assert SubmissionRecord.load(map_dir.submission(0).submission).cluster == 1


def test_a_map_whose_jobs_the_queue_only_remembers_is_not_swept_up_but_found(
    home: Home, map_dir: MapDir, fake: FakeBackend
) -> None:
    fake.run()
    forget_cluster(map_dir)
    lose_log(map_dir)
    assert standing(map_dir, only(fake)) is Standing.LEFTOVER
    assert sweep(home, only(fake)) == []
    assert standing(map_dir, never_asked) is Standing.MAP


def test_a_directory_without_any_evidence_of_jobs_is_left_over(map_dir: MapDir) -> None:
    forget_cluster(map_dir)
    lose_log(map_dir)
    assert standing(map_dir, only(FakeBackend())) is Standing.LEFTOVER


def test_a_directory_that_somebody_works_on_is_not_left_over(map_dir: MapDir) -> None:
    forget_cluster(map_dir)
    lose_log(map_dir)
    with exclusive(map_dir.lock):
        assert standing(map_dir, never_asked) is Standing.BEING_MADE


def test_a_directory_without_a_submission_is_left_over(home: Home) -> None:
    home.map("0a").path.mkdir()
    assert standing(home.map("0a"), never_asked) is Standing.LEFTOVER


@pytest.mark.parametrize("place", [Home.staging, Home.dying])
def test_a_hidden_directory_is_left_over_unless_somebody_works_on_it(
    place: Callable[[Home, str], MapDir], home: Home
) -> None:
    hidden = place(home, "0a")
    hidden.path.mkdir()
    assert standing(hidden, never_asked) is Standing.LEFTOVER
    with exclusive(hidden.lock):
        assert standing(hidden, never_asked) is Standing.BEING_MADE


def test_what_only_the_queue_could_tell_is_not_guessed(map_dir: MapDir, fake: FakeBackend) -> None:
    forget_cluster(map_dir)
    lose_log(map_dir)
    fake.refusal = BackendNotAvailable("gone fishing")
    with pytest.raises(BackendNotAvailable):
        standing(map_dir, only(fake))


def test_a_damaged_record_is_not_taken_for_left_over(map_dir: MapDir) -> None:
    map_dir.submission(0).submission.write_bytes(b"garbage")
    with pytest.raises(DamagedFile):
        standing(map_dir, never_asked)


UID = "0a" * 8


# --- sweeping -------------------------------------------------------------------------------------------------------


def killed_while_filling(home: Home, _fake: FakeBackend) -> None:
    home.staging(UID).path.mkdir()
    (home.staging(UID).path / "function").touch()


def killed_before_the_tag(home: Home, fake: FakeBackend) -> None:
    _, made = create(home, only(fake), fake.name, request_of(str, [1], tag="killed"))
    fake.jobs.clear()
    forget_cluster(made)
    lose_log(made)
    tags.release(home, "killed", made.uid)


def killed_before_the_submission(home: Home, fake: FakeBackend) -> None:
    _, made = create(home, only(fake), fake.name, request_of(str, [1], tag="killed"))
    fake.jobs.clear()
    forget_cluster(made)
    lose_log(made)


def killed_while_deleting(home: Home, fake: FakeBackend) -> None:
    _, made = create(home, only(fake), fake.name, request_of(str, [1], tag="killed"))
    fake.jobs.clear()
    tags.release(home, "killed", made.uid)
    made.path.rename(home.dying(made.uid).path)


def only_a_tag_is_left(home: Home, _fake: FakeBackend) -> None:
    tags.claim(home, Tag("killed", "0a", transient=False))


@pytest.mark.parametrize(
    "kill",
    [
        killed_while_filling,
        killed_before_the_tag,
        killed_before_the_submission,
        killed_while_deleting,
        only_a_tag_is_left,
    ],
)
def test_what_a_killed_process_left_is_swept_up_and_maps_are_not(
    kill: Callable[[Home, FakeBackend], None], home: Home, map_dir: MapDir, fake: FakeBackend
) -> None:
    jobs = dict(fake.jobs)
    kill(home, fake)
    fake.jobs.update(jobs)
    sweep(home, only(fake))
    assert [path.name for path in home.maps.iterdir()] == [map_dir.uid]
    assert tags.names(home) == ["t"]
    assert fake.jobs == jobs
    assert sweep(home, only(fake)) == []


def test_what_cannot_be_judged_now_is_left_alone(home: Home, map_dir: MapDir, fake: FakeBackend) -> None:
    forget_cluster(map_dir)
    lose_log(map_dir)
    home.staging(UID).path.mkdir()
    fake.refusal = BackendNotAvailable("gone fishing")
    assert sweep(home, only(fake)) == [f".new-{UID}"]
    assert map_dir.path.exists()
    assert tags.names(home) == ["t"]


def test_a_damaged_map_is_left_alone(home: Home, map_dir: MapDir, fake: FakeBackend) -> None:
    map_dir.submission(0).submission.write_bytes(b"garbage")
    assert sweep(home, only(fake)) == []
    assert map_dir.path.exists()


def test_what_others_put_below_maps_is_left_alone(home: Home, fake: FakeBackend) -> None:
    foreign = [home.maps / "2024", home.maps / ".new-things", home.maps / "README", home.maps / UID]
    for folder in foreign[:2]:
        folder.mkdir()
        (folder / "notes").touch()
    for file in foreign[2:]:
        file.touch()
    assert sweep(home, only(fake)) == []
    assert home.foreign() == sorted(foreign)
    assert (foreign[0] / "notes").exists()


# --- freeing a tag --------------------------------------------------------------------------------------------------


def test_the_tag_of_a_map_is_not_freed(home: Home, map_dir: MapDir, fake: FakeBackend) -> None:
    assert not sweep_tag(home, "t", only(fake))
    assert tags.find(home, "t").uid == map_dir.uid


def test_a_tag_that_nobody_has_is_free(home: Home, fake: FakeBackend) -> None:
    assert sweep_tag(home, "t", only(fake))


def test_a_damaged_tag_is_not_freed(home: Home, fake: FakeBackend) -> None:
    (home.tags / "t").write_bytes(b"garbage")
    assert not sweep_tag(home, "t", only(fake))


def test_the_tag_of_left_over_is_freed_and_its_jobs_are_removed(home: Home, map_dir: MapDir) -> None:
    forget_cluster(map_dir)
    lose_log(map_dir)
    other = FakeBackend()
    assert sweep_tag(home, "t", only(other))
    assert tags.names(home) == []
    assert not map_dir.path.exists()
    assert other.reasons == ["HTMap: its map was never finished"]


# --- removing -------------------------------------------------------------------------------------------------------


def test_a_removed_map_is_gone_also_when_it_is_removed_twice(home: Home, map_dir: MapDir) -> None:
    remove_directory(home, map_dir)
    remove_directory(home, map_dir)
    assert list(home.maps.iterdir()) == []


@contextlib.contextmanager
def undeletable(map_dir: MapDir) -> Iterator[None]:
    map_dir.inputs.chmod(0o500)
    yield
    hidden = next(map_dir.path.parent.glob(".old-*"))
    (hidden / "inputs").chmod(0o700)


def test_a_map_is_out_of_sight_at_once_whatever_happens_to_its_files(
    home: Home, map_dir: MapDir, fake: FakeBackend
) -> None:
    with undeletable(map_dir), pytest.raises(StorageError, match="Cannot remove"):
        remove_directory(home, map_dir)
    assert not map_dir.path.exists()
    assert sweep(home, only(fake)) == [f".old-{map_dir.uid}"]
    assert list(home.maps.iterdir()) == []
