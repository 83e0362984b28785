"""Mirrors htmap.observe.from_queue: when the log is silent, the queue is asked."""

from __future__ import annotations

import pytest
from tests.submit.conftest import MakeMap
from tests.submit.fake_backend import FakeBackend, raised, returned

from htmap.exceptions import BackendNotAvailable
from htmap.maps.readable import ReadableMap
from htmap.observe.components import Components
from htmap.observe.fold import JobState
from htmap.observe.from_queue import ask_queue


def asked(m: ReadableMap, fake: FakeBackend) -> dict[int, JobState]:
    """What the queue says of the jobs that the log last saw in it, by proc."""
    components = m._components
    components.refresh()
    states = ask_queue(fake, m._dir.uid, components.active_jobs(), components.outputs, components.numbers())
    return {proc: state for (_, proc), state in states.items()}


@pytest.fixture
def silent(make_map: MakeMap, fake: FakeBackend) -> ReadableMap:
    """A map of five jobs whose log ends after all were submitted."""
    m = make_map(str, range(5))
    fake.is_silent = True
    return m


def test_jobs_in_the_queue_are_what_the_queue_says(silent: ReadableMap, fake: FakeBackend) -> None:
    fake.start(1)
    fake.hold(2, 1, 0, "by hand")
    assert asked(silent, fake) == {
        0: JobState.IDLE,
        1: JobState.RUNNING,
        2: JobState.HELD,
        3: JobState.IDLE,
        4: JobState.IDLE,
    }


def test_jobs_that_left_the_queue_are_what_its_history_says(silent: ReadableMap, fake: FakeBackend) -> None:
    fake.start(*range(5))
    for proc, code in enumerate((0, 100, 3, -9)):
        fake.end(proc, code)
    assert asked(silent, fake) == {
        0: JobState.RETURNED,
        1: JobState.RAISED,
        2: JobState.FAILED,
        3: JobState.FAILED,
        4: JobState.RUNNING,
    }


def test_jobs_that_nobody_remembers_are_judged_by_what_they_left(silent: ReadableMap, fake: FakeBackend) -> None:
    fake.write_output(0, {0: returned("x")})
    fake.write_output(1, {1: raised(ValueError("x"))})
    fake.write_output(2, {2: returned("x")}, whole=False)
    for proc in range(4):
        del fake.jobs[1, proc]
    assert asked(silent, fake) == {
        0: JobState.RETURNED,
        1: JobState.RAISED,
        2: JobState.REMOVED,
        3: JobState.REMOVED,
        4: JobState.IDLE,
    }


def test_only_jobs_that_the_log_saw_in_the_queue_are_asked_for(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(str, range(3))
    fake.run(0, 2)
    assert asked(m, fake) == {1: JobState.IDLE}
    fake.run()
    assert asked(m, fake) == {}


def test_a_queue_that_cannot_be_asked_says_so(silent: ReadableMap, fake: FakeBackend) -> None:
    fake.refusal = BackendNotAvailable("gone fishing")
    with pytest.raises(BackendNotAvailable):
        asked(silent, fake)


def test_jobs_that_the_log_never_saw_are_asked_for_too(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(str, range(3))
    fake.run()
    m._dir.events.unlink()
    components = Components(m._dir, m._record)
    components.refresh()
    assert components.active_jobs() == {}
    assert components.unseen_jobs() == {1: [0, 1, 2]}
    states = ask_queue(fake, m._dir.uid, {}, components.outputs, components.numbers(), components.unseen_jobs())
    assert states == {(1, proc): JobState.RETURNED for proc in range(3)}
