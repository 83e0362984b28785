"""Mirrors htmap.cli.streams: what a component printed, also while it prints."""

from __future__ import annotations

from tests.processes.cli.place import Place, wait_until


def test_what_a_component_printed_is_shown_as_it_is(finished: Place) -> None:
    assert finished.htmap("stdout", "double", "2") == "doubling 2\n"
    assert finished.htmap("stderr", "double", "2") == "not to be piped: 2\n"
    assert finished.htmap("stdout", "double", "3", "--follow") == "doubling 3\n"
    assert finished.run("stdout", "double", "4").code == 3
    assert finished.run("stderr", "double").code == 2
    assert finished.run("stdout", "double", "first").code == 2


def test_what_a_component_prints_can_be_followed_while_it_runs(place: Place) -> None:
    gate = place.folder / "gate"
    place.python(f'htmap.map(wait_for, ["{gate}"], tag="gated")')
    with place.start("stdout", "gated", "0", "-f") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        now = place.run("stdout", "gated", "0", "--timeout", "0")
        assert (now.code, now.out) == (7, "waiting\n")
        short = place.run("stdout", "gated", "0", "--follow", "--timeout", "0.1")
        assert (short.code, short.out) == (7, "waiting\n")
        gate.touch()
        assert process.communicate(timeout=60) == ("done\n", "")
    assert process.returncode == 0


def test_what_a_component_prints_is_waited_for(place: Place) -> None:
    gate = place.folder / "gate"
    place.python(f'htmap.map(wait_for, ["{gate}"], tag="gated")')
    with place.start("stdout", "gated", "0") as process:
        wait_until(lambda: place.run("stdout", "gated", "0", "--timeout", "0").out == "waiting\n")
        assert process.poll() is None
        gate.touch()
        assert process.communicate(timeout=60) == ("waiting\ndone\n", "")
    assert process.returncode == 0


def test_what_cannot_be_seen_yet_is_said_in_a_sentence(place: Place) -> None:
    gate = place.folder / "gate"
    place.python(f'htmap.map(wait_for, ["{gate}"] * 3, tag="gated")')
    wait_until(lambda: '"RUNNING": [' in place.htmap("components", "gated", "--json"))
    ran = place.run("stdout", "gated", "2", "--timeout", "0.1")
    assert (ran.code, ran.out) == (7, "")
    assert "is IDLE" in ran.err
    place.htmap("hold", "gated")
    assert place.run("stdout", "gated", "2").code == 5
    assert place.run("stdout", "gated", "2", "--follow").code == 5
