"""Mirrors htmap.cli.acting, htmap.cli.editing and htmap.cli.rerunning: commands that change something."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from tests.processes.cli.place import Place, made, wait_until


class Gated:
    """A place with a map of three components, of which two run until a file is there."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.gate = place.folder / "gate"
        place.python(f'htmap.map(wait_for, ["{self.gate}"] * 3, tag="gated")')

    def statuses(self) -> dict[str, list[int]]:
        found: dict[str, dict[str, list[int]]] = json.loads(self.place.htmap("components", "gated", "--json"))
        return found["gated"]

    def wait_for(self, **counts: int) -> None:
        wait_until(lambda: {name: len(components) for name, components in self.statuses().items()} == counts)


@pytest.fixture
def gated() -> Iterator[Gated]:
    with made() as place:
        yield Gated(place)


def test_components_are_held_released_paused_resumed_and_vacated(gated: Gated) -> None:
    place = gated.place
    gated.wait_for(RUNNING=2, IDLE=1)
    assert place.htmap("pause", "gated") == "Paused gated\n"
    gated.wait_for(SUSPENDED=2, IDLE=1)
    assert place.htmap("resume", "gated") == "Resumed gated\n"
    gated.wait_for(RUNNING=2, IDLE=1)
    assert place.htmap("vacate", "gated") == "Vacated gated\n"
    gated.wait_for(RUNNING=2, IDLE=1)
    assert place.htmap("hold", "--pattern", "g*") == "Held gated\n"
    gated.wait_for(HELD=3)
    reasons = place.htmap("reasons", "gated")
    assert "gated: 3 held components" in reasons
    assert "HTMap: hold by the user" in reasons
    assert {each["code"] for each in json.loads(place.htmap("reasons", "--all", "--json"))["gated"]} == {1}
    gated.gate.touch()
    assert place.htmap("release", "--all") == "Released gated\n"
    gated.wait_for(COMPLETED=3)
    for words in (["hold"], ["resume"], ["edit", "memory"]):
        ran = place.run(*words, "gated", *(["2GB"] if "memory" in words else []))
        assert (ran.code, ran.out) == (0, "")
        assert "gated has ended: nothing of it is in the queue." in ran.err
    assert place.run("hold", "gatde").code == 3


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["memory", "gated", "2GB"], "request 2048 MB of memory"),
        (["memory", "gated", "300"], "request 300 MB of memory"),
        (["memory", "--all", "1.5g"], "request 1536 MB of memory"),
        (["disk", "gated", "1 mb"], "request 1024 KB of disk"),
        (["disk", "gated", "7KB"], "request 7 KB of disk"),
    ],
)
def test_requests_are_edited(words: list[str], expected: str, queued: Place) -> None:
    assert expected in queued.htmap("edit", *words)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["disk", "gated", "2", "--unit", "GB"], "request 2097152 KB of disk"),
        (["disk", "gated", "2", "--unit", "kb"], "request 2 KB of disk"),
        (["disk", "gated", "2MB"], "request 2048 KB of disk"),
        (["memory", "gated", "2", "--unit", "gb"], "request 2048 MB of memory"),
        (["memory", "gated", "2", "--unit", "MB"], "request 2 MB of memory"),
    ],
)
def test_a_unit_may_stand_beside_its_number(words: list[str], expected: str, queued: Place) -> None:
    assert expected in queued.htmap("edit", *words)


@pytest.mark.parametrize("number", ["2", "0.5", "100000"])
def test_a_bare_number_of_disk_is_refused_with_both_spellings(number: str, queued: Place) -> None:
    ran = queued.run("edit", "disk", "gated", number)
    assert ran.code == 2
    assert f"Write {number}GB or {number}KB" in ran.err
    ran = queued.run("edit", "disk", "gated", f"{number}GB", "--unit", "MB")
    assert (ran.code, ran.out) == (2, "")


@pytest.mark.parametrize("amount", ["much", "0", "-1", "2PB", "", "0.0GB"])
def test_what_is_no_amount_is_refused(amount: str, queued: Place) -> None:
    ran = queued.run("edit", "memory", "gated", amount)
    assert ran.code == 2
    assert "htmap edit memory --help" in ran.err


@pytest.fixture(scope="module")
def queued() -> Iterator[Place]:
    with made() as place:
        Gated(place)
        yield place


def test_a_map_is_retagged(place: Place) -> None:
    place.python('htmap.map(double, [1], tag="old").wait(60); htmap.map(double, [1], tag="taken").wait(60)')
    assert place.htmap("retag", "old", "new") == "Retagged old as new\n"
    assert place.htmap("tags") == "new\ntaken\n"
    taken = place.run("retag", "new", "taken")
    assert taken.code == 1
    assert taken.err.startswith("Error: There is a map with the tag 'taken' already.")
    assert place.run("retag", "new", "no/way").code == 2
    assert place.run("retag", "old", "newer").code == 3


def test_maps_are_removed_and_cleaned(place: Place) -> None:
    place.python('[htmap.map(double, [1], tag=tag) for tag in ("kept", "a", "b", "c", None)]')
    *_, transient = sorted(place.htmap("tags").split(), key=len)
    assert place.htmap("remove", "a", "b") == "Removed a\nRemoved b\n"
    assert place.htmap("remove", "--force", "c") == "Removed c\n"
    assert place.run("remove", "a").code == 3
    assert place.htmap("clean", "--dry-run") == f"Would remove {transient}\n"
    assert place.htmap("clean", "--older-than", "1h") == ""
    assert place.run("clean", "--older-than", "long").code == 2
    assert place.htmap("clean") == f"Removed {transient}\n"
    assert place.htmap("remove", "--all", "--dry-run") == "Would remove kept\n"
    for command in ("clean", "remove"):
        assert "Remove 1 map and all of their data, for ever? [y/N]" in place.in_terminal(command, "--all", typed="n\n")
    assert place.htmap("tags") == "kept\n"
    assert place.htmap("clean", "--all") == "Removed kept\n"
    assert place.htmap("tags") == ""


def test_components_are_rerun(place: Place) -> None:
    place.python('htmap.map(fail, range(4), tag="flaky").wait(60, errors_ok=True)')
    assert place.htmap("rerun", "failed", "flaky") == "Reran 4 components of flaky: 0-3\n"
    place.run("wait", "flaky")
    assert place.htmap("rerun", "components", "flaky", "0,2-3") == "Reran 3 components of flaky: 0,2-3\n"
    assert place.run("wait", "flaky").code == 4
    assert place.htmap("rerun", "components", "flaky", "0", "1", "3") == "Reran 3 components of flaky: 0-1,3\n"
    assert place.run("wait", "flaky").code == 4
    assert place.htmap("rerun", "map", "flaky") == "Reran flaky\n"
    assert place.run("wait", "flaky").code == 4
    assert place.run("rerun", "components", "flaky", "4").code == 3
    assert place.run("rerun", "components", "flaky", "x").code == 2
    assert place.run("rerun", "components", "flaky", "0", "x").code == 2
    assert place.run("rerun", "components", "flaky").code == 2
    assert place.run("rerun").code == 2


def test_what_is_active_is_not_rerun(queued: Place) -> None:
    ran = queued.run("rerun", "map", "gated")
    assert ran.code == 1
    assert "are active" in ran.err
    assert queued.htmap("rerun", "failed", "gated") == "Reran 0 components of gated\n"
