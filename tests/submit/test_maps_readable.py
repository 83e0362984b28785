"""Mirrors htmap.maps.readable (with streams and available): a map as a sequence, waiting, what is known of it."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.submit import event_text
from tests.submit.conftest import MakeMap
from tests.submit.fake_backend import FakeBackend, returned

from htmap import ComponentHold
from htmap.exceptions import (
    InvalidOption,
    MapComponentError,
    MapComponentHeld,
    MapComponentRemoved,
    MapWasRemoved,
    NoSuchComponent,
    TimeoutError,  # noqa: A004 - ours
)
from htmap.maps.opened import Opened
from htmap.maps.readable import ReadableMap
from htmap.observe.statuses import ComponentStatus as Status
from htmap.store import tags
from htmap.store.atomic import remove_tree
from htmap.store.mapdir import Home
from htmap.store.tags import Tag

VALUES = [5, 3, 5, 1, 4]


def keep(x: Any) -> Any:
    return x


@pytest.fixture
def done(make_map: MakeMap, fake: FakeBackend) -> ReadableMap:
    """A finished map whose results are VALUES."""
    m = make_map(keep, VALUES)
    fake.run()
    return m


# --- a sequence -----------------------------------------------------------------------------------------------------


def test_a_map_is_a_sequence(done: ReadableMap) -> None:
    assert isinstance(done, Sequence)
    assert len(done) == len(VALUES)
    assert list(done) == VALUES
    assert list(reversed(done)) == VALUES[::-1]
    assert done.components == (0, 1, 2, 3, 4)


@pytest.mark.parametrize("index", [0, 4, -1, -5])
def test_an_index_means_what_it_means_for_a_list(index: int, done: ReadableMap) -> None:
    assert done[index] == done.get(index) == VALUES[index]


@pytest.mark.parametrize(
    "part",
    [slice(None), slice(1, 3), slice(-2, None), slice(None, None, -2), slice(7, 9), slice(3, 1), slice(0, 99, 2)],
)
def test_a_slice_means_what_it_means_for_a_list(part: slice, done: ReadableMap) -> None:
    assert done[part] == VALUES[part]


@pytest.mark.parametrize("index", [5, -6, 10**9])
def test_a_component_that_is_not_there_is_named(index: int, done: ReadableMap) -> None:
    for ask in (done.__getitem__, done.get, done.get_err, done.stdout.get):
        with pytest.raises(NoSuchComponent, match=rf"Map t has no component {index}: it has 5, from 0 to 4"):
            ask(index)
    with pytest.raises(IndexError):
        done[index]


@pytest.mark.parametrize("index", ["0", 1.0, None])
def test_a_component_is_named_by_a_whole_number(index: Any, done: ReadableMap) -> None:
    with pytest.raises(TypeError, match="whole number"):
        done.get(index)


def test_a_map_searches_as_a_list_does(done: ReadableMap) -> None:
    assert [done.index(value) for value in (5, 3, 1)] == [0, 1, 3]
    assert done.index(5, 1) == 2
    assert done.index(4, -2) == 4
    assert done.count(5) == 2
    assert (4 in done, 9 in done) == (True, False)
    with pytest.raises(ValueError, match=r"^$"):
        done.index(9)
    with pytest.raises(ValueError, match=r"^$"):
        done.index(5, 1, 2)


def test_looking_at_an_output_does_not_wait(make_map: MakeMap) -> None:
    m = make_map(keep, VALUES)
    for ask in (lambda: m[0], lambda: m[1:3], lambda: m.stdout[0], lambda: m.output_files[0]):
        with pytest.raises(TimeoutError, match="component"):
            ask()


def test_maps_are_equal_if_they_are_the_same_map(done: ReadableMap, make_map: MakeMap) -> None:
    again = ReadableMap(Opened.at("t", done.opened.directory.path, done.opened.backend))
    assert done == again
    assert len({done, again}) == 1
    assert done != make_map(keep, VALUES, tag="other")
    assert done != VALUES
    assert repr(done) == "Map(tag='t')"


def test_the_length_needs_no_disk(done: ReadableMap) -> None:
    remove_tree(done.opened.directory.path)
    assert len(done) == 5


# --- iterating ------------------------------------------------------------------------------------------------------


def test_results_come_with_their_inputs(done: ReadableMap) -> None:
    assert list(done.iter_inputs()) == [((value,), {}) for value in VALUES]
    assert list(done.iter_with_inputs()) == [(((value,), {}), value) for value in VALUES]
    assert sorted(done.iter_as_available_with_inputs()) == sorted((((value,), {}), value) for value in VALUES)


def test_each_result_is_waited_for_in_turn(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(keep, VALUES)
    fake.run(0, 2)
    results = m.iter(timeout=0)
    assert next(results) == 5
    with pytest.raises(TimeoutError, match="component 1"):
        next(results)


def test_results_come_as_they_are_available(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(keep, VALUES)
    fake.run(3)
    results = m.iter_as_available(timeout=60)
    assert next(results) == 1
    fake.run(4)
    assert next(results) == 4
    fake.run()
    assert list(results) == [5, 3, 5]


def test_what_is_there_comes_before_the_first_error_raises_and_the_rest_after(
    make_map: MakeMap, fake: FakeBackend
) -> None:
    m = make_map(lambda x: 1 / x, [0, 1, 2, 4])
    fake.run(0, 2)
    fake.hold(1, 1, 0, "by hand")
    results = m.iter_as_available(timeout=0)
    assert next(results) == 0.5
    with pytest.raises(MapComponentError, match="Component 0"):
        next(results)
    with pytest.raises(MapComponentHeld, match="Component 1"):
        next(results)
    with pytest.raises(TimeoutError, match="1 components of map t"):
        next(results)
    fake.run()
    assert list(results) == [0.25]


@pytest.mark.parametrize("chunksize", [1, 3])
def test_what_a_job_left_before_it_failed_is_given(chunksize: int, make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(keep, [10, 20, 30], chunksize=chunksize)
    for proc in range(3 // chunksize):
        fake.start(proc)
    fake.write_output(0, {0: returned(10), 1: returned(20)} if chunksize == 3 else {0: returned(10)}, whole=False)
    if chunksize == 1:
        fake.write_output(1, {1: returned(20)}, whole=False)
    for proc in range(3 // chunksize):
        fake.end(proc, -9)
    assert [m.get(0), m.get(1)] == [10, 20]
    for results in (m.iter_as_available(timeout=0), m.iter(timeout=0)):
        assert [next(results), next(results)] == [10, 20]
        with pytest.raises(MapComponentError, match="Component 2 of map t has no output"):
            next(results)
    inputs = m.iter_as_available_with_inputs(timeout=0)
    assert [next(inputs), next(inputs)] == [(((10,), {}), 10), (((20,), {}), 20)]
    assert list(m.errors) == [2]
    with pytest.raises(MapComponentError, match="Component 2"):
        m.wait()


@pytest.mark.parametrize("name", ["iter", "iter_as_available"])
def test_an_iterator_may_skip_or_return_errors(name: str, make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(lambda x: 1 / x, [1, 0, 2])
    fake.run(0, 1)
    fake.hold(2, 1, 0, "by hand")
    assert list(getattr(m, name)(timeout=0, errors="skip")) == [1.0]
    one, error, hold = getattr(m, name)(timeout=0, errors="return")
    assert one == 1.0
    assert isinstance(error, MapComponentError)
    assert isinstance(error.__cause__, ZeroDivisionError)
    assert isinstance(hold, MapComponentHeld)
    pairs = list(getattr(m, f"{name}_with_inputs")(timeout=0, errors="return"))
    assert [call for call, _ in pairs] == [((1,), {}), ((0,), {}), ((2,), {})]
    assert list(getattr(m, f"{name}_with_inputs")(timeout=0, errors="skip")) == [(((1,), {}), 1.0)]


def test_what_is_not_there_in_time_is_no_error_to_skip(make_map: MakeMap) -> None:
    m = make_map(keep, VALUES)
    for results in (m.iter(timeout=0, errors="skip"), m.iter_as_available(timeout=0, errors="return")):
        with pytest.raises(TimeoutError):
            next(results)
    with pytest.raises(InvalidOption, match="raise, skip, return"):
        m.iter(errors="ignore")  # type: ignore[arg-type]


def test_as_available_gives_up_in_time(make_map: MakeMap) -> None:
    with pytest.raises(TimeoutError, match="5 components of map t"):
        next(make_map(keep, VALUES).iter_as_available(timeout=dt.timedelta(milliseconds=5)))


# --- waiting --------------------------------------------------------------------------------------------------------


def test_waiting_ends_when_all_is_there(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(keep, VALUES)
    assert not m.is_done
    thread = threading.Thread(target=fake.run)
    thread.start()
    m.wait()
    thread.join()
    assert m.is_done
    assert not m.is_active


def test_waiting_gives_up_in_time_and_says_what_is_missing(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(keep, VALUES)
    fake.run(1)
    with pytest.raises(TimeoutError, match=r"map t \(4 IDLE, 1 COMPLETED\)"):
        m.wait(timeout=0)


@pytest.mark.parametrize(
    ("trouble", "error", "allowed"),
    [
        (event_text.held((1, 0), 1, 0, "by hand"), MapComponentHeld, "holds_ok"),
        (event_text.aborted((1, 0)), MapComponentRemoved, "errors_ok"),
        (event_text.terminated((1, 0), 3), MapComponentError, "errors_ok"),
    ],
)
def test_waiting_raises_for_the_first_trouble_unless_told_not_to(
    trouble: bytes, error: type[Exception], allowed: str, make_map: MakeMap, fake: FakeBackend
) -> None:
    m = make_map(keep, VALUES)
    fake.log(0, trouble)
    with pytest.raises(error, match="Component 0 of map t"):
        m.wait(timeout=60)
    with pytest.raises(TimeoutError):
        m.wait(timeout=0, **{allowed: True})


def test_a_map_of_errors_and_removals_is_over_and_not_done(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(lambda x: 1 / x, [0, 1, 2])
    fake.run(0, 1)
    fake.log(2, event_text.aborted((1, 2)))
    m.wait(errors_ok=True)
    assert not m.is_active
    assert not m.is_done


def test_held_components_count_as_finished_if_they_may(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(keep, [0, 1, 2])
    fake.run(0)
    fake.hold(1, 1, 0, "by hand")
    with pytest.raises(TimeoutError, match="1 IDLE"):
        m.wait(timeout=0, holds_ok=True)
    fake.hold(2, 1, 0, "by hand")
    m.wait(timeout=0, holds_ok=True)
    assert m.is_active
    with pytest.raises(MapComponentHeld):
        m.wait(timeout=60)


def test_a_progress_bar_goes_to_standard_error(done: ReadableMap, capfd: pytest.CaptureFixture[str]) -> None:
    done.wait(show_progress_bar=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert "5/5" in err


# --- statuses, errors, holds ----------------------------------------------------------------------------------------


@pytest.fixture
def mixed(make_map: MakeMap, fake: FakeBackend) -> ReadableMap:
    """One component of each kind: 0 errored, 1 completed, 2 held, 3 running, 4 idle."""
    m = make_map(lambda x: 1 / x, [0, 1, 2, 3, 4])
    fake.run(0, 1)
    fake.hold(2, 34, 102, "Too large")
    fake.start(3)
    return m


def test_statuses_are_grouped_and_counted(mixed: ReadableMap) -> None:
    grouped = mixed.components_by_status()
    assert set(grouped) == set(Status)
    assert {status: components for status, components in grouped.items() if components} == {
        Status.ERRORED: (0,),
        Status.COMPLETED: (1,),
        Status.HELD: (2,),
        Status.RUNNING: (3,),
        Status.IDLE: (4,),
    }
    assert mixed.status() == "Map t (5 components): 1 HELD, 1 ERRORED, 1 IDLE, 1 RUNNING, 1 COMPLETED"
    assert mixed.is_active


def test_errors_and_holds_of_an_active_map_do_not_wait(mixed: ReadableMap) -> None:
    assert list(mixed.errors) == [0]
    assert mixed.errors[0].exception_msg == "ZeroDivisionError: division by zero"
    assert [report.count("component 0 of map t") for report in mixed.error_reports()] == [2]
    assert mixed.holds == {2: ComponentHold(34, "Too large", subcode=102)}
    assert "Too large" in mixed.hold_report()


def test_a_list_of_statuses_is_the_callers_own(mixed: ReadableMap) -> None:
    mixed.component_statuses.clear()
    assert len(mixed.component_statuses) == 5


def test_a_map_knows_how_much_disk_it_uses(done: ReadableMap) -> None:
    before = done.local_data
    (done.opened.directory.path / "more").write_bytes(bytes(1000))
    assert done.local_data == before + 1000


def test_a_map_is_shown_in_a_notebook(mixed: ReadableMap) -> None:
    shown = mixed._repr_html_()
    assert "t" in shown
    remove_tree(mixed.opened.directory.path)
    assert "has been removed" in mixed._repr_html_()


# --- streams --------------------------------------------------------------------------------------------------------


def test_streams_and_files_are_sequences_over_the_components(done: ReadableMap) -> None:
    for sequence in (done.stdout, done.stderr, done.output_files):
        assert len(sequence) == 5
        assert len(list(sequence)) == 5
        assert list(sequence[1:3]) == [sequence[1], sequence[2]]
        assert sequence[-1] == sequence[4]
        with pytest.raises(IndexError):
            sequence[5]
    assert done.stdout.count("") == 5
    assert "" in done.stderr


def test_what_was_sent_back_lies_in_a_directory_of_the_component(done: ReadableMap) -> None:
    directory: Path = done.output_files[1]
    assert directory.is_dir()
    assert directory == done.output_files.get(-4)
    assert len({done.output_files[component] for component in done.components}) == 5


# --- removed and renamed --------------------------------------------------------------------------------------------


def test_a_map_that_was_removed_elsewhere_says_so(done: ReadableMap) -> None:
    stale: Iterator[Any] = done.iter()
    remove_tree(done.opened.directory.path)
    assert not done.exists
    asked: list[Any] = [
        lambda: done.component_statuses,
        lambda: done.is_done,
        lambda: done.is_active,
        lambda: done.errors,
        lambda: done.holds,
        lambda: done.memory_usage,
        lambda: done.runtime,
        lambda: done.local_data,
        lambda: done.stdout[0],
        lambda: done.stderr[0],
        lambda: done.output_files[0],
        lambda: done[0],
        lambda: done[1:],
        lambda: 5 in done,
        lambda: list(done),
        lambda: next(stale),
        lambda: next(done.iter_as_available()),
        lambda: next(done.iter_as_available_with_inputs()),
        done.iter,
        done.iter_with_inputs,
        lambda: next(done.error_reports()),
        done.components_by_status,
        done.status,
        done.hold_report,
        done.iter_inputs,
        done.wait,
    ]
    for ask in asked:
        with pytest.raises(MapWasRemoved, match="map t has been removed"):
            ask()


def test_a_map_made_again_under_the_tag_is_another_one(make_map: MakeMap, fake: FakeBackend, home: Home) -> None:
    old = make_map(keep, [1], tag="again")
    tags.release(home, "again", old.opened.directory.uid)
    remove_tree(old.opened.directory.path)
    fake.jobs.clear()
    new = make_map(keep, [2], tag="again")
    fake.run()
    assert new[0] == 2
    assert old != new
    with pytest.raises(MapWasRemoved):
        old[0]


def test_a_map_follows_its_tag(done: ReadableMap, home: Home) -> None:
    tags.replace(home, tags.find(home, "t"), Tag("better", done.opened.directory.uid, transient=False))
    assert done.tag == "better"
    assert "better" in repr(done)
