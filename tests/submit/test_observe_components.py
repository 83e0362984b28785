"""Mirrors htmap.observe.components: what was submitted, joined with what the log says."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.submit import event_text
from tests.submit.conftest import MakeMap
from tests.submit.fake_backend import FakeBackend, raised, returned
from tests.submit.test_lifecycle_rerun import again

from htmap.exceptions import DamagedFile, MapWasRemoved
from htmap.observe.components import Components, Place
from htmap.observe.fold import HoldReason, JobState, Totals
from htmap.observe.from_queue import Answer
from htmap.observe.statuses import ComponentStatus as Status
from htmap.store.atomic import remove_tree
from htmap.store.records import MapRecord


def components_of(make_map: MakeMap, count: int, **options: object) -> Components:
    """The components of a new map, as a process reads them that has just loaded it."""
    m = make_map(str, range(count), **options)
    return Components(m.opened.directory, MapRecord.load(m.opened.directory.map))


def loaded_again(components: Components) -> Components:
    return Components(components.map_dir, MapRecord.load(components.map_dir.map))


def statuses(components: Components) -> list[Status]:
    components.refresh()
    return components.statuses()


# --- one component a job --------------------------------------------------------------------------------------------


def test_the_status_of_a_component_is_that_of_its_job(make_map: MakeMap, fake: FakeBackend) -> None:
    components = components_of(make_map, 8)
    fake.start(*range(1, 8))
    fake.log(2, event_text.suspended((1, 2)))
    fake.hold(3, 34, 102, "Too large")
    fake.log(4, event_text.aborted((1, 4)))
    fake.end(5, 0)
    fake.end(6, 100)
    fake.end(7, -9)
    assert statuses(components) == [
        Status.IDLE,
        Status.RUNNING,
        Status.SUSPENDED,
        Status.HELD,
        Status.REMOVED,
        Status.COMPLETED,
        Status.ERRORED,
        Status.ERRORED,
    ]
    assert components.counts()[Status.ERRORED] == 2
    assert components.holds() == {3: HoldReason(34, 102, "Too large")}
    assert [components.exit_of(component) for component in (5, 6, 7)] == [None, None, -9]
    assert components.silence().active == {1: [0, 1, 2, 3]}


def test_continuing_after_a_suspension_means_running(make_map: MakeMap, fake: FakeBackend) -> None:
    components = components_of(make_map, 1)
    fake.start(0)
    fake.log(0, event_text.suspended((1, 0)) + event_text.unsuspended((1, 0)))
    assert statuses(components) == [Status.RUNNING]


def test_jobs_that_no_event_has_named_have_not_materialized(make_map: MakeMap) -> None:
    components = components_of(make_map, 2)
    components.map_dir.events.unlink()
    assert statuses(components) == [Status.UNMATERIALIZED] * 2
    assert components.is_active()


def test_a_map_is_active_until_nothing_more_can_happen(make_map: MakeMap, fake: FakeBackend) -> None:
    components = components_of(make_map, 4)
    for proc, ending in enumerate((0, 100, -9)):
        assert statuses(components)[proc] is Status.IDLE
        assert components.is_active()
        fake.end(proc, ending)
    fake.log(3, event_text.aborted((1, 3)))
    components.refresh()
    assert not components.is_active()
    assert components.silence().active == {}


def test_memory_and_time_come_from_the_log(make_map: MakeMap, fake: FakeBackend) -> None:
    components = components_of(make_map, 2)
    fake.log(0, event_text.image_size((1, 0), 120))
    assert components.totals() == Totals()
    fake.end(0, 0)
    fake.end(1, 0)
    components.refresh()
    assert [components.figures(component).memory_mb for component in (0, 1)] == [120, 17]
    assert components.peak_memory_mb() == 120
    assert components.totals() == Totals(cpu_s=2, longest_cpu_s=1)


def test_no_output_of_a_component_is_opened_for_its_status(make_map: MakeMap, fake: FakeBackend) -> None:
    components = components_of(make_map, 3, chunksize=2)
    fake.start(0, 1)
    fake.end(0, 0)
    fake.end(1, 0)
    assert statuses(components) == [Status.COMPLETED] * 3
    assert not components.map_dir.submission(0).output(0).exists()


# --- several components a job ---------------------------------------------------------------------------------------


def test_components_that_share_a_job_share_its_status_until_it_ends(make_map: MakeMap, fake: FakeBackend) -> None:
    components = components_of(make_map, 5, chunksize=2)
    fake.start(1)
    fake.hold(2, 1, 0, "by hand")
    assert statuses(components) == [Status.IDLE] * 2 + [Status.RUNNING] * 2 + [Status.HELD]
    assert [components.place(component) for component in range(5)] == [Place(0, job) for job in (0, 0, 1, 1, 2)]
    assert list(components.holds()) == [4]


def test_one_that_raises_does_not_fail_its_neighbours(make_map: MakeMap, fake: FakeBackend) -> None:
    components = components_of(make_map, 6, chunksize=3)
    fake.start(0)
    fake.write_output(0, {0: returned("x"), 1: raised(ValueError("y")), 2: returned("z")})
    fake.end(0, 100)
    assert statuses(components)[:3] == [Status.COMPLETED, Status.ERRORED, Status.COMPLETED]


def test_a_job_that_failed_fails_those_components_that_had_not_returned(make_map: MakeMap, fake: FakeBackend) -> None:
    components = components_of(make_map, 6, chunksize=3)
    fake.start(0, 1)
    fake.write_output(0, {0: returned("x"), 1: raised(ValueError("y"))}, whole=False)
    fake.end(0, -9)
    fake.end(1, 3)  # its output never came back
    assert statuses(components) == [Status.COMPLETED, *[Status.ERRORED] * 5]


# --- reading --------------------------------------------------------------------------------------------------------


def test_a_refresh_says_whether_there_was_news(make_map: MakeMap, fake: FakeBackend) -> None:
    components = components_of(make_map, 1)
    assert components.refresh()
    assert not components.refresh()
    fake.log(0, event_text.executing((1, 0))[:20])
    assert not components.refresh()
    fake.start(0)
    assert components.refresh()
    assert not components.refresh()


def test_statuses_are_as_of_the_last_refresh(make_map: MakeMap, fake: FakeBackend) -> None:
    components = components_of(make_map, 1)
    before = statuses(components)
    fake.start(0)
    assert components.statuses() == before
    assert statuses(components) == [Status.RUNNING]


def test_a_log_that_was_replaced_is_read_anew(make_map: MakeMap, fake: FakeBackend) -> None:
    components = components_of(make_map, 2)
    fake.run()
    assert statuses(components) == [Status.COMPLETED] * 2
    log = components.map_dir.events
    log.write_bytes(log.read_bytes()[: len(log.read_bytes()) // 3])
    shorter = statuses(components)
    assert shorter == statuses(loaded_again(components))
    assert shorter != [Status.COMPLETED] * 2


def test_a_map_that_is_gone_says_so(make_map: MakeMap) -> None:
    components = components_of(make_map, 1)
    remove_tree(components.map_dir.path)
    with pytest.raises(MapWasRemoved, match=components.map_dir.uid):
        components.refresh()


def test_a_damaged_submission_is_named(make_map: MakeMap) -> None:
    components = components_of(make_map, 1)
    path = components.map_dir.submission(0).submission
    path.write_bytes(b"garbage")
    with pytest.raises(DamagedFile, match=str(path)):
        components.refresh()


def test_a_map_whose_records_contradict_one_another_is_damaged(make_map: MakeMap) -> None:
    components = components_of(make_map, 3)
    path = components.map_dir.map
    for count in (2, 4):
        replace(MapRecord.load(path), components=count).save(path)
        with pytest.raises(DamagedFile, match="contradict one another"):
            loaded_again(components).refresh()


def test_an_event_of_a_job_that_is_not_the_maps_is_named_and_costs_no_other(
    make_map: MakeMap, fake: FakeBackend, caplog: pytest.LogCaptureFixture
) -> None:
    components = components_of(make_map, 1)
    fake.log(0, event_text.executing((1, 7)) + event_text.executing((1, 0)))
    components.refresh()
    assert "job 1.7" in caplog.text
    assert statuses(components) == [Status.RUNNING]


def test_many_threads_may_refresh_at_once(make_map: MakeMap, fake: FakeBackend) -> None:
    components = components_of(make_map, 50)
    fake.run()
    found: list[list[Status]] = []

    def read() -> None:
        found.extend(statuses(components) for _ in range(20))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[Status.COMPLETED] * 50] * 80


def test_what_a_thread_asks_for_never_falls_between_two_halves_of_a_look(make_map: MakeMap, fake: FakeBackend) -> None:
    # A log that was replaced (here, at every look) is read anew, from no submissions at all.
    components = components_of(make_map, 3)
    fake.start(0, 1)
    fake.hold(1, 1, 0, "by hand")
    components.refresh()
    log = components.map_dir.events
    asked: list[Callable[[], object]] = [
        lambda: components.place(2),
        lambda: components.job_of(2),
        lambda: components.hold(1),
        components.holds,
        components.silence,
        components.clusters,
        components.submissions,
        lambda: components.figures(0),
        lambda: components.exit_of(0),
        components.peak_memory_mb,
        components.totals,
        components.counts,
    ]
    expected = [ask() for ask in asked]
    stop = threading.Event()

    def replace_and_look() -> None:
        for _ in range(100):
            copy = log.with_name("copy")
            copy.write_bytes(log.read_bytes())
            copy.replace(log)
            components.refresh()
        stop.set()

    thread = threading.Thread(target=replace_and_look)
    thread.start()
    seen = [expected]
    while not stop.is_set():
        seen.append([ask() for ask in asked])
    thread.join()
    assert [each for each in seen if each != expected] == []


# --- reruns ---------------------------------------------------------------------------------------------------------


def test_a_rerun_of_another_process_is_seen(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(str, range(3))
    fake.run()
    components = Components(m.opened.directory, m.opened.record)
    assert statuses(components) == [Status.COMPLETED] * 3
    again(m, fake, [0, 2])
    assert statuses(components) == [Status.IDLE, Status.COMPLETED, Status.IDLE]
    assert [components.place(component) for component in range(3)] == [Place(1, 0), Place(0, 1), Place(1, 1)]
    assert components.clusters() == [1, 2]
    assert [record.number for record in components.submissions()] == [0, 1]
    fake.start(0)
    fake.end(0, 3)
    fake.hold(1, 1, 0, "by hand")
    assert statuses(components) == [Status.ERRORED, Status.COMPLETED, Status.HELD]
    assert components.exit_of(0) == 3
    assert list(components.holds()) == [2]


# --- snapshots ------------------------------------------------------------------------------------------------------


@pytest.fixture
def frequent_snapshots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("htmap.observe.components._SNAPSHOT_EVERY_BYTES", 1)


@pytest.mark.usefixtures("frequent_snapshots")
def test_a_later_process_goes_on_from_a_snapshot(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(str, range(3))
    fake.start(0, 1)
    first = Components(m.opened.directory, m.opened.record)
    before = statuses(first)
    assert m.opened.directory.state.exists()
    log = m.opened.directory.events.read_bytes()
    m.opened.directory.events.write_bytes(
        log[:4096] + bytes(max(0, len(log) - 4096))
    )  # only its beginning is looked at
    assert statuses(loaded_again(first)) == before
    fake.run(2)
    assert statuses(loaded_again(first))[2] is Status.COMPLETED


@pytest.mark.usefixtures("frequent_snapshots")
def test_snapshots_know_reruns(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(str, range(3))
    fake.run()
    first = Components(m.opened.directory, m.opened.record)
    first.refresh()
    again(m, fake, [1])
    fake.start(0)
    first.refresh()
    assert statuses(loaded_again(first)) == [Status.COMPLETED, Status.RUNNING, Status.COMPLETED]
    again_later = [Status.COMPLETED, Status.COMPLETED, Status.COMPLETED]
    fake.finish(0)
    assert statuses(loaded_again(first)) == again_later


@pytest.mark.usefixtures("frequent_snapshots")
@pytest.mark.parametrize("content", [b"", b"garbage", None], ids=["empty", "garbage", "absent"])
def test_a_snapshot_that_is_damaged_is_not_used(content: bytes | None, make_map: MakeMap, fake: FakeBackend) -> None:
    components = components_of(make_map, 3)
    fake.run()
    expected = statuses(components)
    state: Path = components.map_dir.state
    state.unlink()
    if content is not None:
        state.write_bytes(content)
    assert statuses(loaded_again(components)) == expected


# --- the word of the queue ------------------------------------------------------------------------------------------


def test_the_word_of_the_queue_holds_until_the_log_speaks(make_map: MakeMap, fake: FakeBackend) -> None:
    components = components_of(make_map, 3)
    components.refresh()
    answers = {(1, 0): Answer(JobState.RETURNED), (1, 1): Answer(JobState.REMOVED)}
    components.settle(components.silence(), answers)
    assert components.statuses() == [Status.COMPLETED, Status.REMOVED, Status.IDLE]
    fake.start(0, 2)
    assert statuses(components) == [Status.RUNNING, Status.IDLE, Status.RUNNING]


def test_the_queue_says_why_a_component_is_held_and_how_its_job_ended(make_map: MakeMap, fake: FakeBackend) -> None:
    components = components_of(make_map, 3)
    fake.hold(0, 1, 0, "by hand")
    components.refresh()
    too_large = HoldReason(34, 102, "Too large")
    answers = {
        (1, 0): Answer(JobState.IDLE),
        (1, 1): Answer(JobState.HELD, too_large),
        (1, 2): Answer(JobState.FAILED, exit=-9),
    }
    components.settle(components.silence(), answers)
    assert components.statuses() == [Status.IDLE, Status.HELD, Status.ERRORED]
    assert components.holds() == {1: too_large}
    assert components.hold(0) is None
    assert components.exit_of(2) == -9


def test_an_answer_to_a_question_that_the_log_has_answered_meanwhile_is_dropped(
    make_map: MakeMap, fake: FakeBackend
) -> None:
    components = components_of(make_map, 1)
    components.refresh()
    asked = components.silence()
    fake.run()
    components.refresh()
    components.settle(asked, {(1, 0): Answer(JobState.RUNNING)})
    assert components.statuses() == [Status.COMPLETED]


def test_silence_is_counted_from_the_last_event(make_map: MakeMap) -> None:
    components = components_of(make_map, 1)
    assert 0 <= components.silence_s() < 60
    then = time.time() - 3600
    os.utime(components.map_dir.events, (then, then))
    assert 3600 <= components.silence_s() < 3660
    components.map_dir.events.unlink()
    assert components.silence_s() == float("inf")


def test_a_clock_that_was_set_back_makes_nobody_wait(make_map: MakeMap, monkeypatch: pytest.MonkeyPatch) -> None:
    components = components_of(make_map, 1)
    later = time.time() + 3600
    os.utime(components.map_dir.events, (later, later))
    assert 0 <= components.silence_s() < 60
    passed = time.monotonic() + 10
    monkeypatch.setattr("time.monotonic", lambda: passed)
    assert 9 < components.silence_s() < 60, "it counts from when it was seen"


def test_events_seen_before_their_submission_are_not_lost(make_map: MakeMap, fake: FakeBackend) -> None:
    # On NFS a directory may be seen later than the lines of a log that name it.
    m = make_map(str, range(2))
    fake.run()
    late = m.opened.directory.submission(1).path
    again(m, fake, [1])
    fake.run()
    hidden = late.rename(late.with_name("hidden"))
    components = Components(m.opened.directory, m.opened.record)
    components.refresh()
    assert components.place(1) == (0, 1)
    hidden.rename(late)
    components.refresh()
    assert components.place(1) == (1, 0)
    assert components.statuses() == [Status.COMPLETED] * 2
