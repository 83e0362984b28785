"""Mirrors htmap.management: maps by their tags, and what is swept up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.submit.fake_backend import FakeBackend
from tests.submit.fake_bindings import Bindings, HTCondorException

import htmap
from htmap.exceptions import BackendNotAvailable, DamagedFile, InvalidOption, TagNotFound
from htmap.store import tags
from htmap.store.mapdir import Home, MapDir
from htmap.store.records import MapRecord
from htmap.store.tags import Tag


@pytest.fixture
def three(queue: FakeBackend) -> FakeBackend:
    """Maps fit-1, fit-2 and other; the last is transient."""
    for tag in ("fit-2", "fit-1"):
        htmap.map(str, [1], tag=tag, quiet=True)
    transient = htmap.map(str, [1], quiet=True)
    tags.replace(
        transient.opened.directory.home,
        tags.find(transient.opened.directory.home, transient.tag),
        Tag("other", transient.opened.directory.uid, transient=True),
    )
    return queue


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (None, ("fit-1", "fit-2", "other")),
        ("*", ("fit-1", "fit-2", "other")),
        ("fit-*", ("fit-1", "fit-2")),
        ("*-[!1]", ("fit-2",)),
        ("FIT-*", ()),
        ("", ("fit-1", "fit-2", "other")),
        ("fit-1", ("fit-1",)),
    ],
)
@pytest.mark.usefixtures("three")
def test_tags_are_found_by_pattern(pattern: str | None, expected: tuple[str, ...]) -> None:
    assert htmap.get_tags(pattern) == expected
    assert tuple(m.tag for m in htmap.load_maps(pattern)) == expected


@pytest.mark.usefixtures("queue")
def test_without_maps_there_are_no_tags() -> None:
    assert htmap.get_tags() == ()
    assert htmap.load_maps() == ()
    assert htmap.clean() == []


def test_a_map_is_loaded_and_removed_by_its_tag(three: FakeBackend) -> None:
    assert htmap.load("fit-1").tag == "fit-1"
    htmap.remove("fit-1")
    assert htmap.get_tags() == ("fit-2", "other")
    assert len(three.jobs) == 2
    with pytest.raises(TagNotFound, match="'fit-1'"):
        htmap.load("fit-1")


@pytest.mark.usefixtures("queue")
def test_removing_what_is_not_there_is_an_error_only_if_wanted() -> None:
    htmap.remove("absent")
    with pytest.raises(TagNotFound):
        htmap.remove("absent", not_exist_ok=False)
    with pytest.raises(htmap.exceptions.MapIdNotFound):
        htmap.remove("../absent", not_exist_ok=False)


def test_cleaning_removes_transient_maps(three: FakeBackend) -> None:
    assert htmap.clean() == ["other"]
    assert htmap.get_tags() == ("fit-1", "fit-2")
    assert len(three.jobs) == 2
    assert htmap.clean() == []


def test_only_old_maps_are_cleaned_if_an_age_is_given(three: FakeBackend) -> None:  # noqa: ARG001 - there they are
    assert htmap.clean(all=True, older_than=dt.timedelta(days=1)) == []
    path = htmap.load("fit-1").opened.directory.map
    record = MapRecord.load(path)
    replace(record, created=record.created - 2 * 86_400).save(path)
    assert htmap.clean(older_than=86_400) == []
    assert htmap.clean(all=True, older_than=86_400) == ["fit-1"]
    assert sorted(htmap.clean(all=True, older_than=0)) == ["fit-2", "other"]


def test_a_map_knows_when_it_was_made(three: FakeBackend) -> None:  # noqa: ARG001 - as above
    made = htmap.load("fit-1").created
    assert made.tzinfo is not None
    assert abs((dt.datetime.now(dt.timezone.utc) - made).total_seconds()) < 600


def test_cleaning_all_removes_all(three: FakeBackend, home: Home) -> None:
    assert sorted(htmap.clean(all=True)) == ["fit-1", "fit-2", "other"]
    assert three.jobs == {}
    assert not [*home.maps.iterdir(), *home.tags.iterdir()]


def test_cleaning_sweeps_up_what_killed_processes_left(three: FakeBackend, home: Home) -> None:
    home.staging("0a" * 8).path.mkdir()
    home.dying("0b" * 8).path.mkdir()
    home.map("0c" * 8).path.mkdir()
    tags.claim(home, Tag("orphan", "dead", transient=False))
    assert htmap.get_tags() == ("fit-1", "fit-2", "other"), "half a map is none"
    assert htmap.clean() == ["other"]
    assert len(list(home.maps.iterdir())) == 2
    assert tags.names(home) == ["fit-1", "fit-2"]
    assert len(three.jobs) == 2


def test_a_damaged_map_spoils_no_listing(three: FakeBackend, home: Home, caplog: pytest.LogCaptureFixture) -> None:
    home.map(tags.find(home, "fit-1").uid).map.write_bytes(b"garbage")
    (home.tags / "garbled").write_bytes(b"garbage")
    assert "fit-1" in htmap.get_tags()
    assert [m.tag for m in htmap.load_maps()] == ["fit-2", "other"]
    assert "The map fit-1 cannot be loaded" in caplog.text
    assert htmap.clean() == ["other"]
    assert len(three.jobs) == 2


def test_listing_asks_no_queue(three: FakeBackend, bindings: Bindings) -> None:
    bindings.failure = HTCondorException("Failed to connect to schedd")
    assert htmap.get_tags() == ("fit-1", "fit-2", "other")
    assert [str(m.component_statuses[0]) for m in htmap.load_maps()] == ["IDLE"] * 3
    with pytest.raises(BackendNotAvailable):
        htmap.remove("fit-1")
    assert len(three.jobs) == 3


def garble_record(map_dir: MapDir) -> None:
    map_dir.map.write_bytes(b"garbage")


def lose_record(map_dir: MapDir) -> None:
    map_dir.map.unlink()


def lose_submission(map_dir: MapDir) -> None:
    map_dir.submission(0).submission.unlink()


@pytest.mark.parametrize("damage", [garble_record, lose_record, lose_submission], ids=lambda damage: damage.__name__)
def test_a_damaged_map_is_named_and_can_be_removed(
    damage: Callable[[MapDir], None], three: FakeBackend, home: Home
) -> None:
    damage(home.map(tags.find(home, "fit-1").uid))
    with pytest.raises(DamagedFile, match=r"htmap\.remove"):
        htmap.load("fit-1")
    assert "no tag names it" not in htmap.status()
    htmap.remove("fit-1")
    assert htmap.get_tags() == ("fit-2", "other")
    assert len(list(home.maps.iterdir())) == 2
    assert len(three.jobs) == 2


def test_a_map_that_a_killed_retag_left_with_two_tags_is_cleaned(three: FakeBackend, home: Home) -> None:
    uid = tags.find(home, "other").uid
    tags.claim(home, Tag("second", uid, transient=False))
    htmap.clean(all=True)
    assert htmap.get_tags() == ()
    assert three.jobs == {}


@pytest.mark.usefixtures("three")
def test_the_status_of_one_map_may_be_asked_for_without_a_list() -> None:
    one = htmap.load("fit-1")
    assert htmap.status(one) == htmap.status([one])


@pytest.mark.parametrize("wrong", [3, [3], ["fit-1"]])
@pytest.mark.usefixtures("three")
def test_a_status_of_what_is_no_map_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidOption, match=r"htmap.load\(\)"):
        htmap.status(wrong)
