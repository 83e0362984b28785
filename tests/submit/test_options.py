"""Mirrors htmap.options: what a user may say, how it is normalised, and how it adds up."""

from __future__ import annotations

import copy
import itertools
import os
import re
from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from htmap import MapOptions, TransferPath, option_values
from htmap.exceptions import InvalidOption, MisalignedInputData, ReservedOptionKeyword
from htmap.language.words import to_seconds
from htmap.option_values import PerComponent
from htmap.options import all_required

REFERENCE_RESERVED = {
    "+IsHTMapJob", "+component", "IsHTMapJob", "MY.IsHTMapJob", "MY.component", "arguments", "component", "executable",
    "jobbatchname", "log", "should_transfer_files", "stderr", "stdout", "submit_event_notes", "transfer_executable",
    "transfer_input_files", "transfer_output_files", "transfer_output_remaps", "universe", "when_to_transfer_output",
}  # fmt: skip


# --- values ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("512MB", "512MB"),
        ('"quoted"', '"quoted"'),
        ("$(component) and\ttabs", "$(component) and\ttabs"),
        (1, "1"),
        (True, "true"),
        (False, "false"),
        (1.5, "1.5"),
        (10**20, "100000000000000000000"),
        (np.int64(7), "7"),
        (np.float32(0.5), "0.5"),
        (Fraction(1, 4), "0.25"),
    ],
)
def test_a_value_is_written_as_htcondor_writes_it(value: Any, text: str) -> None:
    assert MapOptions(request_cpus=value).descriptors == {"request_cpus": text}
    assert MapOptions(custom_options={"Mine": value}).custom_options == {"Mine": text}


@pytest.mark.parametrize(
    "values",
    [
        ["1GB", 2, True],
        ("1GB", 2, True),
        (each for each in ["1GB", 2, True]),
        itertools.islice(itertools.cycle(["1GB", 2, True]), 3),
    ],
)
def test_an_iterable_gives_each_component_its_own_value(values: Any) -> None:
    found = MapOptions(request_memory=values).descriptors["request_memory"]
    assert found == PerComponent("request_memory", ("1GB", "2", "true"))


def test_arrays_give_each_component_its_own_value() -> None:
    found = MapOptions(request_memory=np.arange(1, 3)).descriptors["request_memory"]
    assert found == PerComponent("request_memory", ("1", "2"))


@pytest.mark.parametrize(
    "value", [b"1GB", {"a": 1}, object(), Path("/x"), float("nan"), float("inf"), [None], [b"x"], [[1]], 1j]
)
def test_a_value_that_is_none_is_refused_by_name(value: Any) -> None:
    with pytest.raises(InvalidOption, match="request_memory"):
        MapOptions(request_memory=value)


def test_nothing_is_no_value_of_other_options() -> None:
    nothing: Any = None
    with pytest.raises(InvalidOption, match="nice_user"):
        MapOptions(nice_user=nothing)


@pytest.mark.parametrize("mark", ["\n", "\r", "\0", "\x1f", "\x7f", "\x85", "\u2028", "\ud800"])
def test_control_characters_are_refused_wherever_they_are(mark: str) -> None:
    bad = f"1{mark}executable = /bin/sh"
    ways: list[Callable[[], MapOptions]] = [
        lambda: MapOptions(request_memory=bad),
        lambda: MapOptions(request_memory=["1", bad]),
        lambda: MapOptions(custom_options={"a": bad}),
        lambda: MapOptions(fixed_input_files=bad),
        lambda: MapOptions(fixed_input_files=Path(bad)) if mark != "\0" else MapOptions(fixed_input_files=bad),
        lambda: MapOptions(fixed_input_files=TransferPath(bad)),
        lambda: MapOptions(input_files=[[bad]]),
        lambda: MapOptions.from_settings({"request_memory": bad}),
    ]
    for way in ways:
        with pytest.raises(InvalidOption, match="control character") as caught:
            way()
        assert repr(mark) in str(caught.value)


@pytest.mark.parametrize("text", ["C:\\", "a\\  ", "\\\t"])
def test_a_backslash_at_the_end_would_swallow_the_next_line(text: str) -> None:
    with pytest.raises(InvalidOption, match="ends with a backslash"):
        MapOptions(request_memory=text)


def test_an_endless_iterable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(option_values, "_MOST_VALUES", 1000)
    with pytest.raises(InvalidOption, match="does not seem to end"):
        MapOptions(request_memory=itertools.repeat("1GB"))


# --- names ----------------------------------------------------------------------------------------------------------


def test_the_reserved_names_of_the_reference_are_reserved() -> None:
    assert REFERENCE_RESERVED <= MapOptions.RESERVED_KEYS


def options_named(name: str) -> MapOptions:
    named: dict[str, Any] = {name: "x"}
    return MapOptions(**named)


SPELLINGS: list[Callable[[str], str]] = [str, str.upper, str.title, "+{}".format, "MY.{}".format, "my.{}".format]


@pytest.mark.parametrize("name", sorted(MapOptions.RESERVED_KEYS))
def test_reserved_names_are_refused_however_they_are_spelled(name: str) -> None:
    for spell in SPELLINGS:
        with pytest.raises(ReservedOptionKeyword, match="reserved"):
            options_named(spell(name))
        with pytest.raises(ReservedOptionKeyword, match="reserved"):
            MapOptions(custom_options={spell(name): "x"})


def test_reserved_names_are_refused_in_settings_too() -> None:
    with pytest.raises(ReservedOptionKeyword, match=r"'executable' is reserved.*MAP_OPTIONS"):
        MapOptions.from_settings({"Executable": "/bin/sh"})


def test_descriptors_ignore_case_and_attributes_keep_theirs() -> None:
    found = MapOptions(Request_Memory=1, custom_options={"Project.Name": "x", "+Urgent": True, "MY.Other": 3})
    assert found.descriptors == {"request_memory": "1"}
    assert found.custom_options == {"Project.Name": "x", "Urgent": "true", "Other": "3"}


@pytest.mark.parametrize("name", ["+Mine", "MY.Mine", "my.Mine"])
def test_attributes_of_ones_own_are_sent_to_the_right_door(name: str) -> None:
    with pytest.raises(InvalidOption, match="custom_options"):
        options_named(name)


@pytest.mark.parametrize("name", ["", "a b", "a=b", "a\nb", "$(x)", "a-b", "#", "+"])
def test_what_cannot_be_a_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidOption, match="cannot be the name"):
        options_named(name)
    with pytest.raises(InvalidOption, match="cannot be the name"):
        MapOptions(custom_options={name: "x"})


@pytest.mark.parametrize(
    ("name", "known"),
    [("RequestMemory", "request_memory"), ("env", "environment"), ("prio", "priority"), ("JobPrio", "priority")],
)
def test_all_spellings_of_a_command_are_one_option(name: str, known: str) -> None:
    assert options_named(name).descriptors == {known: "x"}
    nearer = MapOptions.merge(options_named(name), MapOptions.from_settings({known: "y"}))
    assert nearer.descriptors == {known: "x"}


def test_one_option_in_two_spellings_is_refused() -> None:
    with pytest.raises(InvalidOption, match=r"priority is given twice, once as prio"):
        MapOptions(priority=1, prio=2)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("acounting_group", "did you mean accounting_group"),
        ("Perodic_Remove", "Perodic_Remove: did you mean periodic_remove"),
        ("walltime", "may want allowed_execute_duration"),
        ("ProjectName", "goes into custom_options"),
    ],
)
def test_a_name_that_condor_does_not_know_is_warned_of(name: str, advice: str) -> None:
    with pytest.warns(UserWarning, match=advice) as caught:
        options_named(name)
    assert caught[0].filename == __file__, "it is shown where it was written"


@pytest.mark.parametrize("name", ["requst_memory", "request_mem", "request_memmory", "request_cpu"])
def test_a_mistyped_request_is_refused(name: str) -> None:
    with pytest.raises(InvalidOption, match=f"{name}: did you mean request_"):
        options_named(name)


def test_requests_of_ones_own_and_macros_are_taken() -> None:
    given: dict[str, Any] = {"request_licenses": 1, "my_place": "x", "notify_user": "$(my_place)", "vm_type": "kvm"}
    assert MapOptions(**given).descriptors.keys() == given.keys()


@pytest.mark.parametrize("value", ["2 gigs", "1,5GB", "512 B", -1, "-2GB", ["1GB", "2 lots"]])
def test_an_amount_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(InvalidOption, match=r"request_disk cannot be .*'512MB' or '2GB'. A bare number is in KB"):
        MapOptions(request_disk=value)


def test_attributes_in_the_settings_file_may_have_their_mark() -> None:
    found = MapOptions.from_settings({"+ProjectName": '"Mine"', "MY.Other": 1, "custom_options": {"Third": 2}})
    assert found.custom_options == {"ProjectName": '"Mine"', "Other": "1", "Third": "2"}


@pytest.mark.parametrize("value", ["My Project", '"My Project', 'a "b c'])
def test_text_of_an_attribute_needs_quotes_of_its_own(value: str) -> None:
    plain = value.replace('"', "")
    with pytest.raises(InvalidOption, match=re.escape(f"'Project': '\"{plain}\"'")):
        MapOptions(custom_options={"Project": value})


# --- files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_files", "expected"),
    [
        (["a", "b"], (("a",), ("b",))),
        ([Path("a"), Path("b")], (("a",), ("b",))),
        ([("a", "b"), ("c",)], (("a", "b"), ("c",))),
        ([["a", Path("b")], "c", ()], (("a", "b"), ("c",), ())),
        ((each for each in "ab"), (("a",), ("b",))),
    ],
)
def test_input_files_may_be_single_files_or_groups(given_files: Any, expected: tuple[tuple[str, ...], ...]) -> None:
    found = MapOptions(input_files=given_files).input_files
    assert found is not None
    assert found.values == tuple(tuple(Path.cwd() / name for name in group) for group in expected)


@pytest.mark.parametrize(
    ("given_files", "expected"),
    [("a", ["a"]), (Path("a"), ["a"]), (["a", Path("b")], ["a", "b"]), (iter("ab"), ["a", "b"]), (None, []), ([], [])],
)
def test_fixed_input_files_may_be_one_or_many(given_files: Any, expected: list[str]) -> None:
    assert MapOptions(fixed_input_files=given_files).fixed_input_files == tuple(Path.cwd() / each for each in expected)


def test_files_elsewhere_stay_as_they_are() -> None:
    remote = TransferPath("a.csv", protocol="http", location="example.org")
    found = MapOptions(fixed_input_files=["osdf:///ospool/a.tar", remote, TransferPath("/x")])
    assert found.fixed_input_files == ("osdf:///ospool/a.tar", remote, TransferPath("/x"))


def test_a_relative_path_means_where_the_user_is_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = MapOptions(fixed_input_files="a", input_files=["b"])
    monkeypatch.chdir("/")
    assert found.fixed_input_files == (tmp_path / "a",)
    assert found.input_files == PerComponent("input_files", ((tmp_path / "b",),))


@pytest.mark.parametrize("files", [3, [3], [None], [[["x"]]], [""], "", b"x"])
def test_what_is_no_file_is_refused(files: Any) -> None:
    with pytest.raises(InvalidOption):
        MapOptions(fixed_input_files=files)
    with pytest.raises(InvalidOption):
        MapOptions(input_files=[files, files] if isinstance(files, list) else files)


@pytest.mark.parametrize("file", ["data.csv", Path("data.csv"), TransferPath("data.csv")])
def test_one_file_for_input_files_is_a_misunderstanding(file: Any) -> None:
    with pytest.raises(InvalidOption, match=r"one entry for each component, not just '.*data\.csv'.*fixed_input_files"):
        MapOptions(input_files=file)


def test_output_remaps_may_be_for_all_or_for_each() -> None:
    there = {"out.csv": TransferPath("/store/out.csv", protocol="s3", location="bucket")}
    assert MapOptions(output_remaps=there).output_remaps == there
    assert MapOptions(output_remaps=[there, {}]).output_remaps == PerComponent("output_remaps", (there, {}))


@pytest.mark.parametrize("remaps", ["out.csv", ["out.csv"], [("out.csv", "x")], 3])
def test_output_remaps_that_are_no_dictionaries_are_refused(remaps: Any) -> None:
    with pytest.raises(InvalidOption):
        MapOptions(output_remaps=remaps)


# --- chunks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunksize", [0, -1, 10**30, True, 1.0, [1], "2", "soon", "0min", "10 days"])
def test_a_chunksize_is_a_count_or_a_duration(chunksize: Any) -> None:
    with pytest.raises(InvalidOption, match=f"chunksize.*{re.escape(repr(chunksize))}"):
        MapOptions(chunksize=chunksize)


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("10min", 600), ("1.5 h", 5400)])
def test_a_chunksize_may_be_a_duration(text: str, seconds: float) -> None:
    assert MapOptions(chunksize=text).chunksize == text
    assert to_seconds(text) == seconds


# --- checkpoints ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("interval", [3600, 3600.0, np.int64(3600), timedelta(hours=1)])
def test_a_checkpoint_interval_is_in_seconds(interval: Any) -> None:
    assert MapOptions(checkpoint_interval=interval).checkpoint_interval == 3600


@pytest.mark.parametrize("interval", [0, -1, True, "3600", float("inf"), float("nan"), timedelta(0), [1]])
def test_a_checkpoint_interval_is_above_zero(interval: Any) -> None:
    with pytest.raises(InvalidOption, match=f"checkpoint_interval must be .*{re.escape(repr(interval))}"):
        MapOptions(checkpoint_interval=interval)


def test_lengths_that_differ_are_both_named() -> None:
    (option,) = MapOptions(request_memory=[1, 2, 3]).per_component()
    option.check_length(3)
    with pytest.raises(MisalignedInputData, match="request_memory has 3 values, but the map has 2 components"):
        option.check_length(2)


def test_the_options_that_vary_are_listed() -> None:
    given_options = MapOptions(
        request_memory=[1], request_disk=2, custom_options={"a.B": [3], "c": 4}, input_files=["x"], output_remaps=[{}]
    )
    assert [each.name for each in given_options.per_component()] == [
        "request_memory",
        "MY.a.B",
        "input_files",
        "output_remaps",
    ]


# --- merging --------------------------------------------------------------------------------------------------------

FILES = st.lists(st.sampled_from(["/a", "/b", "/c"]), max_size=2, unique=True)
TEXTS = st.sampled_from(["x", "y"])


def optional(values: st.SearchStrategy[Any], *names: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, values))


MANY = st.builds(
    lambda files, plain, custom, others: MapOptions(fixed_input_files=files, custom_options=custom, **plain, **others),
    FILES,
    optional(TEXTS, "request_memory", "request_disk", "requirements"),
    optional(TEXTS, "Mine", "mine", "other"),
    st.fixed_dictionaries(
        {},
        optional={
            "chunksize": st.integers(1, 3),
            "checkpoint_interval": st.integers(1, 3),
            "fresh_process": st.booleans(),
            "end_within": st.integers(1, 3),
            "show_locals": st.booleans(),
            "input_files": st.lists(FILES, min_size=1, max_size=2),
            "output_remaps": st.just({"o": TransferPath("/o")}) | st.just({"o": TransferPath("/p")}),
        },
    ),
)


def without_requirements(given_options: MapOptions) -> MapOptions:
    bare = copy.deepcopy(given_options)
    bare.descriptors.pop("requirements", None)
    return bare


def demands(given_options: MapOptions) -> list[str]:
    """The requirements that must all hold; how they are bracketed does not matter."""
    return sorted(re.findall(r"\w+", str(given_options.descriptors.get("requirements", ""))))


@given(MANY)
def test_merging_with_nothing_changes_nothing(one: MapOptions) -> None:
    assert MapOptions.merge(one) == one
    assert MapOptions.merge(one, MapOptions()) == one
    assert MapOptions.merge(MapOptions(), one) == one
    assert MapOptions.merge() == MapOptions()


@given(MANY)
def test_merging_options_with_themselves_changes_nothing_but_what_is_required_twice(one: MapOptions) -> None:
    assert without_requirements(MapOptions.merge(one, one)) == without_requirements(one)


@given(MANY, MANY, MANY)
def test_it_does_not_matter_which_options_are_merged_first(one: MapOptions, two: MapOptions, three: MapOptions) -> None:
    ways = [
        MapOptions.merge(one, two, three),
        MapOptions.merge(MapOptions.merge(one, two), three),
        MapOptions.merge(one, MapOptions.merge(two, three)),
    ]
    assert all(without_requirements(way) == without_requirements(ways[0]) for way in ways)
    assert all(demands(way) == demands(ways[0]) for way in ways)


@given(MANY, MANY)
def test_merging_changes_no_options_in_place(one: MapOptions, two: MapOptions) -> None:
    before = copy.deepcopy((one, two))
    merged = MapOptions.merge(one, two)
    merged.descriptors["request_memory"] = "changed"
    merged.custom_options["Mine"] = "changed"
    assert (one, two) == before


@given(MANY, MANY)
def test_the_left_wins_but_files_and_requirements_add_up(left: MapOptions, right: MapOptions) -> None:
    merged = MapOptions.merge(left, right)
    assert merged.fixed_input_files == tuple(dict.fromkeys(left.fixed_input_files + right.fixed_input_files))
    assert merged.chunksize == (left.chunksize or right.chunksize)
    assert merged.checkpoint_interval == (left.checkpoint_interval or right.checkpoint_interval)
    assert merged.fresh_process == (right.fresh_process if left.fresh_process is None else left.fresh_process)
    assert merged.end_within == (left.end_within or right.end_within)
    assert merged.show_locals == (right.show_locals if left.show_locals is None else left.show_locals)
    assert merged.input_files == (left.input_files or right.input_files)
    assert merged.output_remaps == (left.output_remaps or right.output_remaps)
    assert merged.descriptors.keys() == left.descriptors.keys() | right.descriptors.keys()
    for name in merged.descriptors.keys() - {"requirements"}:
        assert merged.descriptors[name] == left.descriptors.get(name, right.descriptors.get(name))
    assert demands(merged) == sorted(demands(left) + demands(right))


def test_an_attribute_replaces_one_that_differs_in_case_only() -> None:
    merged = MapOptions.merge(
        MapOptions(custom_options={"Mine": 1}), MapOptions(custom_options={"mine": 2, "other": 3})
    )
    assert merged.custom_options == {"Mine": "1", "other": "3"}


def test_only_map_options_can_be_merged() -> None:
    with pytest.raises(InvalidOption, match=r"must be a MapOptions, not \{'request_memory': 1\}"):
        MapOptions.merge({"request_memory": 1})  # type: ignore[arg-type]


def test_requirements_of_a_map_never_replace_others() -> None:
    assert all_required("A || B", None, "C") == "(A || B) && (C)"
    assert all_required("A", PerComponent("requirements", ("B", "C"))) == PerComponent(
        "requirements", ("(A) && (B)", "(A) && (C)")
    )
    assert all_required(None, "A || B") == "A || B"
    assert all_required(None, "", None) is None


def test_requirements_for_each_component_must_be_as_many() -> None:
    two, three = MapOptions(requirements=["A", "B"]), MapOptions(requirements=["C", "D", "E"])
    with pytest.raises(MisalignedInputData, match=r"requirements.* has 3 values and 2 values"):
        MapOptions.merge(two, three)


# --- settings, equality, looks --------------------------------------------------------------------------------------


def test_options_from_settings_are_read_as_settings_are() -> None:
    found = MapOptions.from_settings({"REQUEST_MEMORY": "1GB", "CHUNKSIZE": "10", "fixed_input_files": ["/a"]})
    assert found == MapOptions(request_memory="1GB", chunksize=10, fixed_input_files=["/a"])
    with pytest.raises(InvalidOption, match=r"chunksize.*'ten'.*MAP_OPTIONS"):
        MapOptions.from_settings({"chunksize": "ten"})
    assert MapOptions.from_settings({"CHECKPOINT_INTERVAL": "90.5"}).checkpoint_interval == 90.5
    assert MapOptions.from_settings({"FRESH_PROCESS": "False"}).fresh_process is False
    assert MapOptions.from_settings({"SHOW_LOCALS": "false", "END_WITHIN": "90"}).end_within == 90
    with pytest.raises(InvalidOption, match="end_within must be a number of seconds above 0"):
        MapOptions(end_within=0)
    with pytest.raises(InvalidOption, match=r"fresh_process must be True or False, not 'maybe'.*MAP_OPTIONS"):
        MapOptions.from_settings({"fresh_process": "maybe"})
    with pytest.raises(InvalidOption, match=r"checkpoint_interval.*'soon'.*MAP_OPTIONS"):
        MapOptions.from_settings({"checkpoint_interval": "soon"})


def test_options_are_equal_when_they_say_the_same() -> None:
    assert MapOptions(request_memory=1) == MapOptions(REQUEST_MEMORY="1")
    assert MapOptions(request_memory=1) != MapOptions(request_memory=2)
    assert MapOptions() != {}


def test_options_can_be_read_by_a_person() -> None:
    assert (
        repr(MapOptions(request_memory=1, chunksize=2))
        == "MapOptions(chunksize=2, descriptors={'request_memory': '1'})"
    )


def test_a_pathlike_of_ones_own_is_a_file() -> None:
    class Dataset(os.PathLike[str]):
        def __fspath__(self) -> str:
            return "/data/set"

    assert MapOptions(fixed_input_files=Dataset()).fixed_input_files == (Path("/data/set"),)


def test_all_reserved_names_are_named_at_once() -> None:
    with pytest.raises(ReservedOptionKeyword, match="'transfer_input_files', 'jobbatchname', 'Log' are reserved"):
        MapOptions(custom_options={"transfer_input_files": 1}, jobbatchname="x", request_cpus=1, Log="y")
