"""Mirrors htmap.backend.condor, as far as no schedd is needed: what is asked for, and what its exceptions become."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.submit.fake_bindings import Bindings, HTCondorException, JobAction, schedd_ad

from htmap.backend.condor import CondorBackend
from htmap.backend.protocol import Action, JobSelection, JobStatus, QueuedJob, QueueIsGone
from htmap.exceptions import BackendError, BackendNotAvailable
from htmap.language.items import SEPARATOR
from htmap.store.records import QueueIdentity

UID = "0a1b"
ALL = JobSelection(UID)


@pytest.fixture
def backend() -> CondorBackend:
    return CondorBackend()


@pytest.fixture
def description(tmp_path: Path) -> Path:
    """A submit description of four jobs."""
    items = tmp_path / "items"
    items.write_text("".join(f"{number}{SEPARATOR}x\n" for number in range(4)))
    text = (
        f'executable = /bin/true\nlog = {tmp_path}/events\nMY.HTMapUid = "{UID}"\nqueue component,inputs from {items}\n'
    )
    path = tmp_path / "submit"
    path.write_text(text)
    return path


@pytest.fixture
def cluster(bindings: Bindings, backend: CondorBackend, description: Path) -> int:
    number = backend.submit(description, UID)
    bindings.calls.clear()
    return number


def asked(bindings: Bindings, method: str) -> list[tuple[Any, ...]]:
    return [call[1:] for call in bindings.calls if call[0] == method]


# --- what the schedd is asked ---------------------------------------------------------------------------------------


def test_a_description_is_submitted_as_it_is_written(
    bindings: Bindings, backend: CondorBackend, description: Path
) -> None:
    assert backend.submit(description, UID) == 1
    ((submit,),) = asked(bindings, "submit")
    assert submit.text == description.read_text()
    assert len(bindings.queue.jobs) == 4


@pytest.mark.parametrize("action", Action)
def test_every_action_has_its_verb_and_carries_its_reason(
    action: Action, bindings: Bindings, backend: CondorBackend
) -> None:
    backend.act(action, ALL, "by the user")
    ((verb, jobs, reason),) = asked(bindings, "act")
    assert verb == JobAction[action.value.title()]
    assert jobs == f'HTMapUid == "{UID}"'
    text, code = reason
    assert (text, isinstance(code, int)) == ("by the user", True)


SELECTIONS: list[tuple[dict[int, list[int] | None] | None, list[str]]] = [
    (None, [f'HTMapUid == "{UID}"']),
    ({}, []),
    ({7: None}, [f'HTMapUid == "{UID}" && ClusterId == 7']),
    ({7: None, 9: None}, [f'HTMapUid == "{UID}" && ClusterId == {cluster}' for cluster in (7, 9)]),
    ({7: [0, 2], 9: []}, [f'HTMapUid == "{UID}" && ClusterId == 7 && member(ProcId, {{0,2}})']),
    ({7: [], 9: []}, []),
]


@pytest.mark.parametrize(("jobs", "expected"), SELECTIONS)
def test_a_selection_becomes_constraints_on_jobs_of_the_map(
    jobs: Any, expected: list[str], bindings: Bindings, backend: CondorBackend
) -> None:
    selection = JobSelection(UID, jobs)
    backend.act(Action.HOLD, selection, "why")
    backend.edit(selection, {"RequestMemory": "5"})
    bindings.calls = [call for call in bindings.calls if call[0] != "query"]  # why nothing could be edited
    backend.query(selection, with_history=True)
    assert [call[1] for call in asked(bindings, "act")] == expected
    assert asked(bindings, "edit") == [(each, "RequestMemory", "5") for each in expected]
    assert [call[0] for call in asked(bindings, "query")] == expected
    assert [call[0] for call in asked(bindings, "history")] == expected


@pytest.mark.parametrize("jobs", [None, {1: None}, {1: [0, 1, 2, 3]}])
def test_jobs_of_others_with_the_same_number_are_left_alone(
    jobs: Any, bindings: Bindings, backend: CondorBackend, cluster: int
) -> None:
    assert cluster == 1
    bindings.queue.end(3, 0)
    ours = JobSelection("ffff", jobs)
    assert backend.query(ours, with_history=True) == []
    assert backend.edit(ours, {"RequestMemory": "5"}) == 0
    assert [backend.act(action, ours, "why") for action in Action] == [0] * len(Action)
    jobs_of_others = list(bindings.queue.jobs.values())
    assert [(job.status, job.edits) for job in jobs_of_others] == [(JobStatus.IDLE, {})] * 3


def test_many_jobs_are_asked_for_in_pieces_that_a_schedd_takes(bindings: Bindings, backend: CondorBackend) -> None:
    many = JobSelection(UID, {7: range(2500)})
    backend.act(Action.REMOVE, many, "why")
    backend.query(many)
    constraints = [call[1] for call in asked(bindings, "act")]
    assert [len(constraint.split(",")) - 1 for constraint in constraints] == [1000, 1000, 500]
    assert [call[0] for call in asked(bindings, "query")] == constraints
    assert max(map(len, constraints)) < 10_000


def test_counts_are_of_jobs(bindings: Bindings, backend: CondorBackend, cluster: int) -> None:
    some = JobSelection(UID, {cluster: [0, 2]})
    assert backend.act(Action.HOLD, some, "why") == 2
    assert backend.act(Action.HOLD, ALL, "why") == 2, "two are held already"
    assert backend.edit(some, {"RequestMemory": "5", "RequestDisk": "6"}) == 2
    assert backend.edit(ALL, {}) == 0
    assert bindings.queue.job(0).edits == {"RequestMemory": "5", "RequestDisk": "6"}


def test_an_edit_of_jobs_that_have_left_changes_nothing(bindings: Bindings, backend: CondorBackend) -> None:
    assert backend.edit(ALL, {"RequestMemory": "5"}) == 0
    assert len(asked(bindings, "edit")) == 1


def test_a_query_says_what_the_queue_knows(bindings: Bindings, backend: CondorBackend, cluster: int) -> None:
    queue = bindings.queue
    queue.start(0, 1, 2)
    queue.hold(0, 34, 102, "Too large")
    queue.end(1, 100)
    queue.end(2, -9)
    assert backend.query(ALL) == [
        QueuedJob(cluster, 0, JobStatus.HELD, 34, 102, "Too large"),
        QueuedJob(cluster, 3, JobStatus.IDLE),
    ]
    assert backend.query(ALL, with_history=True)[2:] == [
        QueuedJob(cluster, 1, JobStatus.COMPLETED, exit_code=100),
        QueuedJob(cluster, 2, JobStatus.COMPLETED, exit_signal=9),
    ]


def test_the_history_is_read_no_further_than_to_the_last_job_wanted(
    bindings: Bindings, backend: CondorBackend, cluster: int
) -> None:
    for proc in (1, 2):
        bindings.queue.start(proc)
        bindings.queue.end(proc, 0)
    backend.query(JobSelection(ALL.uid, {cluster: [1, 2]}), with_history=True)
    backend.query(ALL, with_history=True)
    assert [match for *_, match in asked(bindings, "history")] == [2, -1]


@pytest.mark.usefixtures("cluster")
def test_a_job_in_queue_and_history_is_told_once(bindings: Bindings, backend: CondorBackend) -> None:
    job = bindings.queue.job(0)
    bindings.queue.history[job.id] = job
    assert len(backend.query(ALL, with_history=True)) == 4


# --- which schedd that is ---------------------------------------------------------------------------------------------

AP1, AP2 = QueueIdentity("me@ap1", "cm.example.org", 1_000), QueueIdentity("me@ap2", "cm.example.org", 2_000)


def locations(bindings: Bindings) -> list[str]:
    return [str(location["Name"]) for (location,) in asked(bindings, "Schedd")]


def test_a_schedd_is_located_if_settings_name_it(bindings: Bindings) -> None:
    bindings.schedds["me@ap2"] = schedd_ad("me@ap2", 2_000)
    bindings.schedds["me@far"] = schedd_ad("me@far", 3_000, "far.example.org")
    for backend in (CondorBackend(), CondorBackend("me@ap2"), CondorBackend("me@far", "far.example.org")):
        backend.query(ALL)
    assert locations(bindings) == ["me@ap1", "me@ap2", "me@far"]


@pytest.mark.parametrize("collector", [None, "cm.example.org"])
@pytest.mark.parametrize("scheduler", [None, "me@ap1"])
def test_a_queue_says_which_it_is(scheduler: str | None, collector: str | None, bindings: Bindings) -> None:
    assert CondorBackend(scheduler, collector).identity() == AP1
    assert bindings.calls


def test_a_pool_whose_port_is_given_at_each_start_is_named_by_its_address(bindings: Bindings) -> None:
    bindings.param["COLLECTOR_HOST"] = "127.0.0.1:0"
    assert CondorBackend().identity() == QueueIdentity("me@ap1", "10.0.0.1:4242", 1_000)


@pytest.mark.parametrize("scheduler", [None, "me@ap1", "me@ap2", "unknown"])
@pytest.mark.parametrize("wanted", [AP1, AP2], ids=["ap1", "ap2"])
def test_the_queue_that_is_meant_is_asked_whatever_settings_name(
    wanted: QueueIdentity, scheduler: str | None, bindings: Bindings
) -> None:
    bindings.schedds["me@ap2"] = schedd_ad("me@ap2", 2_000)
    backend = CondorBackend(scheduler, None, wanted)
    backend.act(Action.HOLD, ALL, "why")
    assert locations(bindings) == [wanted.schedd]
    assert backend.identity() == wanted


def test_a_queue_of_another_pool_is_asked_there(bindings: Bindings) -> None:
    bindings.schedds["me@far"] = schedd_ad("me@far", 3_000, "far.example.org")
    far = QueueIdentity("me@far", "far.example.org", 3_000)
    CondorBackend(None, None, far).query(ALL)
    assert locations(bindings) == ["me@far"]


@pytest.mark.parametrize("call", ["hold", "edit", "query"])
def test_a_queue_that_cannot_be_reached_is_named_and_no_other_is_asked(
    call: str, bindings: Bindings, description: Path
) -> None:
    with pytest.raises(BackendNotAvailable, match=r"access point me@ap2 of the pool cm.*from here.*is me@ap1.*another"):
        CALLS[call](CondorBackend(None, None, AP2), description)
    assert asked(bindings, "Schedd") == []


def test_a_schedd_of_the_same_name_in_another_pool_is_another(bindings: Bindings) -> None:
    with pytest.raises(BackendNotAvailable, match="cannot be asked from here"):
        CondorBackend(None, None, QueueIdentity("me@ap1", "other.example.org", 999)).query(ALL)
    assert asked(bindings, "Schedd") == []


@pytest.mark.parametrize("call", ["hold", "edit", "query", "submit"])
def test_a_queue_that_was_set_up_anew_is_gone(call: str, bindings: Bindings, description: Path) -> None:
    bindings.schedds["me@ap1"] = schedd_ad("me@ap1", 5_000)
    with pytest.raises(QueueIsGone, match=r"me@ap1 of the pool cm\.example\.org was set up anew"):
        CALLS[call](CondorBackend(None, None, AP1), description)
    assert asked(bindings, "Schedd") == []


def test_a_queue_whose_pool_has_moved_is_still_the_same(bindings: Bindings) -> None:
    bindings.param["COLLECTOR_HOST"] = "new.example.org"
    CondorBackend(None, None, AP1).query(ALL)
    assert locations(bindings) == ["me@ap1"]


# --- what its exceptions become -------------------------------------------------------------------------------------

CALLS: dict[str, Callable[[CondorBackend, Path], object]] = {
    "submit": lambda backend, description: backend.submit(description, UID),
    "hold": lambda backend, _: backend.act(Action.HOLD, ALL, "why"),
    "edit": lambda backend, _: backend.edit(ALL, {"RequestMemory": "5"}),
    "query": lambda backend, _: backend.query(ALL),
}

UNREACHABLE = [
    "Unable to locate local daemon",
    "Failed to connect to schedd",
    "Failed to connect to queue manager <127.0.0.1:1>",
    "Failed communication with the schedd.",
    "Unable to find daemon.",
    "The operation timed out",
]


# After the connection was made: a schedd that was asked to queue jobs may have done so.
LATE = ["Failed communication with the schedd.", "The operation timed out"]


@pytest.mark.parametrize("text", LATE)
def test_a_submit_whose_answer_was_lost_is_not_called_unreachable(
    text: str, bindings: Bindings, backend: CondorBackend, description: Path
) -> None:
    bindings.late_failure = HTCondorException(text)
    with pytest.raises(BackendError, match=text) as caught:
        backend.submit(description, UID)
    assert not isinstance(caught.value, BackendNotAvailable)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("text", UNREACHABLE)
def test_a_schedd_that_cannot_be_reached_is_named_with_a_hint(
    call: str, text: str, bindings: Bindings, backend: CondorBackend, description: Path
) -> None:
    bindings.failure = HTCondorException(text)
    with pytest.raises(BackendNotAvailable, match=rf"^Cannot {call} .*{UID}.*{text}.*condor_q.*BACKEND") as caught:
        CALLS[call](backend, description)
    assert caught.value.__cause__ is bindings.failure


@pytest.mark.parametrize("call", CALLS)
def test_a_schedd_that_refuses_is_quoted(
    call: str, bindings: Bindings, backend: CondorBackend, description: Path
) -> None:
    bindings.late_failure = HTCondorException("Number of jobs exceeds MAX_JOBS_PER_OWNER")
    with pytest.raises(BackendError, match=rf"^Cannot {call} .*HTCondor says: Number of jobs exceeds") as caught:
        CALLS[call](backend, description)
    assert not isinstance(caught.value, BackendNotAvailable)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "error", [RuntimeError("a"), ValueError("b"), KeyError("c"), TypeError("d"), OSError("e")], ids=repr
)
def test_plain_exceptions_of_the_bindings_are_ours_too(
    error: Exception, call: str, bindings: Bindings, backend: CondorBackend, description: Path
) -> None:
    bindings.failure = error
    with pytest.raises(BackendError, match=type(error).__name__) as caught:
        CALLS[call](backend, description)
    assert caught.value.__cause__ is error


def test_a_located_schedd_that_is_not_there_is_not_available(bindings: Bindings) -> None:
    bindings.failure = HTCondorException("Unable to find daemon.")
    with pytest.raises(BackendNotAvailable):
        CondorBackend("no such schedd").query(ALL)


def test_a_schedd_that_the_collector_does_not_know_is_not_that_of_this_machine(bindings: Bindings) -> None:
    with pytest.raises(BackendNotAvailable, match="knows no schedd 'unknown'"):
        CondorBackend("unknown").query(ALL)
    assert asked(bindings, "Schedd") == []


def test_a_description_that_cannot_be_parsed_is_an_error_of_ours(
    bindings: Bindings, backend: CondorBackend, tmp_path: Path
) -> None:
    (tmp_path / "submit").write_text("nonsense")
    with pytest.raises(BackendError, match="parse_up_to_q_line"):
        backend.submit(tmp_path / "submit", UID)
    assert bindings.queue.jobs == {}


@pytest.mark.parametrize("call", CALLS)
def test_missing_bindings_are_named(
    call: str, backend: CondorBackend, description: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "htcondor2", None)
    with pytest.raises(BackendNotAvailable, match="install the package htcondor"):
        CALLS[call](backend, description)


def test_progress_needs_no_bindings(backend: CondorBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "htcondor2", None)
    backend.ensure_progress()
