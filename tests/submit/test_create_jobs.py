"""Mirrors htmap.create.jobs: a line for each job says what it runs, and nothing gets into the way of anything else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.submit.golden_cases import CASES, make_files, map_dir_below, plan_of, sender_below

from htmap import MapOptions
from htmap.create.description import varying_options
from htmap.create.inputs import StoredInputs
from htmap.create.jobs import item_lines, items, varying_values
from htmap.create.remaps import by_component
from htmap.exceptions import InputFileNotFound, InvalidOption, MisalignedInputData
from htmap.language.description import parse
from htmap.language.items import item_values


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the files are that the cases refer to."""
    folder = tmp_path_factory.mktemp("root")
    make_files(folder)
    return folder


def stored(count: int) -> list[StoredInputs]:
    return [StoredInputs(0, range(count))]


def items_of(options: MapOptions, root: Path, inputs: list[StoredInputs], chunksize: int = 1) -> list[str]:
    return list(items(plan_of(options, chunksize), sender_below(root), map_dir_below(root), inputs))


def test_options_that_vary_cannot_go_with_components_that_share_a_job(root: Path) -> None:
    with pytest.raises(InvalidOption, match=r"request_memory varies from component to component.*chunksize=1"):
        items_of(MapOptions(request_memory=[1, 2]), root, stored(2), chunksize=2)


@pytest.mark.parametrize(
    "options",
    [{"request_memory": [1, 2]}, {"custom_options": {"Mine": [1, 2]}}, {"input_files": [[], []]}],
    ids=["request_memory", "custom_options", "input_files"],
)
def test_an_option_with_too_few_values_is_named_with_their_number(options: dict[str, Any], root: Path) -> None:
    with pytest.raises(MisalignedInputData, match=r"(request_memory|MY\.Mine|input_files) has 2 values"):
        items_of(MapOptions(**options), root, stored(3))


def test_a_file_that_is_not_there_is_named_before_anything_is_submitted(root: Path) -> None:
    with pytest.raises(InputFileNotFound, match=f"There is no input file {root}/absent"):
        plan_of(MapOptions(fixed_input_files=root / "absent"))


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
            items_of(MapOptions(**options), tmp_path, [StoredInputs(0, [0], {0: (f"{url}?x=y",)})])


def test_the_remaps_of_components_that_share_a_job_are_found_again(root: Path) -> None:
    case = CASES["remaps-of-chunks"]
    lines = case.lines(root)
    assert varying_options(parse(case.text(root))) == 1
    entries = [by_component(*varying_values(line, 1, is_chunked=True)) for line in lines]
    assert [sorted(each) for each in entries] == [[0, 1], [2]]
    assert entries[1][2] == f"; _htmap_transfer/2/fit.csv = {root}/2.csv"


def test_values_may_hold_commas_blanks_and_quotes(root: Path) -> None:
    values = ['a, "b"', "it's", "", "$(component)"]
    lines = items_of(MapOptions(rank=values), root, stored(4))
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
