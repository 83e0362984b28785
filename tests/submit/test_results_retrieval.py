"""Mirrors htmap.results.retrieval: what a component left, or what became of it, in a sentence."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.submit import event_text
from tests.submit.conftest import MakeMap
from tests.submit.fake_backend import FakeBackend, returned

from htmap.exceptions import (
    CannotUnpickle,
    DamagedFile,
    ExpectedError,
    MapComponentError,
    MapComponentHeld,
    MapComponentRemoved,
    MapWasRemoved,
    TimeoutError,  # noqa: A004 - ours
)
from htmap.maps.readable import ReadableMap
from htmap.settings import Settings


def invert(x: int) -> float:
    return 1 / x


def in_a_moment(action: Callable[[], object]) -> threading.Thread:
    """Something that happens while this thread waits."""
    thread = threading.Thread(target=action)
    thread.start()
    return thread


# --- getting --------------------------------------------------------------------------------------------------------


def test_a_result_is_waited_for(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(invert, [4])
    thread = in_a_moment(fake.run)
    assert m.get(0) == 0.25
    thread.join()


@pytest.mark.parametrize("timeout", [0, 0.01, dt.timedelta(milliseconds=10)])
def test_a_result_that_does_not_come_in_time_is_named(timeout: Any, make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(invert, [4, 2])
    with pytest.raises(TimeoutError, match="component 1 of map t is not there yet: the component is IDLE"):
        m.get(1, timeout)
    fake.start(1)
    with pytest.raises(TimeoutError, match="component 1 of map t is not there yet: the component is RUNNING"):
        m.get_err(1, timeout)


def test_an_error_is_the_users_own_with_the_remote_traceback(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(invert, [0])
    fake.run()
    with pytest.raises(MapComponentError, match="Component 0 of map t raised") as caught:
        m.get(0)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    text = str(caught.value)
    assert 'File "/home/me/fit.py", line 12, in fit' in text
    assert "ZeroDivisionError: division by zero" in text
    assert "map.get_err(0).report()" in text


def test_an_error_that_was_expected_but_did_not_happen_is_said(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(invert, [1])
    fake.run()
    with pytest.raises(ExpectedError, match=r"Component 0 of map t returned.*map\.get"):
        m.get_err(0)


def test_a_held_component_raises_with_the_reason_and_what_to_do(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(invert, [1])
    fake.hold(0, 34, 102, "Used 200 MB of 128 MB")
    for get in (m.get, m.get_err):
        with pytest.raises(
            MapComponentHeld, match=r"Component 0 of map t is held: \[34\] Used 200 MB.*\n.*map\.release"
        ):
            get(0)


def test_a_removed_component_raises_instead_of_hanging(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(invert, [1])
    fake.log(0, event_text.aborted((1, 0)))
    for get in (m.get, m.get_err):
        with pytest.raises(
            MapComponentRemoved,
            match=r"Component 0 .*via condor_rm \(by user me\).*map\.rerun\(\[0\]\)",
        ):
            get(0)
    with pytest.raises(MapComponentRemoved):
        m.wait()
    assert not m.is_active


# --- outputs that are not there -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "ended"), [(3, "ended with exit code 3"), (-9, "was killed by signal 9")])
def test_a_component_that_ends_without_an_output_is_an_error_that_says_so(
    code: int, ended: str, make_map: MakeMap, fake: FakeBackend
) -> None:
    m = make_map(invert, [1])
    fake.start(0)
    fake.end(0, code)
    for ask in (lambda: m.get(0), m.wait):
        with pytest.raises(MapComponentError, match=rf"Component 0 of map t has no output\. The job {ended}"):
            ask()
    assert ended in m.errors[0].report()
    assert ended in next(m.error_reports())


def test_a_job_that_ended_well_but_left_nothing_is_an_error_too(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(invert, [1])
    fake.start(0)
    fake.end(0, 0)
    with pytest.raises(MapComponentError, match="ended well, but its output is not there"):
        m.get(0)


def test_iterating_over_what_is_there_looks_for_news_once(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(invert, [1, 2, 4])
    fake.run()
    results = iter(m)
    assert next(results) == 1
    m.opened.directory.events.unlink()  # whoever looked now would find that nothing has run
    assert list(results) == [0.5, 0.25]


def test_iterating_over_a_map_that_is_removed_meanwhile_says_so(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(invert, [1, 2, 4])
    fake.run()
    results, pairs = iter(m), m.iter_with_inputs()
    next(results)
    next(pairs)
    shutil.rmtree(m.opened.directory.path)
    for rest in (results, pairs):
        with pytest.raises(MapWasRemoved):
            list(rest)


def test_an_output_that_comes_late_is_waited_for(make_map: MakeMap, fake: FakeBackend, own_settings: Settings) -> None:
    own_settings["OUTPUT_GRACE"] = 30
    m = make_map(invert, [4])
    fake.run()
    place = m.opened.directory.submission(0).output(0)
    hidden = place.rename(place.with_suffix(".hidden"))
    thread = in_a_moment(lambda: hidden.rename(place))
    assert m.get(0) == 0.25
    thread.join()


def test_an_output_that_is_not_whole_yet_is_waited_for(
    make_map: MakeMap, fake: FakeBackend, own_settings: Settings
) -> None:
    own_settings["OUTPUT_GRACE"] = 30
    m = make_map(invert, [4])
    fake.run()
    place = m.opened.directory.submission(0).output(0)
    whole = place.read_bytes()
    place.write_bytes(whole[:20])
    thread = in_a_moment(lambda: place.write_bytes(whole))
    assert m.get(0) == 0.25
    thread.join()


def test_a_damaged_output_is_named_and_the_others_stay_readable(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(invert, [1, 2])
    fake.run()
    os.truncate(m.opened.directory.submission(0).output(0), 20)
    with pytest.raises(DamagedFile, match="output of component 0 is damaged"):
        m.get(0)
    assert m.get(1) == 0.5
    assert [str(status) for status in m.component_statuses] == ["COMPLETED"] * 2


def test_a_result_that_cannot_be_unpickled_here_is_named(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(invert, [1])
    fake.start(0)
    header, _ = returned(1)
    fake.write_output(0, {0: (header, [b"garbage"])})
    fake.end(0, 0)
    with pytest.raises(CannotUnpickle, match="result of component 0"):
        m.get(0)


# --- what is measured and printed -----------------------------------------------------------------------------------


def test_memory_and_time_are_those_of_the_component(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(invert, [1, 0, 1])
    fake.start(2)
    fake.log(2, event_text.image_size((1, 2), 77))
    fake.run(0, 1)
    assert m.memory_usage == [20, 20, 77]
    assert m.runtime == [dt.timedelta(seconds=2)] * 2 + [dt.timedelta(0)]


def test_what_a_component_printed_is_shown(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(str, range(3))
    header, segments = returned("x")
    printed = {**header, "payload": [2, len(segments)], "stdout": 0, "stderr": 1}
    fake.start(0)
    fake.write_output(0, {0: (printed, [b"hello\n", b"caf\xe9", *segments])})
    fake.end(0, 0)
    fake.run(1)
    assert (m.stdout[0], m.stderr[0]) == ("hello\n", "caf\ufffd")
    assert (m.stdout[1], m.stderr[1]) == ("", "")


def test_a_component_without_a_record_shows_what_its_job_printed(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(str, range(2))
    fake.start(0, 1)
    fake.job(0).printed.write_text("python3: not found\n")
    fake.end(0, 127)
    fake.end(1, 127)
    assert m.stderr[0] == "python3: not found\n"
    assert m.stderr[1] == ""


def test_statuses_and_reports_unpickle_nothing(make_map: MakeMap, fake: FakeBackend, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "fired",)

    m: ReadableMap = make_map(str, range(2), chunksize=2)
    fake.start(0)
    good, segments = returned(Bomb())
    bad = {**good, "status": "raised", "exception": {"type": "X", "message": "y"}}
    fake.write_output(0, {0: (good, segments), 1: (bad, segments)})
    fake.end(0, 100)
    assert "ERRORED" in m.status()
    assert m.component_statuses
    assert list(m.errors) == [1]
    assert list(m.error_reports())
    assert m.memory_usage
    assert m.stdout[0] == ""
    assert not (tmp_path / "fired").exists()
