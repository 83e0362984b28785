"""Mirrors htmap.observe.from_queue: when the log is silent, the queue is asked."""

from __future__ import annotations

import pytest
from tests.submit.conftest import MakeMap
from tests.submit.fake_backend import FakeBackend, raised, returned

from htmap.exceptions import BackendNotAvailable
from htmap.maps.readable import ReadableMap
from htmap.observe.components import Components
from htmap.observe.fold import HoldReason, JobState
from htmap.observe.from_queue import FORGOTTEN, Answer, Silence, ask_queue


def asked(m: ReadableMap, fake: FakeBackend) -> dict[int, Answer]:
    """What the queue says of the jobs that the log last saw in it, by proc."""
    components = m.opened.components
    components.refresh()
    answers = ask_queue(fake, m.opened.directory.uid, components.silence(), components.outputs)
    return {proc: answer for (_, proc), answer in answers.items()}


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
        0: Answer(JobState.IDLE),
        1: Answer(JobState.RUNNING),
        2: Answer(JobState.HELD, HoldReason(1, 0, "by hand")),
        3: Answer(JobState.IDLE),
        4: Answer(JobState.IDLE),
    }


def test_jobs_that_left_the_queue_are_what_its_history_says(silent: ReadableMap, fake: FakeBackend) -> None:
    fake.start(*range(5))
    for proc, code in enumerate((0, 100, 3, -9)):
        fake.end(proc, code)
    assert asked(silent, fake) == {
        0: Answer(JobState.RETURNED),
        1: Answer(JobState.RAISED),
        2: Answer(JobState.FAILED, exit=3),
        3: Answer(JobState.FAILED, exit=-9),
        4: Answer(JobState.RUNNING),
    }


def test_jobs_that_nobody_remembers_are_judged_by_what_they_left(silent: ReadableMap, fake: FakeBackend) -> None:
    fake.write_output(0, {0: returned("x")})
    fake.write_output(1, {1: raised(ValueError("x"))})
    fake.write_output(2, {2: returned("x")}, whole=False)
    for proc in range(4):
        del fake.jobs[1, proc]
    assert asked(silent, fake) == {
        0: Answer(JobState.RETURNED),
        1: Answer(JobState.RAISED),
        2: Answer(JobState.REMOVED, removal=FORGOTTEN),
        3: Answer(JobState.REMOVED, removal=FORGOTTEN),
        4: Answer(JobState.IDLE),
    }


def test_only_jobs_that_the_log_saw_in_the_queue_are_asked_for(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(str, range(3))
    fake.run(0, 2)
    assert asked(m, fake) == {1: Answer(JobState.IDLE)}
    fake.run()
    assert asked(m, fake) == {}


def test_a_queue_that_cannot_be_asked_says_so(silent: ReadableMap, fake: FakeBackend) -> None:
    fake.refusal = BackendNotAvailable("gone fishing")
    with pytest.raises(BackendNotAvailable):
        asked(silent, fake)


def test_jobs_that_the_log_never_saw_are_asked_for_too(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(str, range(3))
    fake.run()
    m.opened.directory.events.unlink()
    components = Components(m.opened.directory, m.opened.record)
    components.refresh()
    silence = components.silence()
    assert silence == Silence(active={}, unseen={1: [0, 1, 2]}, submissions={1: 0}, offset=0)
    answers = ask_queue(fake, m.opened.directory.uid, silence, components.outputs)
    assert answers == {(1, proc): Answer(JobState.RETURNED) for proc in range(3)}
