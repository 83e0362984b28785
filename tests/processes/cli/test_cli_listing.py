"""Mirrors htmap.cli.listing: tags and status, for people and for programs."""

from __future__ import annotations

import csv
import io
import json
import resource
import shutil
import subprocess
import sys

import pytest
from tests.processes.cli.place import Place

from htmap.store import tags
from htmap.store.mapdir import Home
from htmap.store.tags import Tag


def test_tags_are_listed_one_a_line(finished: Place) -> None:
    assert finished.htmap("tags") == "double\nfail\n"
    assert finished.htmap("tags", "--pattern", "f*") == "fail\n"
    assert finished.htmap("tags", "-p", "nothing") == ""
    assert finished.htmap("tags", "-p", "f*", "-p", "d*", "-p", "*b*") == "double\nfail\n"
    assert json.loads(finished.htmap("tags", "--json")) == ["double", "fail"]


def test_a_status_in_a_pipe_is_plain_and_not_cut(finished: Place) -> None:
    header, double, fail, together = finished.htmap("status").splitlines()
    assert together == "2 maps: 5 ERRORED, 5 COMPLETED"
    assert header.split()[:4] == ["Tag", "ERRORED", "RUNNING", "COMPLETED"]
    assert header.endswith("Age  Local Data  Max Memory  Max Wall  Total Wall  Total CPU")
    assert double.split()[:4] == ["double", "0", "0", "4"]
    assert fail.split()[:4] == ["fail", "5", "0", "1"]


def test_a_status_in_a_terminal_has_colours_unless_they_are_not_wanted_and_fits(finished: Place) -> None:
    assert "\x1b[32m" in finished.in_terminal("status")
    assert "\x1b[" not in finished.in_terminal("status", NO_COLOR="1")
    assert "\x1b[" not in finished.in_terminal("status", "--no-color")
    assert "\x1b[" not in finished.in_terminal("components", "fail", "--no-color")
    assert "\x1b[3" not in finished.in_terminal("status", "--live", "--no-color")
    assert "\x1b[32m" in finished.in_terminal("status", "--color", "--no-live")
    narrow = finished.in_terminal("status", NO_COLOR="1", COLUMNS="50")
    assert max(map(len, narrow.splitlines())) <= 50


def test_a_status_can_be_read_by_programs(finished: Place) -> None:
    text = finished.htmap("status", "--format", "json")
    tool = [sys.executable, "-m", "json.tool"]
    assert subprocess.run(tool, input=text, text=True, capture_output=True, check=True).stdout
    found = json.loads(text)
    assert found["double"]["component_statuses"]["COMPLETED"] == 4
    assert isinstance(found["double"]["total_runtime"], int)
    assert 1000 < found["double"]["local_data"] < 1_000_000, "bytes"
    assert json.loads(finished.htmap("status", "--json")) == found
    compact = finished.htmap("status", "--format", "json_compact")
    assert json.loads(compact) == found
    assert compact.count("\n") == 1
    rows = list(csv.DictReader(io.StringIO(finished.htmap("status", "--format", "csv"))))
    assert [(row["tag"], row["ERRORED"], row["COMPLETED"]) for row in rows] == [
        ("double", "0", "4"),
        ("fail", "5", "1"),
    ]
    assert rows[0]["local_data"] == str(found["double"]["local_data"])


def test_a_status_shows_what_is_asked_for(finished: Place) -> None:
    assert finished.htmap("status", "fail").count("\n") == 2
    assert "COMPLETED" not in finished.htmap("status", "--no-state")
    assert "Local Data" not in finished.htmap("status", "--no-meta")
    ran = finished.run("status", "doubel")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.endswith("Did you mean double?\n")


def test_a_live_status_ends_when_nothing_more_can_happen(finished: Place) -> None:
    once, live = finished.htmap("status").splitlines(), finished.htmap("status", "--live").split("\n\n")
    assert [line.split()[:4] for line in live[0].splitlines()] == [line.split()[:4] for line in once]
    assert "".join(live[1:]).strip() == ""
    assert "\x1b[32m" in finished.in_terminal("status", "--live", "double")
    assert finished.run("status", "--live", "--json").code == 2


def test_a_live_status_goes_on_until_then(place: Place) -> None:
    gate = place.folder / "gate"
    place.python(f'htmap.map(wait_for, ["{gate}"], tag="gated")')
    with place.start("status", "--live") as process:
        assert process.stdout is not None
        seen = ""
        while " 1          0" not in seen:  # one is running, none has returned
            seen += process.stdout.readline()
        gate.touch()
        rest, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert rest.splitlines()[-2].split()[:3] == ["gated", "0", "1"]


def test_what_is_broken_is_listed_and_not_fatal(place: Place) -> None:
    place.python('htmap.map(double, [1], tag="good").wait(60)')
    home = Home(place.htmap_dir)
    (home.tags / "garbled").write_bytes(b"garbage")
    tags.claim(home, Tag("orphan", "0a" * 8, transient=False))
    (home.maps / "2024").mkdir()
    shown = place.htmap("status")
    assert "3 cannot be used:" in shown
    assert all(name in shown for name in ("good", "garbled", "orphan", str(home.maps / "2024")))
    named = place.htmap("status", "good", "garbled")
    assert "1 cannot be used:" in named
    cleaned = place.run("clean")
    assert cleaned.code == 1
    assert "The tag 'garbled' is damaged" in cleaned.err, "whether its map is transient cannot be known"
    assert str(home.maps / "2024") in cleaned.err
    assert place.htmap("remove", "garbled") == "Removed garbled\n"
    assert place.htmap("tags") == "good\n"


def test_a_thousand_maps_are_shown_in_two_seconds_with_what_is_broken_among_them(place: Place) -> None:
    home = Home(place.htmap_dir)
    place.python('htmap.map(double, range(10), tag="template").wait(60)')
    multiply(home, "template", 999)
    half_removed = home.map(f"{1:016x}")
    half_removed.path.rename(home.dying(half_removed.uid).path)
    broken = home.map(f"{2:016x}").map
    broken.unlink()
    broken.write_bytes(b"garbage")
    (home.maps / "foreign").mkdir()
    place.htmap("status")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    shown = place.htmap("status")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Not the time on the wall: the tests share this machine with others.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2
    assert shown.count(" 10 ") == 998
    assert "4 cannot be used:" in shown
    assert place.htmap("tags").count("\n") == 999
    shutil.rmtree(home.maps)  # to remove each of them in good order would take long


def multiply(home: Home, tag: str, number: int) -> None:
    """Copy a map so many times, as map-000 and so on; their files are one and the same."""
    made = home.map(tags.find(home, tag).uid).path
    parts = [(path.relative_to(made), path.is_dir()) for path in sorted(made.rglob("*"))]
    for each in range(number):
        copy = home.map(f"{each:016x}")
        copy.path.mkdir()
        for part, is_directory in parts:
            (copy.path / part).mkdir() if is_directory else (copy.path / part).hardlink_to(made / part)
        tags.claim(home, Tag(f"map-{each:03}", copy.uid, transient=False))


@pytest.mark.parametrize("command", ["tags", "status"])
def test_without_maps_nothing_is_wrong(command: str, place: Place) -> None:
    assert place.htmap(command) == {"tags": "", "status": "There are no maps.\n"}[command]


def test_maps_are_chosen_by_age_and_activity_and_put_in_order(finished: Place) -> None:
    def shown(*options: str) -> list[str]:
        return list(json.loads(finished.htmap("status", "--json", *options)))

    assert shown("--since", "1w") == ["double", "fail"]
    assert shown("--since", "0s") == []
    assert shown("--active") == []
    assert shown("--sort", "-tag") == ["fail", "double"]
    assert shown("--sort", "created") == list(reversed(shown("--sort", "-created")))
    assert finished.run("status", "--sort", "colour").code == 2
