"""Mirrors htmap.create.description: a request becomes exactly this text, and HTCondor reads it as it is meant."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.submit.fake_backend import FakeJob, folded
from tests.submit.golden_cases import BUNDLE, CASES, GOLDEN, make_files, map_dir_below, plan_of, written

from htmap import MapOptions
from htmap.create.description import relocated, render, renumbered, varying_options
from htmap.exceptions import InvalidOption
from htmap.language import classad
from htmap.language.classad import Scope
from htmap.language.description import Description, parse
from htmap.language.items import item_values


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the files are that the cases refer to."""
    folder = tmp_path_factory.mktemp("root")
    make_files(folder)
    return folder


# --- golden ---------------------------------------------------------------------------------------------------------


def test_there_is_a_golden_file_for_each_case_and_no_other() -> None:
    assert sorted(path.name for path in GOLDEN.iterdir()) == sorted(CASES)


@pytest.mark.parametrize("name", CASES)
def test_a_description_is_what_it_always_was(name: str, root: Path) -> None:
    assert written(CASES[name], root) == (GOLDEN / name).read_text(encoding="utf-8")


def test_rendering_is_pure(root: Path) -> None:
    case = CASES["files"]
    assert (case.text(root), case.lines(root)) == (case.text(root), case.lines(root))
    assert not map_dir_below(root).path.exists()


# --- as HTCondor reads it -------------------------------------------------------------------------------------------

# In a process of its own: the bindings read their configuration when they are imported, for good.
READ_BACK = """
import json, sys, htcondor2
read = []
for text, item in json.load(sys.stdin):
    submit = htcondor2.Submit(text)
    commands = dict(submit)
    for name, value in item.items():
        submit[name] = value
    read.append([commands, {key: submit.expand(key) for key in commands}, submit.getQArgs()])
json.dump(read, sys.stdout)
"""


@dataclass
class ReadBack:
    """What HTCondor's own parser makes of a description, for the first item."""

    commands: dict[str, str]
    expanded: dict[str, str]
    queue: str


@pytest.fixture(scope="module")
def as_condor_reads(root: Path) -> dict[str, ReadBack]:
    asked = []
    for case in CASES.values():
        names = case.text(root).splitlines()[-1].split()[1].split(",")
        values = item_values(case.lines(root)[0], len(names))
        asked.append([case.text(root), dict(zip(names, values, strict=True))])
    done = subprocess.run(
        [sys.executable, "-c", READ_BACK],
        input=json.dumps(asked),
        env={"CONDOR_CONFIG": "ONLY_ENV"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return {name: ReadBack(*read) for name, read in zip(CASES, json.loads(done.stdout), strict=True)}


@pytest.mark.parametrize("name", CASES)
def test_condor_reads_every_command_as_it_is_written(
    name: str, root: Path, as_condor_reads: dict[str, ReadBack]
) -> None:
    text = CASES[name].text(root)
    lines = [line for line in text.splitlines() if " = " in line]
    commands = folded(dict(line.split(" = ", 1) for line in lines))
    assert len(commands) == len(lines), "a command is given twice"
    assert folded(as_condor_reads[name].commands) == commands
    assert as_condor_reads[name].queue == text.splitlines()[-1].removeprefix("queue ")


@pytest.mark.parametrize("name", CASES)
def test_condor_expands_macros_as_the_fake_backend_does(
    name: str, root: Path, as_condor_reads: dict[str, ReadBack]
) -> None:
    told = parse(CASES[name].text(root))
    commands = folded({**told.commands, **{f"MY.{name}": value for name, value in told.attributes.items()}})
    names = as_condor_reads[name].queue.split(" from ")[0].split(",")
    values = item_values(CASES[name].lines(root)[0], len(names))
    job = FakeJob(0, 0, {**commands, **folded(dict(zip(names, values, strict=True)))})
    for key, expanded in as_condor_reads[name].expanded.items():
        assert job.expand(key) == expanded, key


@pytest.mark.parametrize("name", CASES)
def test_every_macro_of_a_description_has_a_value(name: str, as_condor_reads: dict[str, ReadBack]) -> None:
    expanded = folded(as_condor_reads[name].expanded)
    assert not any("$(" in value for value in expanded.values())
    uid = expanded["my.htmapuid"].strip('"')
    assert expanded["log"].endswith(f"/maps/{uid}/events")
    assert "--components  " not in expanded["arguments"]
    assert f"/submissions/{CASES[name].submission}/outputs/000/0;" in expanded["transfer_output_remaps"]


# --- requirements ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunksize", [1, 2])
def test_requirements_of_options_delivery_and_settings_must_all_hold(chunksize: int, root: Path) -> None:
    options = MapOptions.merge(MapOptions(requirements="A || B"), MapOptions.from_settings({"requirements": "C"}))
    text = render(plan_of(options, chunksize, {**BUNDLE, "requirements": "D"}), map_dir_below(root), 1)
    (line,) = [line for line in text.splitlines() if line.startswith("requirements")]
    assert all(f"({each})" in line for each in ("A || B", "C", "D"))


# --- holds ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "signal", "is_held", "reason"),
    [
        (0, None, False, None),
        (100, None, False, None),
        (7, None, True, "The runner failed"),
        (None, 9, True, "The runner was killed"),
    ],
)
@pytest.mark.parametrize("user", ["ExitCode != 0", "(ExitBySignal == True) || (ExitCode != 0)", "ExitCode == 100"])
def test_a_hold_of_the_user_hides_neither_an_exception_nor_what_went_wrong(
    root: Path, user: str, code: int | None, signal: int | None, *, is_held: bool, reason: str | None
) -> None:
    told = parse(render(plan_of(MapOptions(on_exit_hold=user)), map_dir_below(root), 1))
    scope = Scope({"exitbysignal": code is None, "exitcode": code or 0, "exitsignal": signal or 0}, {})
    assert classad.parse(told.commands["on_exit_hold"]).evaluate(scope) is is_held
    if reason is not None:
        assert str(classad.parse(told.commands["on_exit_hold_reason"]).evaluate(scope)).startswith(reason)


def test_a_hold_of_the_user_has_the_reason_of_the_user(root: Path) -> None:
    policy: dict[str, Any] = {
        "on_exit_hold": "ExitCode == 0",
        "on_exit_hold_reason": '"look at it"',
        "on_exit_hold_subcode": 7,
    }
    told = parse(render(plan_of(MapOptions(**policy)), map_dir_below(root), 1))
    scope = Scope({"exitbysignal": False, "exitcode": 0}, {})
    found = [classad.parse(told.commands[name]).evaluate(scope) for name in policy]
    assert found == [True, "look at it", 7]


@pytest.mark.parametrize("user", ["false", "False", "no"])
def test_a_user_who_wants_no_holds_gets_none(root: Path, user: str) -> None:
    told = parse(render(plan_of(MapOptions(on_exit_hold=user)), map_dir_below(root), 1))
    assert told.commands["on_exit_hold"].strip() == user.strip()


# --- what cannot be described ---------------------------------------------------------------------------------------


def test_options_that_vary_cannot_go_with_components_that_share_a_job(root: Path) -> None:
    with pytest.raises(InvalidOption, match=r"request_memory varies from component to component.*chunksize=1"):
        render(plan_of(MapOptions(request_memory=[1, 2]), chunksize=2), map_dir_below(root), 1)


# --- later submissions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_a_description_says_how_many_options_vary(name: str, root: Path) -> None:
    options = CASES[name].options(root)
    spelled_out = CASES[name].chunksize > 1 and options.output_remaps is not None
    assert varying_options(parse(CASES[name].text(root))) == len(options.per_component()) + spelled_out


def test_a_later_submission_differs_in_its_number_and_its_items_alone(root: Path) -> None:
    first = CASES["varying"].text(root)
    later = renumbered(parse(first), map_dir_below(root), 2).render()
    differing = [(a, b) for a, b in zip(first.split("\n"), later.split("\n"), strict=True) if a != b]
    assert [(a.replace("/0/", "/2/").replace("= 0", "= 2"), b) for a, b in differing] == [(b, b) for _, b in differing]
    assert len(differing) == 2


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/old/home/initial/,/old/home/maps/x", "/new/initial/,/new/maps/x"),
        ('"a = /old/home/b; c = /old/home"', '"a = /new/b; c = /new"'),
        ("/old/homes/x /an/old/home/y x/old/home", "/old/homes/x /an/old/home/y x/old/home"),
        ("$(folder)/old/home", "$(folder)/old/home"),
    ],
)
def test_a_description_is_made_one_for_another_place(value: str, expected: str) -> None:
    description = Description({"log": value}, {"HTMapUid": '"0a"', "Mine": value})
    moved = relocated(description, Path("/old/home"), Path("/new"), None)
    assert (moved.commands["log"], moved.attributes) == (expected, {"HTMapUid": '"0a"', "Mine": expected})
    assert relocated(description, Path("/old/home"), Path("/new"), "0b").attributes["HTMapUid"] == '"0b"'
