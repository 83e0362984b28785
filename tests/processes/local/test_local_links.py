"""What links in the scratch directory do to files elsewhere: nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.processes.local.place import Place

from htmap.backend.protocol import Action, JobStatus


def tree(directory: Path) -> dict[str, str]:
    """Every file below a directory that is no link, with its text."""
    files = (path for path in directory.rglob("*") if path.is_file() and not path.is_symlink())
    return {str(path.relative_to(directory)): path.read_text() for path in files}


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A directory of the user's own, far from any scratch directory."""
    folder = tmp_path / "mine"
    (folder / "sub").mkdir(parents=True)
    (folder / "a").write_text("precious a")
    (folder / "sub" / "b").write_text("precious b")
    return folder


MINE = {"a": "precious a", "sub/b": "precious b"}


@pytest.mark.parametrize(
    ("commands", "outputs", "remaps", "came"),
    [
        ('mkdir out; echo r > out/r; ln -s "$1" out/data', "out", "", {"out/r": "r\n", "out/data/a": MINE["a"]}),
        ('mkdir out; ln -s "$1/a" out/a', "out", "", {"out/a": MINE["a"]}),
        ('ln -s "$1" direct', "direct", "", {"direct/sub/b": MINE["sub/b"]}),
        ('ln -s "$1" direct', "direct/", "", {"sub/b": MINE["sub/b"]}),
        ('ln -s "$1" up', "up/a", "", {"a": MINE["a"]}),
        ('ln -s "$1" up; mkdir out; ln -s ../up out/again', "out", '"out/again/sub/b = b"', {"b": MINE["sub/b"]}),
        ('mkdir out; ln -s "$1/sub" out/sub; ln -s out/sub chain', "chain,out", "", {"chain/b": MINE["sub/b"]}),
    ],
)
@pytest.mark.parametrize("is_evicted", [False, True])
def test_what_a_link_leads_to_is_copied_and_stays_where_it_is(
    place: Place, mine: Path, *, commands: str, outputs: str, remaps: str, came: dict[str, str], is_evicted: bool
) -> None:
    wait = '[ -e ready ] || { touch ready; sleep 100 & trap "exit 0" TERM; wait; }' if is_evicted else "touch ready"
    place.script(f"[ -e ready ] || {{ {commands}; }}; {wait}")
    place.submit(
        arguments=f"\"'{mine}'\"",
        transfer_output_files=f"ready,{outputs}",
        transfer_output_remaps=remaps or None,
        when_to_transfer_output="ON_EXIT_OR_EVICT",
    )
    if is_evicted:
        place.wait_for_file("ready")
        place.act(Action.VACATE)
    place.finish()
    assert tree(mine) == MINE
    assert came.items() <= tree(place.submit_side).items()


@pytest.mark.parametrize("link", ["latest", "zlatest", "deep/latest"])
def test_two_names_of_a_directory_bring_two_whole_directories(place: Place, link: str) -> None:
    place.script(
        f"mkdir -p out/deep out/run1/s; echo 1 > out/run1/one; echo 2 > out/run1/s/two; ln -s $PWD/out/run1 out/{link}"
    )
    place.submit(transfer_output_files="out")
    place.finish()
    whole = {"one": "1\n", "s/two": "2\n"}
    for name in ("run1", link):
        assert tree(place.submit_side / "out" / name) == whole


def test_a_link_from_one_output_into_another_brings_both(place: Place) -> None:
    place.script("mkdir a b; echo a > a/x; ln -s ../a/x b/x; ln -s ../a b/a; echo b > b/y; ln -s ../b/y a/y")
    place.submit(transfer_output_files="a,b")
    place.finish()
    assert tree(place.submit_side / "a") == {"x": "a\n", "y": "b\n"}
    assert tree(place.submit_side / "b") == {"x": "a\n", "y": "b\n", "a/x": "a\n", "a/y": "b\n"}


def test_what_leads_nowhere_or_back_or_is_no_file_is_passed_over(place: Place) -> None:
    place.script(
        """
        mkdir -p out/d; echo f > out/d/f
        ln -s gone out/dangling; ln -s self out/self; ln -s .. out/d/up; ln -s / out/root; ln -s . out/here
        mkfifo out/fifo; ln -s fifo out/to_fifo; ln -s /dev/zero out/zero
        """
    )
    place.submit(transfer_output_files="out")
    place.finish()
    out = place.submit_side / "out"
    assert sorted(str(path.relative_to(out)) for path in out.rglob("*")) == ["d", "d/f"]


@pytest.mark.parametrize("make", ["ln -s gone out", "mkfifo out"])
def test_an_output_that_is_nothing_to_bring_holds_the_job_and_is_named(place: Place, make: str) -> None:
    place.script(make)
    place.submit(transfer_output_files="out")
    place.wait_for(JobStatus.HELD)
    assert "has not made out" in place.jobs()[0].hold_reason


def test_a_longest_name_can_be_a_link(place: Place) -> None:
    name = "ä" * 127
    place.script(f"mkdir out; echo x > x; ln -s ../x out/{name}")
    place.submit(transfer_output_files="out")
    place.finish()
    assert tree(place.submit_side / "out") == {name: "x\n"}


def test_an_input_directory_arrives_whole_with_what_its_links_lead_to(place: Place, mine: Path) -> None:
    folder = place.submit_side / "in"
    (folder / "run5").mkdir(parents=True)
    (folder / "run5" / "x").write_text("5")
    for link, target in {
        "latest": "run5",
        "x": "run5/x",
        "data": str(mine),
        "run5/up": "..",
        "gone": "nowhere",
    }.items():
        (folder / link).symlink_to(target)
    os.mkfifo(folder / "fifo")
    place.script("find in -type f | sort; echo changed > in/data/a")
    place.submit(transfer_input_files="in", output="out")
    place.finish()
    assert place.read("out").split() == ["in/data/a", "in/data/sub/b", "in/latest/x", "in/run5/x", "in/x"]
    assert tree(mine) == MINE
