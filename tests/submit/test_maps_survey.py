"""Mirrors htmap.maps.survey: all maps at once, also when some of what lies there is broken."""

from __future__ import annotations

import csv
import io
import json
import shutil

import pytest
from tests.submit.fake_backend import FakeBackend
from tests.submit.fake_bindings import Bindings, HTCondorException

import htmap
from htmap.maps.survey import survey
from htmap.store import tags
from htmap.store.locks import new_locked_directory
from htmap.store.mapdir import Home
from htmap.store.tags import Tag


@pytest.fixture
def ten(queue: FakeBackend) -> FakeBackend:
    """Ten maps of two components, of which one has returned."""
    for number in range(10):
        htmap.map(str, [1, 2], tag=f"map-{number}", quiet=True)
        queue.run(0)
    return queue


@pytest.mark.usefixtures("ten")
def test_broken_half_removed_and_foreign_things_are_listed_with_what_to_do(home: Home) -> None:
    htmap.load("map-1").opened.directory.map.write_bytes(b"garbage")
    (home.tags / "map-2").write_bytes(b"garbage")
    half_removed = htmap.load("map-3").opened.directory
    half_removed.path.rename(home.dying(half_removed.uid).path)
    no_tag = htmap.load("map-4").opened.directory
    (home.tags / "map-4").unlink()
    htmap.load("map-5").opened.directory.submission(0).submission.unlink()
    (home.maps / "2024").mkdir()
    (home.tags / "folder").mkdir()
    found = {each.name: each.problem for each in survey(home).broken}
    assert "htmap.remove()" in found["map-1"]
    assert "map-2" in found["map-2"]
    assert "`htmap clean`" in found["map-3"]
    assert "`htmap clean`" in found[str(home.dying(half_removed.uid).path)]
    assert "no tag names it" in found[str(no_tag.path)]
    assert "htmap.remove()" in found["map-5"]
    assert "move it elsewhere" in found[str(home.maps / "2024")]
    assert "folder" in found["folder"]
    assert len(found) == 9, "the map of the damaged tag has no other"
    for spoken in (htmap.status(), htmap.status_csv(), htmap.status_json()):
        assert all(f"map-{number}" in spoken for number in range(10) if number != 4)
    assert "cannot be used" in htmap.status()
    assert json.loads(htmap.status_json())["map-0"]["component_statuses"]["COMPLETED"] == 1


@pytest.mark.usefixtures("ten")
def test_a_pattern_looks_at_tags_only(home: Home) -> None:
    (home.maps / "2024").mkdir()
    assert list(survey(home, "map-[12]").maps) == ["map-1", "map-2"]
    assert survey(home, "map-[12]").broken == []


@pytest.mark.usefixtures("ten")
def test_what_somebody_is_making_or_removing_now_is_not_broken(home: Home) -> None:
    with new_locked_directory(home.staging("0a" * 8).path):
        assert survey(home).broken == []
    assert len(survey(home).broken) == 1


@pytest.mark.usefixtures("queue")
def test_a_tag_whose_map_is_gone_is_cut_short(home: Home) -> None:
    tags.claim(home, Tag("orphan", "0a" * 8, transient=False))
    (broken,) = survey(home).broken
    assert (broken.name, "`htmap clean`" in broken.problem) == ("orphan", True)
    htmap.clean()
    assert survey(home).broken == []


@pytest.mark.usefixtures("ten")
def test_given_maps_are_shown_whatever_else_there_is(home: Home) -> None:
    (home.maps / "2024").mkdir()
    maps = htmap.load_maps("map-[12]")
    shutil.rmtree(maps[0].opened.directory.path)
    found = json.loads(htmap.status_json(maps, compact=True))
    assert list(found) == ["map-2", "map-1"]
    assert "has been removed" in found["map-1"]["problem"]
    assert htmap.status([]) == "There are no maps."


@pytest.mark.usefixtures("ten")
def test_numbers_are_in_bytes_and_seconds() -> None:
    found = json.loads(htmap.status_json())["map-0"]
    m = htmap.load("map-0")
    assert found["local_data"] == m.local_data
    assert (found["max_runtime"], found["total_runtime"], found["max_memory"]) == (1, 1, 17 * 1024**2)
    rows = list(csv.DictReader(io.StringIO(htmap.status_csv())))
    assert [row["tag"] for row in rows] == [f"map-{number}" for number in range(10)]
    assert {row["COMPLETED"] + row["IDLE"] for row in rows} == {"11"}


@pytest.mark.usefixtures("ten")
def test_parts_can_be_left_out() -> None:
    assert "component_statuses" not in htmap.status_json(include_state=False)
    assert "local_data" not in htmap.status_json(include_meta=False)
    assert "COMPLETED" not in htmap.status(include_state=False)
    assert "Local Data" not in htmap.status(include_meta=False)


@pytest.mark.usefixtures("ten")
def test_silent_maps_are_settled_with_the_queue_if_it_answers(ten: FakeBackend, bindings: Bindings) -> None:
    htmap.settings["QUEUE_CHECK_TIME"] = 0
    ten.is_silent = True
    ten.jobs.pop((10, 1))
    assert json.loads(htmap.status_json())["map-9"]["component_statuses"]["REMOVED"] == 1
    bindings.failure = HTCondorException("Failed to connect to schedd")
    assert json.loads(htmap.status_json())["map-9"]["component_statuses"]["IDLE"] == 1


def test_the_width_of_a_terminal_is_respected(ten: FakeBackend, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    monkeypatch.setenv("COLUMNS", "60")
    assert max(map(len, htmap.status().splitlines())) <= 60
    monkeypatch.setenv("COLUMNS", "200")
    assert "Total CPU" in htmap.status()
