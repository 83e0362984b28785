"""Mirrors htmap.cli.debugging and htmap.maps.rehearsal: one component, in this terminal."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.frozen import freeze
from tests.processes.cli.place import Place

import htmap
from htmap.exceptions import CannotUnpickle, NoSuchComponent
from htmap.maps.rehearsal import rehearse
from htmap_common.wire import Kind, encode_file


def test_a_component_that_returns_shows_what(finished: Place) -> None:
    ran = finished.run("debug", "double", "3")
    assert (ran.code, ran.out) == (0, "doubling 3\n6\n")
    assert "not to be piped: 3" in ran.err
    assert finished.htmap("stdout", "double", "3") == "doubling 3\n", "nothing of the map has changed"


def test_a_component_that_raises_shows_where_in_the_users_own_lines(finished: Place) -> None:
    ran = finished.run("debug", "fail", "1")
    assert ran.code == 4
    assert ran.err.endswith("ValueError: x is 1\n")
    assert ran.err.count('File "') == 1
    assert "work.py" in ran.err
    assert finished.run("debug", "fail", "6").code == 3


def test_one_can_look_around_where_it_raised(finished: Place) -> None:
    ran = finished.run("debug", "fail", "5", "--pdb", stdin="p x + 1000\nq\n")
    assert ran.code == 4
    assert "1005" in ran.out


def test_the_function_gets_the_local_files(place: Place) -> None:
    for name, text in {"given.txt": "a\nb", "sent.txt": "c"}.items():
        (place.folder / name).write_text(text)
    place.python(f"""
options = htmap.MapOptions(fixed_input_files="{place.folder}/sent.txt")
htmap.map(lines_of, [htmap.TransferPath("{place.folder}/given.txt")], tag="files", map_options=options).wait(60)
assert list(htmap.load("files")) == [["a", "b", "c"]]
""")
    assert place.htmap("debug", "files", "0") == "['a', 'b', 'c']\n"
    (place.folder / "given.txt").write_text("other")
    assert place.htmap("debug", "files", "0") == "['other', 'c']\n"
    missing = place.run("debug", "files", "0", "--here")
    assert missing.code == 4
    assert "sent.txt" in missing.err


@pytest.mark.usefixtures("queue")
def test_files_elsewhere_are_named(own_settings: object) -> None:  # noqa: ARG001
    url = htmap.TransferPath("a.csv", protocol="http", location="example.org")
    m = htmap.map(str, [[url]], tag="remote", quiet=True)
    prepared = rehearse(m.opened, 0)
    assert prepared.remote == [url]
    assert prepared.args == ([url],)
    with pytest.raises(NoSuchComponent):
        rehearse(m.opened, 1)


@pytest.mark.usefixtures("queue")
def test_a_function_of_another_python_is_refused_before_it_is_unpickled() -> None:
    m = htmap.map(str, [1], tag="other", quiet=True)
    path = Path(m.opened.directory.function)
    path.write_bytes(b"".join(encode_file(Kind.FUNCTION, {"python": [3, 2, 0]}, freeze(str))))
    with pytest.raises(CannotUnpickle, match=rf"by Python 3.2, and this is 3.{sys.version_info[1]}"):
        rehearse(m.opened, 0)
