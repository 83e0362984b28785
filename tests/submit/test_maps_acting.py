"""Mirrors htmap.maps.acting: what is done to a map reaches its jobs, and nothing else."""

from __future__ import annotations

import logging
import os
import pickle
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.submit import event_text
from tests.submit.fake_backend import FakeBackend
from tests.submit.fake_bindings import Bindings, HTCondorException, schedd_ad

import htmap
from htmap import ComponentHold, Map
from htmap.backend.protocol import JobStatus
from htmap.exceptions import (
    BackendError,
    BackendNotAvailable,
    CannotRerunComponents,
    InvalidOption,
    InvalidTag,
    MapComponentHeld,
    MapWasRemoved,
    NoSuchComponent,
    TagAlreadyExists,
    TagNotFound,
)
from htmap.observe.statuses import ComponentStatus as Status
from htmap.store import tags
from htmap.store.locks import is_held
from htmap.store.mapdir import Home
from htmap.store.records import SubmissionRecord
from htmap.store.tags import Tag


@pytest.fixture
def m(queue: FakeBackend) -> Map:
    made = htmap.map(lambda x: 1 / x, [0, 1, 2], tag="t", quiet=True)
    assert len(queue.jobs) == 3
    return made


def job_statuses(queue: FakeBackend) -> list[JobStatus]:
    return [job.status for job in queue.jobs.values()]


def test_the_queue_says_why_a_component_is_held_if_the_log_does_not(m: Map, queue: FakeBackend) -> None:
    htmap.settings["QUEUE_CHECK_TIME"] = 0
    queue.is_silent = True
    queue.hold(1, 34, 102, "Used 200 MB of 128 MB")
    assert m.component_statuses[1] is Status.HELD
    assert m.holds == {1: ComponentHold(34, "Used 200 MB of 128 MB", subcode=102)}
    assert "Used 200 MB" in m.hold_report()
    with pytest.raises(MapComponentHeld, match=r"\[34\] Used 200 MB of 128 MB"):
        m.get(1)


# --- acting ---------------------------------------------------------------------------------------------------------


def test_a_held_map_is_released_again(m: Map, queue: FakeBackend) -> None:
    m.hold()
    assert job_statuses(queue) == [JobStatus.HELD] * 3
    assert m.component_statuses == [Status.HELD] * 3
    m.release()
    assert m.component_statuses == [Status.IDLE] * 3


def test_a_paused_map_is_resumed_again(m: Map, queue: FakeBackend) -> None:
    queue.start(0, 1)
    m.pause()
    assert m.component_statuses == [Status.SUSPENDED, Status.SUSPENDED, Status.IDLE]
    m.resume()
    assert m.component_statuses == [Status.RUNNING, Status.RUNNING, Status.IDLE]
    m.vacate()
    assert m.component_statuses == [Status.IDLE] * 3


def test_memory_and_disk_are_edited(m: Map, queue: FakeBackend) -> None:
    m.set_memory(2048)
    m.set_disk(np.int64(10_000))  # people compute sizes with numpy
    assert [job.edits for job in queue.jobs.values()] == [{"RequestMemory": "2048", "RequestDisk": "10000"}] * 3


@pytest.mark.parametrize("value", [0, -1, 1.5, [1], True, None])
def test_memory_and_disk_are_whole_numbers(value: Any, m: Map, queue: FakeBackend) -> None:
    for edit in (m.set_memory, m.set_disk):
        with pytest.raises(InvalidOption, match="must be a whole number, 1 or more"):
            edit(value)
    assert not any(job.edits for job in queue.jobs.values())


def test_other_maps_are_left_alone(m: Map, queue: FakeBackend) -> None:
    other = htmap.map(str, [1], tag="other", quiet=True)
    m.hold()
    m.set_memory(7)
    m.remove()
    assert other.component_statuses == [Status.IDLE]
    assert not queue.job(0).edits


def test_what_is_done_is_logged_in_a_line(m: Map, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "htmap")
    m.hold()
    m.set_memory(7)
    m.retag("u")
    assert caplog.messages == [
        "Hold map t: 3 jobs.",
        "Set RequestMemory = 7 for map t: 3 jobs.",
        "Retagged map t as u.",
    ]


# --- rerunning ------------------------------------------------------------------------------------------------------


def test_what_is_over_can_be_rerun(m: Map, queue: FakeBackend) -> None:
    queue.run(0, 1)
    queue.log(2, event_text.aborted((1, 2)))
    del queue.jobs[1, 2]
    assert m.component_statuses == [Status.ERRORED, Status.COMPLETED, Status.REMOVED]
    m.rerun([0, -1, 2])
    assert m.component_statuses == [Status.IDLE, Status.COMPLETED, Status.IDLE]
    queue.run()
    assert m[1:] == [1.0, 0.5]
    m.rerun()
    assert m.component_statuses == [Status.IDLE] * 3


def test_what_is_active_cannot_be_rerun(m: Map, queue: FakeBackend) -> None:
    queue.run(0)
    with pytest.raises(CannotRerunComponents, match="Components 1-2 of map t are active"):
        m.rerun()
    with pytest.raises(NoSuchComponent):
        m.rerun([3])
    m.rerun([])
    assert list(m.opened.directory.submission_numbers()) == [0]
    assert not is_held(m.opened.directory.lock)


def test_a_rerun_has_the_original_options_without_later_edits(m: Map, queue: FakeBackend) -> None:
    m.set_memory(7)
    queue.run()
    m.rerun([1])
    assert queue.job(0).edits == {}


# --- tags -----------------------------------------------------------------------------------------------------------


def test_a_retagged_map_is_found_under_its_new_tag_alone(m: Map, queue: FakeBackend) -> None:
    m.retag("better")
    assert m.tag == "better"
    assert htmap.load("better") == m
    with pytest.raises(TagNotFound):
        htmap.load("t")
    assert htmap.map(str, [1], tag="t", quiet=True) != m
    assert len(queue.jobs) == 4


def test_retagging_makes_a_map_permanent(queue: FakeBackend) -> None:
    made = htmap.map(str, [1], quiet=True)
    assert made.is_transient
    made.retag(made.tag)
    assert not made.is_transient
    assert queue.jobs


def test_a_tag_that_cannot_be_had_changes_nothing(m: Map) -> None:
    htmap.map(str, [1], tag="taken", quiet=True)
    for tag, error in {"taken": TagAlreadyExists, "a b": InvalidTag, "": InvalidTag, "a\n": InvalidTag}.items():
        with pytest.raises(error):
            m.retag(tag)
    assert m.tag == "t"
    assert sorted(htmap.get_tags()) == ["t", "taken"]


@pytest.mark.parametrize(
    ("edit", "amount", "expected"),
    [
        (Map.set_memory, "2GB", {"RequestMemory": "2048"}),
        (Map.set_memory, "1.5g", {"RequestMemory": "1536"}),
        (Map.set_memory, "300", {"RequestMemory": "300"}),
        (Map.set_memory, "1 KB", {"RequestMemory": "1"}),
        (Map.set_disk, "2GB", {"RequestDisk": "2097152"}),
        (Map.set_disk, "7KB", {"RequestDisk": "7"}),
    ],
)
def test_amounts_may_be_text_as_on_the_command_line(
    edit: Callable[[Map, str], None], amount: str, expected: dict[str, str], m: Map, queue: FakeBackend
) -> None:
    edit(m, amount)
    assert [job.edits for job in queue.jobs.values()] == [expected] * 3


@pytest.mark.parametrize("amount", ["", "much", "0GB", "-1", "2PB"])
def test_text_that_is_no_amount_is_refused(amount: str, m: Map, queue: FakeBackend) -> None:
    for edit in (m.set_memory, m.set_disk):
        with pytest.raises(InvalidOption, match=f"'{amount}' is no amount"):
            edit(amount)
    with pytest.raises(InvalidOption, match="Write '2GB' or '2KB'"):
        m.set_disk("2")
    assert not any(job.edits for job in queue.jobs.values())


class OldSequence:
    """A sequence as Python had them first: items by number, and nothing more."""

    def __init__(self, *items: Any) -> None:
        self._items = items

    def __getitem__(self, number: int) -> Any:
        return self._items[number]


def test_old_sequences_are_taken_wherever_there_are_several(m: Map, queue: FakeBackend) -> None:
    queue.run()
    m.rerun(OldSequence(0, 2))  # type: ignore[arg-type]
    queue.run()
    options = htmap.MapOptions(request_memory=OldSequence(1, 2), input_files=OldSequence([], []))  # type: ignore[arg-type]
    both = htmap.map(abs, OldSequence(-1, -2), map_options=options, tag="both", quiet=True)  # type: ignore[arg-type]
    queue.run()
    called = htmap.starmap(pow, OldSequence(OldSequence(2, 3)), quiet=True)  # type: ignore[arg-type]
    queue.run()
    assert list(both) == [1, 2]
    assert list(called) == [8]


# --- loading --------------------------------------------------------------------------------------------------------


def test_a_map_is_loaded_by_its_tag(m: Map, queue: FakeBackend) -> None:
    queue.run()
    loaded = Map.load("t")
    assert loaded == m
    assert loaded[1] == 1.0


@pytest.mark.parametrize("tag", ["absent", "../t", "", "a\n", None])
def test_a_map_that_is_not_there_is_not_found(tag: Any, queue: FakeBackend) -> None:
    with pytest.raises(TagNotFound, match="There is no map with the tag"):
        Map.load(tag)
    assert not queue.jobs


def test_a_map_that_is_half_made_is_not_found(m: Map, queue: FakeBackend, home: Home) -> None:
    queue.jobs.clear()
    m.opened.directory.events.unlink()
    path = m.opened.directory.submission(0).submission
    record = SubmissionRecord.load(path)
    replace(record, cluster=None).save(path)
    with pytest.raises(TagNotFound, match=r"under way or was cut short.*htmap\.clean"):
        Map.load("t")
    tags.claim(home, Tag("orphan", "dead", transient=False))
    with pytest.raises(TagNotFound):
        Map.load("orphan")


def test_a_finished_map_is_loaded_without_the_bindings(
    m: Map, queue: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue.run()
    monkeypatch.setitem(sys.modules, "htcondor2", None)
    loaded = Map.load("t")
    assert loaded.get(1) == 1.0
    assert m.component_statuses == loaded.component_statuses


# --- removing -------------------------------------------------------------------------------------------------------


def test_a_removed_map_is_gone_from_queue_and_disk(m: Map, queue: FakeBackend, home: Home) -> None:
    m.remove()
    assert not m.exists
    assert queue.jobs == {}
    assert not [*home.maps.iterdir(), *home.tags.iterdir()]
    assert htmap.map(str, [1], tag="t", quiet=True).exists


def test_nothing_can_be_done_to_a_map_that_was_removed(m: Map) -> None:
    m.remove()
    actions: list[Callable[[], object]] = [
        m.hold,
        m.release,
        m.pause,
        m.resume,
        m.vacate,
        m.remove,
        m.rerun,
        lambda: m.set_memory(1),
        lambda: m.set_disk(1),
        lambda: m.retag("u"),
        lambda: m.is_transient,
        lambda: m.remove(force=True),
        lambda: m.get(0),
        m.wait,
    ]
    for act in actions:
        with pytest.raises(MapWasRemoved, match="map t has been removed"):
            act()


def test_a_map_whose_queue_is_out_of_reach_is_removed_only_by_force(m: Map, bindings: Bindings) -> None:
    bindings.failure = HTCondorException("Failed to connect to schedd")
    with pytest.raises(BackendNotAvailable):
        m.remove()
    assert m.exists
    assert htmap.get_tags() == ("t",)
    with pytest.warns(UserWarning, match=r"map t was deleted, but jobs.*condor_rm -name me@ap1 -pool cm\.example\.org"):
        m.remove(force=True)
    assert not m.exists
    assert htmap.get_tags() == ()


def test_a_map_of_which_no_job_can_run_is_removed_without_its_queue(
    m: Map, bindings: Bindings, queue: FakeBackend
) -> None:
    queue.run()
    bindings.failure = HTCondorException("Failed to connect to schedd")
    m.remove()
    assert htmap.get_tags() == ()


def test_a_map_is_not_removed_from_another_access_point(m: Map, bindings: Bindings, queue: FakeBackend) -> None:
    del bindings.schedds["me@ap1"]
    bindings.schedds["me@ap2"], bindings.here = schedd_ad("me@ap2", 2_000), "me@ap2"
    with pytest.raises(BackendNotAvailable, match="jobs are at the access point me@ap1"):
        m.remove()
    assert htmap.clean(all=True) == []
    assert m.exists
    assert len(queue.jobs) == 3


def test_a_map_whose_queue_was_set_up_anew_is_removed(m: Map, bindings: Bindings) -> None:
    bindings.schedds["me@ap1"] = schedd_ad("me@ap1", 5_000)
    m.remove()
    assert not m.exists


def test_a_map_whose_log_cannot_be_read_is_removed_too(m: Map, queue: FakeBackend) -> None:
    events = m.opened.directory.events
    events.unlink()
    events.symlink_to(events.name)
    queue.is_silent = True
    m.remove()
    assert not m.exists
    assert queue.jobs == {}


def test_data_stays_while_jobs_are_slow_to_leave(m: Map, queue: FakeBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("htmap.lifecycle.removal._REMOVAL_S", 0.1)
    monkeypatch.setattr(queue, "_acted", lambda _action, _job: True)  # as while a machine does not answer
    with pytest.raises(BackendError, match=r"3 of its jobs are slow to leave the queue.*Nothing was deleted.*by force"):
        m.remove()
    assert m.exists
    m.remove(force=True)
    assert not m.exists


# --- a silent log ---------------------------------------------------------------------------------------------------


def silence(m: Map, since_s: float) -> None:
    """As if nothing had been written to the log for so long."""
    then = time.time() - since_s
    os.utime(m.opened.directory.events, (then, then))


def test_after_a_long_silence_the_queue_is_asked(m: Map, queue: FakeBackend) -> None:
    queue.is_silent = True
    queue.start(0, 1)
    queue.end(0, 0)
    assert m.component_statuses == [Status.IDLE] * 3
    silence(m, 3600)
    assert Map.load("t").component_statuses == [Status.COMPLETED, Status.RUNNING, Status.IDLE]


def test_a_queue_that_cannot_be_asked_then_is_no_error(
    m: Map, bindings: Bindings, caplog: pytest.LogCaptureFixture
) -> None:
    silence(m, 3600)
    bindings.failure = HTCondorException("Failed to connect to schedd")
    assert m.component_statuses == [Status.IDLE] * 3
    assert "silent" in caplog.text


def test_what_was_last_known_says_why_it_cannot_be_asked(m: Map, bindings: Bindings) -> None:
    del bindings.schedds["me@ap1"]
    bindings.schedds["me@ap2"], bindings.here = schedd_ad("me@ap2", 2_000), "me@ap2"
    silence(m, 3600)
    said = m.status()
    assert "3 IDLE" in said
    assert "last known" in said
    assert "jobs are at the access point me@ap1 of the pool cm.example.org" in said


def test_a_map_that_was_submitted_on_hold_is_held_at_once(queue: FakeBackend) -> None:
    held = htmap.map(str, [1, 2], tag="held", quiet=True, map_options=htmap.MapOptions(hold=True))
    queue.is_silent = True
    for proc in range(2):
        queue.hold(proc, 15, 0, "submitted on hold at user's request")
    assert Map.load("held").component_statuses == [Status.HELD] * 2
    assert held.holds[0].reason == "submitted on hold at user's request"


def test_a_log_that_is_not_silent_is_believed(m: Map, bindings: Bindings) -> None:
    bindings.calls.clear()
    assert m.component_statuses == [Status.IDLE] * 3
    assert bindings.calls == []


def test_a_map_can_be_sent_to_another_process(m: Map) -> None:
    again = pickle.loads(pickle.dumps(m))
    assert again == m
    assert again.status() == m.status()


def test_a_rerun_wants_indices_and_says_so(m: Map) -> None:
    with pytest.raises(InvalidOption, match=r"such as \[1\]"):
        m.rerun(1)  # type: ignore[arg-type]
