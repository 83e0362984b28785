"""A module that stands where ``htcondor2`` is imported, with a queue of its own behind it.

In: the calls that `htmap.backend.condor` makes. Out: what the bindings of HTCondor 25.14 would give back; on demand,
their exceptions. On the other side: `tests.submit.fake_backend`. So whole maps can be made and changed without a pool.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from tests.submit.fake_backend import FakeBackend, FakeJob

from htmap.backend.protocol import Action


class HTCondorException(Exception):
    """The base of what the bindings raise."""


class JobAction(enum.Enum):
    Hold = Action.HOLD
    Release = Action.RELEASE
    Suspend = Action.SUSPEND
    Continue = Action.CONTINUE
    Vacate = Action.VACATE
    Remove = Action.REMOVE


class DaemonType(enum.Enum):
    Schedd = 3
    Collector = 5


class AdType(enum.Enum):
    Startd = 0
    Schedd = 1


class QueryOpts(enum.Flag):
    Default = 0
    IncludeClusterAd = 2


class Submit:
    def __init__(self, text: str) -> None:
        if "queue" not in text:
            raise ValueError("parse_up_to_q_line() failed")
        self.text = text


class SubmitResult:
    def __init__(self, cluster: int) -> None:
        self._cluster = cluster

    def cluster(self) -> int:
        return self._cluster


class Bindings(ModuleType):
    """The module.

    Attributes
    ----------
    queue
        The queue of its one schedd, if there is but one.
    schedds
        The name of each schedd, to the ad by which its pool knows it.
    here
        Whose file is on this machine.
    queues
        The queue of a schedd, by the name of the latter; those not listed have `queue`.
    failure
        What the next calls raise, when the schedd is looked for already.
    late_failure
        What they raise when it has been found.
    calls
        What the schedd was asked: the name of the method, and its arguments.
    """

    HTCondorException = HTCondorException
    JobAction = JobAction
    DaemonType = DaemonType
    AdType = AdType
    QueryOpts = QueryOpts
    Submit = Submit

    def __init__(self) -> None:
        super().__init__("htcondor2")
        self.queue = FakeBackend("htcondor")
        self.here: str | None = "me@ap1"
        self.schedds: dict[str, Ad] = {"me@ap1": schedd_ad("me@ap1", 1_000)}
        self.queues: dict[str, FakeBackend] = {}
        self.param = {"COLLECTOR_HOST": "cm.example.org"}
        self.failure: BaseException | None = None
        self.late_failure: BaseException | None = None
        self.calls: list[tuple[Any, ...]] = []

    def Schedd(self, location: object = None) -> Schedd:  # noqa: N802 - the vendor's name
        self.calls.append(("Schedd", location))
        self._check()
        return Schedd(self, str(location["Name"]) if isinstance(location, dict) else "")

    def Collector(self, address: str | None = None) -> Collector:  # noqa: N802 - as above
        self.calls.append(("Collector", address))
        return Collector(self, address or str(self.param["COLLECTOR_HOST"]), is_default=address is None)

    def _check(self) -> None:
        if self.failure is not None:
            raise self.failure


Ad = dict[str, Any]


def schedd_ad(name: str, born: int, pool: str = "cm.example.org") -> Ad:
    return {"Name": name, "JobQueueBirthdate": born, "Pool": pool}


class Collector:
    def __init__(self, module: Bindings, pool: str, *, is_default: bool) -> None:
        self._module = module
        self._pool = pool
        self._is_default = is_default

    def locate(self, kind: DaemonType, name: str | None = None) -> Ad | None:
        self._module._check()
        if kind is DaemonType.Collector:
            return {"MyAddress": "<10.0.0.1:4242?addrs=10.0.0.1-4242&sock=collector>"}
        if name is None and self._module.here is not None and self._is_default:
            return self._module.schedds[self._module.here]
        if name is None:
            name = next((each for each in self._module.schedds if self._known(each)), None)
        known = {key: value for key, value in (self._known(name) or {}).items() if key != "JobQueueBirthdate"}
        return known or None

    def query(self, kind: AdType, constraint: str, projection: list[str]) -> list[Ad]:
        self._module._check()
        assert kind is AdType.Schedd
        assert "JobQueueBirthdate" in projection
        found = re.fullmatch(r'Name == "(.*)"', constraint)
        assert found
        ad = self._known(found[1])
        return [] if ad is None else [ad]

    def _known(self, name: str | None) -> Ad | None:
        ad = self._module.schedds.get(name or "")
        return ad if ad is not None and ad["Pool"] == self._pool else None


class Schedd:
    def __init__(self, module: Bindings, name: str) -> None:
        self._module = module
        self._queue = module.queues.get(name, module.queue)

    def submit(self, description: Submit) -> SubmitResult:
        self._asked("submit", description)
        return SubmitResult(self._queue.submit_text(description.text))

    def act(self, action: JobAction, jobs: str, reason: tuple[str, int]) -> dict[str, int]:
        self._asked("act", action, jobs, reason)
        done = sum(self._queue._acted(action.value, job) for job in self._meant(jobs))
        return {"TotalSuccess": done}

    def edit(self, jobs: str, name: str, value: str) -> int:
        self._asked("edit", jobs, name, value)
        meant = self._meant(jobs)
        if not meant:
            raise self._module.HTCondorException("Unable to edit jobs matching constraint")
        for job in meant:
            job.edits[name] = value
        return len(meant)

    def query(self, constraint: str, projection: list[str], **options: Any) -> list[dict[str, Any]]:
        self._asked("query", constraint, projection, options)
        return [_ad(job, projection) for job in self._queue.jobs.values() if _matches(constraint, job)]

    def history(self, constraint: str, projection: list[str], match: int) -> Iterator[dict[str, Any]]:
        self._asked("history", constraint, match)
        found = [_ad(job, projection) for job in self._queue.history.values() if _matches(constraint, job)]
        return iter(found if match < 0 else found[:match])

    def _asked(self, *call: object) -> None:
        self._module.calls.append(call)
        if self._module.late_failure is not None:
            raise self._module.late_failure

    def _meant(self, constraint: str) -> list[FakeJob]:
        return [job for job in self._queue.jobs.values() if _matches(constraint, job)]


def _ad(job: FakeJob, projection: list[str]) -> dict[str, Any]:
    code, subcode, reason = job.hold
    whole = {
        "ClusterId": job.cluster,
        "ProcId": job.proc,
        "JobStatus": job.status.value,
        "HoldReasonCode": code,
        "HoldReasonSubCode": subcode,
        "HoldReason": reason,
        "ExitCode": job.exit_code,
        "ExitBySignal": job.exit_signal is not None,
        "ExitSignal": job.exit_signal,
        "RemoveReason": job.remove_reason or None,
    }
    return {name: whole[name] for name in projection if whole[name] is not None}


_CLAUSES: dict[str, Callable[[FakeJob, str], bool]] = {
    r'HTMapUid == "(\w+)"': lambda job, uid: job.uid == uid,
    r"ClusterId == (\d+)": lambda job, cluster: job.cluster == int(cluster),
    r"member\(ProcId, \{([\d,]+)\}\)": lambda job, procs: str(job.proc) in procs.split(","),
}


def _matches(constraint: str, job: FakeJob) -> bool:
    """Whether a job satisfies a constraint, of the forms that HTMap writes."""
    return all(_clause(clause, job) for clause in constraint.split(" && "))


def _clause(clause: str, job: FakeJob) -> bool:
    for pattern, is_satisfied in _CLAUSES.items():
        if found := re.fullmatch(pattern, clause):
            return is_satisfied(job, found[1])
    raise AssertionError(f"no schedd would be asked this by HTMap: {clause}")
