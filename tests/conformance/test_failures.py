"""Whatever a component does to itself, it says so, and the others stay readable."""

from __future__ import annotations

import os
import platform
import signal
import sys
import threading
from pathlib import Path

import pytest

import htmap
from htmap import ComponentStatus as Status
from htmap.exceptions import (
    CannotPickle,
    DamagedFile,
    EmptyMap,
    ExpectedError,
    HTMapException,
    MapComponentError,
    MisalignedInputData,
)

TIMEOUT_S = 120


class Stubborn(Exception):
    """An exception that cannot be made again from its args."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} {two}")


def misbehave(how):
    if how == "raise":
        return {"there": 1}["missing"]
    if how == "exit":
        sys.exit(0)
    if how == "die":
        os._exit(3)
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "unpicklable":
        return threading.Lock()
    if how == "stubborn":
        raise Stubborn("cannot", "be unpickled")
    return how


WAYS = ["fine", "raise", "exit", "die", "killed", "unpicklable", "stubborn", "also fine"]
MESSAGES = {
    "raise": "KeyError: 'missing'",
    "exit": r"sys.exit\(0\)",
    "die": "exit status 3",
    "killed": "signal 9",
    "unpicklable": "lock",
    "stubborn": "Stubborn: cannot be unpickled",
}


@pytest.mark.parametrize("chunksize", [1, len(WAYS)])
def test_every_failure_is_recorded_and_the_rest_is_readable(chunksize) -> None:
    m = htmap.map(misbehave, WAYS, map_options=htmap.MapOptions(chunksize=chunksize), quiet=True)
    m.wait(TIMEOUT_S, errors_ok=True)
    good = [way not in MESSAGES for way in WAYS]
    assert m.component_statuses == [Status.COMPLETED if each else Status.ERRORED for each in good]
    assert m[0] == "fine"
    assert m[-1] == "also fine"
    for component, way in enumerate(WAYS):
        if way in MESSAGES:
            with pytest.raises(MapComponentError, match=MESSAGES[way]):
                m.get(component)
            assert m.get_err(component).report()
    assert sorted(m.errors) == [component for component, way in enumerate(WAYS) if way in MESSAGES]
    assert len(list(m.error_reports())) == len(MESSAGES)
    with pytest.raises(ExpectedError):
        m.get_err(0)
    with pytest.raises(MapComponentError):
        m.wait(TIMEOUT_S)


def test_the_cause_is_the_exception_of_the_user() -> None:
    m = htmap.map(misbehave, ["raise"], quiet=True)
    with pytest.raises(MapComponentError, match="misbehave") as raised:
        m.get(0, TIMEOUT_S)
    assert isinstance(raised.value.__cause__, KeyError)
    assert raised.value.__cause__.args == ("missing",)


def test_an_error_tells_where_and_on_what_it_happened(tmp_path) -> None:
    sent = tmp_path / "measured.csv"
    sent.write_text("7")

    def fit(path, factor):
        local = int(path.read_text()) * factor
        return {}[local]

    m = htmap.starmap(fit, [(htmap.TransferPath(sent), 6)], tag="telling", quiet=True)
    m.wait(TIMEOUT_S, errors_ok=True)
    error = m.get_err(0)
    assert error.map == m
    assert error.component == 0
    assert error.exception_msg == "KeyError: 42"
    assert platform.node().partition(".")[0] in str(error.node_info)
    assert platform.python_version() in str(error.python_info)
    assert Path(str(sent)[1:]) in (error.scratch_dir_contents or [])
    assert [frame.name for frame in error.stack_summary or []] == ["fit"]
    report = error.report()
    for words in ("component 0", "telling", "KeyError: 42", "return {}[local]", "local", "42", "measured.csv"):
        assert words in report, report
    assert list(m.error_reports()) == [report]
    assert repr(m.errors[0]) == repr(error)


def test_an_output_cut_short_is_named_and_the_others_stay_readable() -> None:
    htmap.settings["OUTPUT_GRACE"] = 0.1
    m = htmap.map(lambda x: x, range(4), quiet=True)
    m.wait(TIMEOUT_S)
    outputs = m.opened.directory.submission(0)
    os.truncate(outputs.output(1), 40)
    outputs.output(2).write_bytes(b"garbage")
    outputs.output(3).unlink()
    assert htmap.load(m.tag)[0] == 0
    for component, error in {1: MapComponentError, 2: DamagedFile, 3: MapComponentError}.items():
        with pytest.raises(error, match=rf"component {component}|Component {component}"):
            htmap.load(m.tag).get(component, timeout=5)
    assert len(m.component_statuses) == 4


def test_a_result_that_cannot_be_unpickled_here_spoils_nothing(tmp_path) -> None:
    def make(x):
        class Bomb:
            def __reduce__(self):
                return (open, (str(tmp_path / "fired"), "w"))

        return Bomb() if x else "fine"

    m = htmap.map(make, [0, 1], quiet=True)
    m.wait(TIMEOUT_S)
    assert (tmp_path / "fired").exists() is False
    htmap.load(m.tag).status()
    assert m.component_statuses == [Status.COMPLETED] * 2
    assert (tmp_path / "fired").exists() is False
    assert m[0] == "fine"


def test_nothing_is_left_of_a_map_that_cannot_be_made(htmap_dir) -> None:
    lock = threading.Lock()
    with pytest.raises(EmptyMap):
        htmap.map(misbehave, [], tag="t")
    with pytest.raises(CannotPickle, match="function"):
        htmap.map(lambda _: lock, [1], tag="t")
    with pytest.raises(CannotPickle, match="component 2"):
        htmap.map(misbehave, [1, 2, lock], tag="t")
    with pytest.raises(MisalignedInputData, match="kwargs ends at 1"):
        htmap.starmap(misbehave, args=[(1,), (2,)], kwargs=[{}], tag="t")

    def fail_half_way():
        yield 1
        raise RuntimeError("the user's own")

    with pytest.raises(RuntimeError, match="the user's own"):
        htmap.map(misbehave, fail_half_way(), tag="t")
    assert htmap.get_tags() == ()
    assert list((htmap_dir / "maps").iterdir()) == []
    assert list((htmap_dir / "tags").iterdir()) == []


def test_all_of_this_is_one_family() -> None:
    assert issubclass(MapComponentError, HTMapException)
