"""Map options and settings reach the jobs, and nothing else."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

import htmap
from htmap import ComponentStatus as Status
from htmap import MapOptions, TransferPath
from htmap.exceptions import (
    InvalidSetting,
    MapComponentHeld,
    MisalignedInputData,
    ReservedOptionKeyword,
    UnknownPythonDeliveryMethod,
)

TIMEOUT_S = 120


def color(_):
    return os.environ.get("COLOR"), sorted(name for name in os.listdir() if name.endswith(".txt"))


def colors(options, components=2):
    m = htmap.map(color, range(components), map_options=options, quiet=True)
    m.wait(TIMEOUT_S)
    return list(m)


def painted(name):
    return f'"COLOR={name}"'


@pytest.fixture
def files(tmp_path):
    """Three files to send."""
    made = [tmp_path / f"{name}.txt" for name in "abc"]
    for path in made:
        path.write_text(path.name)
    return made


def test_a_fixed_option_is_for_all_and_a_variadic_one_for_each() -> None:
    assert colors(MapOptions(environment=painted("red"))) == [("red", [])] * 2
    assert colors(MapOptions(environment=map(painted, ["red", "'it''s, well: blue'"]))) == [
        ("red", []),
        ("it's, well: blue", []),
    ]


def test_files_of_options_arrive_beside_the_function(files) -> None:
    first, second, third = files
    assert colors(MapOptions(fixed_input_files=first)) == [(None, ["a.txt"])] * 2
    assert colors(MapOptions(fixed_input_files=[str(first), TransferPath(second)])) == [(None, ["a.txt", "b.txt"])] * 2
    assert colors(MapOptions(input_files=[str(first), second])) == [(None, ["a.txt"]), (None, ["b.txt"])]
    options = MapOptions(fixed_input_files=[third], input_files=[(str(first), str(second)), ()])
    assert colors(options) == [(None, ["a.txt", "b.txt", "c.txt"]), (None, ["c.txt"])]


def test_inherited_and_default_options_come_after_those_of_the_map(files) -> None:
    first, second, third = files
    htmap.settings["MAP_OPTIONS.ENVIRONMENT"] = painted("default")
    htmap.settings["MAP_OPTIONS.fixed_input_files"] = [str(third)]
    assert colors(None) == [("default", ["c.txt"])] * 2
    inheriting = htmap.mapped(MapOptions(environment=painted("inherited"), fixed_input_files=first))(color)
    maps = [
        inheriting.map(range(1)),
        inheriting.map(range(1), map_options=MapOptions(environment=painted("own"), fixed_input_files=second)),
    ]
    for m in maps:
        m.wait(TIMEOUT_S)
    assert [m[0] for m in maps] == [("inherited", ["a.txt", "c.txt"]), ("own", ["a.txt", "b.txt", "c.txt"])]


def test_one_options_object_serves_three_maps(files) -> None:
    options = MapOptions(environment=(painted(name) for name in ("red", "blue")), input_files=iter(files[:2]))
    before = repr(options)
    expected = [("red", ["a.txt"]), ("blue", ["b.txt"])]
    assert [colors(options), colors(MapOptions.merge(options)), colors(options)] == [expected] * 3
    assert repr(options) == before


def test_requirements_of_all_sources_must_hold() -> None:
    htmap.settings["MAP_OPTIONS.requirements"] = "Memory > 1"
    text = htmap.submit_description(abs, [1], map_options=MapOptions(requirements="Cpus > 0 || false"))
    assert "requirements = (Memory > 1) && (Cpus > 0 || false)\n" in text
    m = htmap.map(abs, [-1], map_options=MapOptions(requirements="Cpus > 0 || false"), quiet=True)
    assert m.get(0, TIMEOUT_S) == 1


def test_numbers_and_booleans_are_written_as_htcondor_writes_them() -> None:
    options = MapOptions(request_cpus=1, request_memory="100MB", request_disk=[1024, 2048], nice_user=False)
    m = htmap.map(abs, [-1, -2], map_options=options, quiet=True)
    m.wait(TIMEOUT_S)
    assert list(m) == [1, 2]


def test_custom_options_are_attributes_of_the_jobs() -> None:
    options = MapOptions(
        custom_options={"Unwanted": [False, True], "+Because": '"it is blue"'},
        on_exit_hold="Unwanted",
        on_exit_hold_reason="MY.Because",
    )
    m = htmap.map(abs, [-1, -2], map_options=options, quiet=True)
    assert m.get(0, TIMEOUT_S) == 1
    with pytest.raises(MapComponentHeld, match="it is blue"):
        m.get(1, TIMEOUT_S)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"request_memory": [1, 2, 3]}, MisalignedInputData, "request_memory has 3 values, but the map has 2"),
        ({"input_files": []}, MisalignedInputData, "input_files has 0 values, but the map has"),
        ({"output_remaps": [{}] * 5}, MisalignedInputData, "output_remaps has 5 values, but the map has 2"),
        ({"custom_options": {"Site": ["a"]}}, MisalignedInputData, "MY.Site has 1 values, but the map has"),
        ({"Executable": "/bin/true"}, ReservedOptionKeyword, "Executable"),
        ({"custom_options": {"+isHTMapJob": "x"}}, ReservedOptionKeyword, "isHTMapJob"),
    ],
)
def test_options_that_cannot_be_met_are_named_before_anything_is_made(options, error, words, htmap_dir) -> None:
    with pytest.raises(error, match=words):
        htmap.map(abs, range(2), map_options=MapOptions(**options), tag="none")
    assert htmap.get_tags() == ()
    assert list((htmap_dir / "maps").iterdir()) == []


# --- settings -------------------------------------------------------------------------------------------------------


def test_the_setting_of_the_delivery_method_counts_when_the_map_is_made() -> None:
    for method in ("shared", "bundle"):
        htmap.settings["delivery_method"] = method
        m = htmap.map(abs, [-1], quiet=True)
        assert m.get(0, TIMEOUT_S) == 1
        assert m.opened.record.delivery == method
    htmap.settings["DELIVERY_METHOD"] = "by pigeon"
    with pytest.raises(UnknownPythonDeliveryMethod, match="by pigeon.*bundle.*shared"):
        htmap.map(abs, [-1], quiet=True)


def test_maps_of_another_htmap_dir_are_out_of_sight(htmap_dir, tmp_path) -> None:
    m = htmap.map(abs, [-1], tag="here", quiet=True)
    htmap.settings["HTMAP_DIR"] = str(tmp_path / "elsewhere")
    assert htmap.get_tags() == ()
    assert m.get(0, TIMEOUT_S) == 1
    htmap.settings["HTMAP_DIR"] = str(htmap_dir)
    assert htmap.get_tags() == ("here",)


def test_a_long_wait_time_does_not_delay_what_a_timeout_promises(tmp_path) -> None:
    htmap.settings["WAIT_TIME"] = 60

    def work(go):
        while not Path(go).exists():
            time.sleep(0.02)

    m = htmap.map(work, [tmp_path / "go"], quiet=True)
    started = time.monotonic()
    with pytest.raises(htmap.exceptions.TimeoutError):
        m.wait(timeout=0.5)
    assert time.monotonic() - started < 10
    (tmp_path / "go").touch()
    htmap.settings["WAIT_TIME"] = 1
    m.wait(TIMEOUT_S)


def test_a_small_threshold_lets_jobs_materialize_late(backend) -> None:
    htmap.settings["LATE_MATERIALIZATION"] = {"THRESHOLD": 3, "MAX_IDLE": 1}
    assert "max_idle = 1\n" in htmap.submit_description(abs, range(4))
    assert "max_idle" not in htmap.submit_description(abs, range(3))
    m = htmap.map(abs, range(4), quiet=True)
    if backend == "htcondor":
        assert Status.UNMATERIALIZED in m.component_statuses
    m.wait(TIMEOUT_S)
    assert list(m) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("key", "value"),
    [("WAIT_TIME", "soon"), ("LOCAL.SLOTS", -1), ("MAP_OPTIONS", "none"), ("LATE_MATERIALIZATION.MAX_IDLE", 1.5)],
)
def test_a_setting_of_the_wrong_type_is_named_with_what_it_must_be(key, value) -> None:
    htmap.settings[key] = value
    with pytest.raises(InvalidSetting, match=f"{key} must be"):
        htmap.map(abs, [1], quiet=True).wait(TIMEOUT_S)


def test_a_schedd_that_is_not_there_is_named(backend) -> None:
    if backend == "local":
        htmap.settings["BACKEND"] = "auto"  # a named schedd asks for HTCondor
    htmap.settings["HTCONDOR.SCHEDULER"] = "nobody@nowhere"
    htmap.settings["HTCONDOR.COLLECTOR"] = "127.0.0.1:1"
    with pytest.raises(htmap.exceptions.BackendNotAvailable, match=r"HTCONDOR\.SCHEDULER"):
        htmap.map(abs, [1], quiet=True)
    assert htmap.get_tags() == ()
