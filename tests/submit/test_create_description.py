"""Mirrors htmap.create.description: a request becomes exactly this text, and HTCondor reads it as it is meant."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.submit.fake_backend import FakeJob, parse
from tests.submit.golden_cases import BUNDLE, CASES, GOLDEN, make_files, map_dir_below, sender_below, written

from htmap import MapOptions
from htmap.create.description import Plan, item_lines, items, render, renumbered, varying_options, varying_values
from htmap.create.inputs import StoredInputs
from htmap.create.item_lines import item_values
from htmap.create.remaps import by_component
from htmap.exceptions import InputFileNotFound, InvalidOption, MisalignedInputData


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the files are that the cases refer to."""
    folder = tmp_path_factory.mktemp("root")
    make_files(folder)
    return folder


def plan_of(options: MapOptions, chunksize: int = 1, delivery: dict[str, str] | None = None) -> Plan:
    return Plan("fit", "fit_one", chunksize, options, sender_below(Path("/absent")), delivery or BUNDLE, 1000, 10_000)


def with_files(*files: str) -> list[StoredInputs]:
    return [StoredInputs(0, [0], {0: files})]


def stored(count: int) -> list[StoredInputs]:
    return [StoredInputs(0, range(count))]


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


def folded(commands: dict[str, str]) -> dict[str, str]:
    return {key.casefold(): value for key, value in commands.items()}


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
    commands, _ = parse(CASES[name].text(root).rpartition("queue")[0])
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


# --- what cannot be described ---------------------------------------------------------------------------------------


def test_options_that_vary_cannot_go_with_components_that_share_a_job(root: Path) -> None:
    plan = plan_of(MapOptions(request_memory=[1, 2]), chunksize=2)
    with pytest.raises(InvalidOption, match=r"request_memory varies from component to component.*chunksize=1"):
        render(plan, map_dir_below(root), 1)
    with pytest.raises(InvalidOption, match="request_memory varies"):
        list(items(plan, map_dir_below(root), stored(2)))


@pytest.mark.parametrize(
    "options",
    [{"request_memory": [1, 2]}, {"custom_options": {"Mine": [1, 2]}}, {"input_files": [[], []]}],
    ids=["request_memory", "custom_options", "input_files"],
)
def test_an_option_with_too_few_values_is_named_with_their_number(options: dict[str, Any], root: Path) -> None:
    with pytest.raises(MisalignedInputData, match=r"(request_memory|MY\.Mine|input_files) has 2 values"):
        list(items(plan_of(MapOptions(**options)), map_dir_below(root), stored(3)))


def test_a_file_that_is_not_there_is_named_before_anything_is_submitted(root: Path) -> None:
    with pytest.raises(InputFileNotFound, match=f"There is no input file {root}/absent"):
        render(plan_of(MapOptions(fixed_input_files=root / "absent")), map_dir_below(root), 1)


@pytest.mark.parametrize("name", ["function", "000123", "_condor_stdout", "x.csv"])
def test_an_input_file_may_not_get_into_the_way_of_others(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for place in (tmp_path / name, tmp_path / "folder" / name):
        place.touch()
    url = f"http://example.org/{name}"
    file, content = tmp_path / name, f"{tmp_path}/folder/"
    for options in (
        {"fixed_input_files": [file, content]},
        {"fixed_input_files": [file, url]},
        {"input_files": [[content, url]]},
        {"fixed_input_files": file, "input_files": [content]},
        {"fixed_input_files": content},
    ):
        with pytest.raises(InvalidOption, match=f"would (both )?arrive as {name}"):
            list(items(plan_of(MapOptions(**options)), map_dir_below(tmp_path), with_files(f"{url}?x=y")))


def test_the_remaps_of_components_that_share_a_job_are_found_again(root: Path) -> None:
    case = CASES["remaps-of-chunks"]
    lines = case.lines(root)
    assert varying_options(case.text(root)) == 1
    entries = [by_component(*varying_values(line, 1, is_chunked=True)) for line in lines]
    assert [sorted(each) for each in entries] == [[0, 1], [2]]
    assert entries[1][2] == f"; _htmap_transfer/2/fit.csv = {root}/2.csv"


# --- items ----------------------------------------------------------------------------------------------------------


def test_values_may_hold_commas_blanks_and_quotes(root: Path) -> None:
    values = ['a, "b"', "it's", "", "$(component)"]
    lines = list(items(plan_of(MapOptions(rank=values)), map_dir_below(root), stored(4)))
    assert [varying_values(line, 1) for line in lines] == [[value] for value in values]
    assert all(line.count("\n") == 1 for line in lines)


def test_items_are_made_as_inputs_come(root: Path) -> None:
    seen = []

    def endless() -> Any:
        for shard in range(10**9):
            seen.append(shard)
            yield StoredInputs(shard, range(shard * 2, (shard + 1) * 2))

    lines = item_lines(map_dir_below(root), 3, endless())
    assert next(lines).startswith("0,0-2,000000+000001,")
    assert seen == [0, 1]


def test_jobs_beyond_a_thousand_use_another_folder(root: Path) -> None:
    lines = list(item_lines(map_dir_below(root), 1, stored(1001)))
    assert item_values(lines[999], 4)[2] == "000"
    assert item_values(lines[1000], 4)[2] == "001"


@pytest.mark.parametrize("name", CASES)
def test_a_description_says_how_many_options_vary(name: str, root: Path) -> None:
    options = CASES[name].options(root)
    spelled_out = CASES[name].chunksize > 1 and options.output_remaps is not None
    assert varying_options(CASES[name].text(root)) == len(options.per_component()) + spelled_out


def test_a_later_submission_differs_in_its_number_and_its_items_alone(root: Path) -> None:
    first = CASES["varying"].text(root)
    later = renumbered(first, map_dir_below(root), 2)
    differing = [(a, b) for a, b in zip(first.split("\n"), later.split("\n"), strict=True) if a != b]
    assert [(a.replace("/0/", "/2/").replace("= 0", "= 2"), b) for a, b in differing] == [(b, b) for _, b in differing]
    assert len(differing) == 2
