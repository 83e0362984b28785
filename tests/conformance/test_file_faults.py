"""What goes wrong with files is said: before anything is submitted, as a hold, or as the error of a component."""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
import time
from pathlib import Path

import pytest

import htmap
from htmap import ComponentStatus as Status
from htmap import TransferPath
from htmap.exceptions import InputFileNotFound, InvalidOption, MapComponentError, MapComponentHeld

TIMEOUT_S = 120
HELD_OUTPUT, HELD_INPUT = 12, 13


def until_held(m: htmap.Map) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while Status.HELD not in m.component_statuses:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def read_two_of_which_one_vanishes(folder: Path, name: str) -> htmap.Map:
    (folder / name).write_text("data")
    (folder / "other").write_text("other")

    def inputs():
        yield TransferPath(folder / "other"), b""
        # More than is kept in memory: it is written, and its file looked at, before the next one is asked for.
        yield TransferPath(folder / name), bytes(500_000)
        (folder / name).rename(folder / "elsewhere")

    m = htmap.starmap(lambda path, _filling: path.read_text(), inputs(), quiet=True)
    assert m.get(0, TIMEOUT_S) == "other"
    return m


def test_an_input_that_vanishes_after_submission_holds_its_component(tmp_path) -> None:
    name = "data.csv"
    m = read_two_of_which_one_vanishes(tmp_path, name)
    with pytest.raises(MapComponentHeld, match=f"[Cc]omponent 1 .*{name}"):
        m.get(1, TIMEOUT_S)
    assert list(m.holds) == [1]
    assert m.holds[1].code == HELD_INPUT
    assert name in m.holds[1].reason
    assert "No such file or directory" in m.holds[1].reason
    assert name in m.hold_report()
    (tmp_path / "elsewhere").rename(tmp_path / name)
    m.release()
    assert m.get(1, TIMEOUT_S) == "data"


def test_an_input_of_an_odd_name_that_vanishes_is_an_error_of_its_component(tmp_path) -> None:
    m = read_two_of_which_one_vanishes(tmp_path, "a, b.csv")
    with pytest.raises(MapComponentError, match="(?s)omponent 1 .*FileNotFoundError.*a, b.csv") as raised:
        m.get(1, TIMEOUT_S)
    assert isinstance(raised.value.__cause__, FileNotFoundError)
    (tmp_path / "elsewhere").rename(tmp_path / "a, b.csv")
    m.rerun([1])
    assert m.get(1, TIMEOUT_S) == "data"


def test_a_rerun_without_an_input_is_refused_and_leaves_all_as_it_was(tmp_path) -> None:
    (tmp_path / "x").write_text("x")
    m = htmap.map(lambda path: path.read_text(), [TransferPath(tmp_path / "x")], quiet=True)
    m.wait(TIMEOUT_S)
    (tmp_path / "x").unlink()
    with pytest.raises(InputFileNotFound, match="There is no input file"):
        m.rerun()
    assert list(m) == ["x"]
    (tmp_path / "x").write_text("again")
    m.rerun()
    m.wait(TIMEOUT_S)
    assert list(m) == ["again"]


def write(x, spoil=lambda: None, spoiled="/"):
    """Send something back, to a place that goes bad meanwhile, once."""
    if not Path(spoiled).exists():
        Path(spoiled).touch()
        spoil()
    if x == "directory":
        Path("out").mkdir()
        Path("out/in").write_text("in")
    else:
        Path("out").write_text(x)
    htmap.transfer_output_files("out")
    return x


def test_a_place_that_refuses_an_output_by_then_holds_the_component(tmp_path) -> None:
    place = tmp_path / "place"
    place.mkdir(mode=0o500)
    options = htmap.MapOptions(output_remaps={"out": TransferPath(place / "out")})
    with pytest.raises(InvalidOption, match="you may not write into .*place"):
        htmap.map(write, ["text"], map_options=options, quiet=True)
    place.chmod(0o700)
    spoiling = ("text", lambda: place.chmod(0o500), tmp_path / "spoiled")
    m = htmap.starmap(write, [spoiling], map_options=options, quiet=True)
    until_held(m)
    assert m.holds[0].code == HELD_OUTPUT
    assert "Permission denied" in m.holds[0].reason
    assert str(place / "out") in m.holds[0].reason
    place.chmod(0o700)
    m.release()
    m.wait(TIMEOUT_S)
    assert m[0] == "text"
    assert (place / "out").read_text() == "text"


def test_a_directory_in_the_place_of_a_file_holds_the_component_and_the_other_way_round_replaces_it(tmp_path) -> None:
    (tmp_path / "directory").write_text("a file")
    remaps = [{"out": TransferPath(tmp_path / name)} for name in ("text", "directory")]
    spoiling = ("text", (tmp_path / "text").mkdir, tmp_path / "spoiled")
    m = htmap.starmap(write, [spoiling, ("directory",)], map_options=htmap.MapOptions(output_remaps=remaps), quiet=True)
    assert m.get(1, TIMEOUT_S) == "directory"
    assert (tmp_path / "directory" / "in").read_text() == "in"
    with pytest.raises(MapComponentHeld, match="omponent 0 .*Is a directory"):
        m.get(0, TIMEOUT_S)
    assert m.holds[0].code == HELD_OUTPUT
    assert str(tmp_path / "text") in m.holds[0].reason
    (tmp_path / "text").rmdir()
    m.release()
    m.wait(TIMEOUT_S)
    assert (tmp_path / "text").read_text() == "text"


def hand_over(way):
    """Give files to HTMap, in one way or another; returns what is left of them here."""
    Path("plain").write_text("plain")
    Path("a/b").mkdir(parents=True)
    Path("a/b/nested").write_text("nested")
    if way == "missing":
        htmap.transfer_output_files("plain", "not there")
    if way == "twice":
        other = Path(tempfile.mkdtemp(dir="/tmp"), "plain")
        other.write_text("other")
        htmap.transfer_output_files("plain", other)
    if way == "twice later":
        htmap.transfer_output_files("plain")
        Path("plain").write_text("again")
        htmap.transfer_output_files("plain")
    if way == "all":
        htmap.transfer_output_files(".")
    if way == "raise":
        htmap.transfer_output_files("plain")
        raise RuntimeError("after handing over")
    if way == "several":
        htmap.transfer_output_files("plain", Path("a") / "b" / "nested")
        htmap.transfer_output_files("a/")
    if way == "outside":
        outside = Path(tempfile.mkdtemp(dir="/tmp"))
        (outside / "out").write_text("out")
        (outside / "folder").mkdir()
        (outside / "folder" / "x").write_text("x")
        os.symlink(Path("plain").absolute(), outside / "link")
        htmap.transfer_output_files(outside / "out", str(outside / "folder"), outside / "link")
        assert sorted(os.listdir(outside)) == ["folder", "link", "out"]
        shutil.rmtree(outside)
    return sorted(str(path) for path in Path().rglob("*") if path.name in {"plain", "nested", "a", "b"})


WAYS = ["none", "missing", "twice", "twice later", "all", "raise", "several", "outside"]
ERRORS = {
    "missing": "'not there', but there is no such file or directory",
    "twice": "two files named 'plain'",
    "twice later": "two files named 'plain'",
    "all": "holds the whole job",
    "raise": "after handing over",
}
BACK = {
    "twice later": {"plain": "plain"},
    "raise": {"plain": "plain"},
    "several": {"plain": "plain", "a/b/nested": "nested"},
    "outside": {"out": "out", "folder/x": "x", "link": "plain"},
}
LEFT = {"none": ["a", "a/b", "a/b/nested", "plain"], "several": [], "outside": ["a", "a/b", "a/b/nested", "plain"]}


def test_output_files_are_moved_with_their_paths_and_what_makes_no_sense_is_an_error() -> None:
    m = htmap.map(hand_over, WAYS, quiet=True)
    m.wait(TIMEOUT_S, errors_ok=True)
    for component, way in enumerate(WAYS):
        if way in ERRORS:
            with pytest.raises(MapComponentError, match=ERRORS[way]):
                m.get(component)
        else:
            left = [path for path in m.get(component) if not path.startswith("_htmap")]
            assert left == LEFT[way], way
        place = m.output_files[component] if way in BACK else m.opened.directory.output_files(component)
        files = [path for path in place.rglob("*") if path.is_file()]
        assert {str(path.relative_to(place)): path.read_text() for path in files} == BACK.get(way, {}), way


def fill(how):
    """Come upon the end of the disk: a process may be allowed no large file, as on a disk with no room for one."""
    soft = 1 << 20 if how != "fine" else resource.RLIM_INFINITY
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, resource.RLIM_INFINITY))
    if how == "scratch":
        Path("large").write_bytes(bytes(2 << 20))
    if how == "result":
        return bytes(2 << 20)
    return how


@pytest.mark.parametrize("chunksize", [1, 4])
def test_a_full_scratch_disk_is_the_error_of_the_component_that_met_it(chunksize) -> None:
    options = htmap.MapOptions(chunksize=chunksize)
    m = htmap.map(fill, ["fine", "scratch", "result", "fine"], map_options=options, quiet=True)
    m.wait(TIMEOUT_S, errors_ok=True)
    assert m.component_statuses == [Status.COMPLETED, Status.ERRORED, Status.ERRORED, Status.COMPLETED]
    assert m[0] == m[3] == "fine"
    with pytest.raises(MapComponentError, match="File too large") as raised:
        m.get(1)
    assert isinstance(raised.value.__cause__, OSError)
    with pytest.raises(MapComponentError, match="omponent 2 .*could not be written: File too large") as raised:
        m.get(2)
    assert "request_disk" in str(raised.value)
