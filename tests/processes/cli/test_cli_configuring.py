"""Mirrors htmap.cli.configuring: settings in force, and ~/.htmaprc."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.processes.cli.place import Place

from htmap.settings import Settings


@pytest.fixture(scope="module")
def here(finished: Place) -> Place:
    return finished


@pytest.fixture
def rc(here: Place) -> Iterator[Path]:
    path = here.home / ".htmaprc"
    yield path
    for each in here.home.glob(".htmaprc*"):
        each.unlink()


def test_settings_in_force_are_shown(here: Place, rc: Path) -> None:
    rc.write_text("OUTPUT_GRACE = 7\n[LOCAL]\nSLOTS = 5\n")
    shown = here.htmap("settings")
    assert "* LOCAL.SLOTS                      2\n" in shown, "the environment overrides the file"
    assert "* OUTPUT_GRACE                     7.0\n" in shown
    assert "  DELIVERY_METHOD                  bundle\n" in shown
    assert here.htmap("settings", "output_grace") == "7.0\n"
    assert here.htmap("settings", "HTCONDOR.SCHEDULER") == "\n"
    assert json.loads(here.htmap("settings", "--json"))["LOCAL"] == {"LIMIT_MEMORY": False, "SLOTS": 2}
    assert here.htmap("settings", "--user").strip() == rc.read_text().strip()
    assert here.htmap("settings", "--user", "LOCAL.SLOTS") == "5\n"
    assert here.run("settings", "NO.SUCH").code == 1


def test_a_setting_is_changed_and_the_others_stay(here: Place, rc: Path) -> None:
    here.htmap("set", "OUTPUT_GRACE", "3")
    here.htmap("set", "TRANSPLANT.ASSUME_EXISTS", "true")
    here.htmap("set", "map_options.request_memory", "2GB")
    here.htmap("set", "MAP_OPTIONS.REQUEST_CPUS", "2")
    ran = here.run("set", "LOCAL.SLOTS", "4")
    assert "The environment variable HTMAP_LOCAL__SLOTS overrides it." in ran.err
    assert Settings.load(rc).to_dict() == {
        "OUTPUT_GRACE": 3.0,
        "TRANSPLANT": {"ASSUME_EXISTS": True},
        "map_options": {"request_memory": "2GB", "REQUEST_CPUS": "2"},
        "LOCAL": {"SLOTS": 4},
    }
    here.htmap("set", "--unset", "MAP_OPTIONS.request_cpus")
    here.htmap("set", "--unset", "local.slots")
    here.htmap("set", "--unset", "TRANSPLANT")
    assert Settings.load(rc).to_dict() == {"OUTPUT_GRACE": 3.0, "map_options": {"request_memory": "2GB"}}
    assert [path.name for path in here.home.iterdir()] == [".htmaprc"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["LOCAL.SLOTS", "many"], 1, "must be a whole number"),
        (["LOCAL.SLOTS", "-1"], 1, "must be a whole number, 0 or more"),
        (["WAIT_TIME", "soon"], 1, "must be a number"),
        (["BACKEND", "slurm"], 1, "must be auto, htcondor or local"),
        (["DELIVERY_METHOD", "pigeon"], 1, "no delivery method 'pigeon'"),
        (["LOG_LEVEL", "loud"], 1, "must be one of DEBUG"),
        (["LOCAL.SLOT", "1"], 1, "Did you mean LOCAL.SLOTS?"),
        (["MAP_OPTIONS", "1"], 1, "is a table"),
        (["TRANSPLANT.ASSUME_EXISTS", "perhaps"], 1, "must be true or false"),
        (["LOCAL.SLOTS"], 2, "VALUE"),
        (["--unset", "LOCAL.SLOTS", "1"], 2, "--unset"),
        (["--unset", "LOCAL.SLOTS"], 1, "does not set"),
    ],
)
def test_what_cannot_be_is_refused(words: list[str], code: int, said: str, here: Place, rc: Path) -> None:
    rc.write_text('HTMAP_DIR = "/somewhere"\n')
    ran = here.run("set", *words)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err
    assert rc.read_text() == 'HTMAP_DIR = "/somewhere"\n'


def test_comments_are_kept_beside_and_modes_and_links_stay(here: Place, rc: Path) -> None:
    elsewhere = here.home / ".htmaprc-elsewhere"
    elsewhere.write_text("# mine\nOUTPUT_GRACE = 7\n")
    elsewhere.chmod(0o640)
    rc.symlink_to(elsewhere)
    ran = here.run("set", "WAIT_TIME", "2")
    assert "Comments are lost" in ran.err
    assert rc.is_symlink()
    assert elsewhere.stat().st_mode & 0o777 == 0o640
    assert Settings.load(rc).to_dict() == {"OUTPUT_GRACE": 7, "WAIT_TIME": 2.0}
    assert (here.home / ".htmaprc-elsewhere.old").read_text().startswith("# mine")


def test_a_file_that_cannot_be_read_is_said_by_name_and_line(here: Place, rc: Path) -> None:
    rc.write_text("LOCAL = = 2\n")
    for words in (["set", "WAIT_TIME", "2"], ["settings"], ["tags"]):
        ran = here.run(*words)
        assert ran.code == 1
        assert ran.err.startswith(f"Error: {rc}")
    assert here.run("--help").code == 0
    assert rc.read_text() == "LOCAL = = 2\n"
