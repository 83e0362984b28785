"""A queue that does what a test tells it, when the test tells it.

In: submit descriptions, as any backend takes them. Out: an event log in HTCondor's format, output files in ours. It
runs no process: `run` calls the function here. It knows as much of the submit language as HTMap uses.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from tests.frozen import freeze
from tests.submit import event_text

from htmap.backend.protocol import Action, Backend, JobSelection, JobStatus, Prospects, QueuedJob
from htmap.exceptions import BackendError
from htmap.language import remaps
from htmap.language.description import parse
from htmap.language.macros import expand
from htmap.results.program import Program
from htmap.store.mapdir import MapDir
from htmap.store.records import QueueIdentity
from htmap_common.agreed import SOME_RAISED
from htmap_common.wire import OutputsWriter, read_shard

Payload = tuple[dict[str, Any], list[Any]]

_RUNNING = {JobStatus.RUNNING, JobStatus.SUSPENDED}


@dataclass
class FakeJob:
    """One job of the queue."""

    cluster: int
    proc: int
    commands: Mapping[str, str]
    status: JobStatus = JobStatus.IDLE
    hold: tuple[int, int, str] = (0, 0, "")
    exit_code: int | None = None
    exit_signal: int | None = None
    remove_reason: str = ""
    edits: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> tuple[int, int]:
        return self.cluster, self.proc

    @property
    def uid(self) -> str:
        return self.expand("my.htmapuid").strip('"')

    def expand(self, key: str) -> str:
        """A submit command with its macros filled in."""
        return expand(self.commands.get(key.casefold(), ""), self._macro)

    def _macro(self, name: str) -> str | None:
        automatic = {"procid": str(self.proc), "clusterid": str(self.cluster)}
        return {**automatic, **self.commands}.get(name)

    def path(self, text: str) -> Path:
        return Path(self.expand("initialdir"), text)

    @property
    def log(self) -> Path:
        return self.path(self.expand("log"))

    @property
    def printed(self) -> Path:
        return self.path(self.expand("output"))

    def runner_is_told(self, option: str) -> str:
        """The value of an option of the runner."""
        words = self.expand("runner_arguments").split()
        return words[words.index(option) + 1]

    @property
    def output(self) -> Path:
        """Where HTCondor puts the outputs file when it comes back."""
        places = remaps.split(self.expand("transfer_output_remaps"))
        return self.path(places[self.runner_is_told("--outputs")])

    def sent(self, name: str) -> Path:
        """The file that arrives in the scratch directory under this name, whatever path to it the runner is told."""
        wanted = PurePath(name).name
        (found,) = [path for path in self.input_files if path.name == wanted]
        return found

    @property
    def input_files(self) -> list[Path]:
        return [self.path(entry) for entry in self.expand("transfer_input_files").split(",") if "://" not in entry]

    @property
    def components(self) -> list[int]:
        """The components that the runner is told to run."""
        chosen: list[int] = []
        for part in self.runner_is_told("--components").split("+"):
            first, _, last = part.partition("-")
            chosen += range(int(first), int(last or first) + 1)
        return chosen


def folded(commands: Mapping[str, str]) -> dict[str, str]:
    """Commands by their names in small letters, in which they are looked up."""
    return {name.casefold(): value for name, value in commands.items()}


@dataclass(frozen=True)
class only:  # noqa: N801 - reads as what it says
    """Gives backends (`htmap.backend.select.Backends`), where there is but one."""

    backend: Backend

    def new(self, _name: str) -> Backend:
        return self.backend

    def of(self, _map_dir: MapDir) -> Backend:
        return self.backend

    def again(self, _map_dir: MapDir, *, elsewhere: bool) -> Backend:  # noqa: ARG002 - there is no other
        return self.backend


class FakeBackend:
    """`htmap.backend.protocol.Backend`, in memory.

    Attributes
    ----------
    refusal
        What every call raises from now on, if anything.
    lost_answer
        What every submit raises from now on, after it has gone through.
    is_silent
        Whether the event log hears nothing any more.
    """

    def __init__(self, name: str = "fake") -> None:
        self.name = name
        self.jobs: dict[tuple[int, int], FakeJob] = {}
        self.history: dict[tuple[int, int], FakeJob] = {}
        self.refusal: BaseException | None = None
        self.lost_answer: BackendError | None = None
        self.is_silent = False
        self.reasons: list[str] = []
        self.progress_asked = 0
        self.queue_identity: QueueIdentity | None = None
        self.machines: dict[str, int] = {}
        self.pool: Prospects | None = None
        self._clusters = 0

    # --- the protocol ---

    def identity(self) -> QueueIdentity | None:
        self._check()
        return self.queue_identity

    def submit(self, description: Path, uid: str) -> int:
        cluster = self.submit_text(description.read_text(encoding="utf-8"))
        assert {job.uid for job in self.jobs.values() if job.cluster == cluster} == {uid}
        return cluster

    def submit_text(self, text: str) -> int:
        self._check()
        told = parse(text)
        lines = {**told.commands, **{f"my.{name}": value for name, value in told.attributes.items()}}
        self._clusters += 1
        for proc, item in enumerate(told.iter_items()):
            variables = told.item_values(item)
            job = FakeJob(self._clusters, proc, folded({**lines, **variables}))
            self.jobs[job.id] = job
            notes = job.expand("submit_event_user_notes")
            self._log(job, event_text.event(0, job.id, f"Job submitted from host: {event_text.HOST}", f"    {notes}"))
        if self.lost_answer is not None:
            raise self.lost_answer
        return self._clusters

    def act(self, action: Action, selection: JobSelection, reason: str) -> int:
        self._check()
        self.reasons.append(reason)
        return sum(self._acted(action, job) for job in list(self._selected(selection)))

    def edit(self, selection: JobSelection, attributes: Mapping[str, str]) -> int:
        self._check()
        jobs = list(self._selected(selection))
        for job in jobs:
            job.edits.update(attributes)
        return len(jobs)

    def query(self, selection: JobSelection, *, with_history: bool = False) -> list[QueuedJob]:
        self._check()
        return [_queued(job) for job in self._selected(selection, with_history=with_history)]

    def scratch(self, cluster: int, proc: int) -> Path | None:  # noqa: ARG002 - it runs nowhere
        return None

    def count_machines(self, constraint: str) -> int | None:
        return self.machines.get(constraint)

    def prospects(self, selection: JobSelection) -> Prospects | None:
        self._check()
        return self.pool if any(job.status is JobStatus.IDLE for job in self._selected(selection)) else None

    def ensure_progress(self) -> None:
        self.progress_asked += 1

    # --- what a test makes happen, to jobs of the last cluster ---

    def job(self, proc: int) -> FakeJob:
        return self.jobs[self._clusters, proc]

    def start(self, *procs: int) -> None:
        for job in map(self.job, procs):
            job.status = JobStatus.RUNNING
            self._log(job, event_text.executing(job.id))

    def run(self, *procs: int) -> None:
        """Start and finish jobs, all idle ones unless told which, as the runner would."""
        idle = [proc for (cluster, proc), job in self.jobs.items() if self._is_next(cluster, job)]
        for proc in procs or idle:
            self.start(proc)
            self.finish(proc)

    def _is_next(self, cluster: int, job: FakeJob) -> bool:
        return cluster == self._clusters and job.status is JobStatus.IDLE

    def finish(self, proc: int) -> None:
        """Call the function for each component of a running job, and end the job."""
        job = self.job(proc)
        payloads = {component: self._called(job, component) for component in job.components}
        self.write_output(proc, payloads)
        raised = any(header["status"] == "raised" for header, _ in payloads.values())
        self.end(proc, SOME_RAISED if raised else 0)

    def write_output(self, proc: int, payloads: Mapping[int, Payload], *, whole: bool = True) -> Path:
        """Write records into the output file of a job; one that is not whole has no index."""
        place = self.job(proc).output
        with OutputsWriter.open(place) as writer:
            for component, (header, segments) in payloads.items():
                writer.append({"component": component, **header}, segments)
            if whole:
                writer.finish()
        return place

    def end(self, proc: int, code: int) -> None:
        """End a job; a negative code is a signal."""
        job = self.job(proc)
        job.status = JobStatus.COMPLETED
        job.exit_code, job.exit_signal = (code, None) if code >= 0 else (None, -code)
        self.history[job.id] = self.jobs.pop(job.id)
        self._log(job, event_text.terminated(job.id, code))

    def hold(self, proc: int, code: int, subcode: int, reason: str) -> None:
        job = self.job(proc)
        job.status, job.hold = JobStatus.HELD, (code, subcode, reason)
        self._log(job, event_text.held(job.id, code, subcode, reason))

    def log(self, proc: int, text: bytes) -> None:
        """Append any text to the event log of a job."""
        self._log(self.job(proc), text)

    # --- how it does that ---

    def _check(self) -> None:
        if self.refusal is not None:
            raise self.refusal

    def _log(self, job: FakeJob, text: bytes) -> None:
        if not self.is_silent:
            with job.log.open("ab") as file:
                file.write(text)

    def _selected(self, selection: JobSelection, *, with_history: bool = False) -> Iterator[FakeJob]:
        known = {**self.jobs, **(self.history if with_history else {})}
        for job in known.values():
            if job.uid == selection.uid and _is_meant(selection.jobs, job):
                yield job

    def _acted(self, action: Action, job: FakeJob) -> bool:
        before, after, text = _ACTIONS[action]
        if job.status not in before:
            return False
        job.status = after
        if after is JobStatus.REMOVED:
            self.history[job.id] = self.jobs.pop(job.id)
        if job.log.parent.exists():
            self._log(job, text(job.id))
        return True

    def _called(self, job: FakeJob, component: int) -> Payload:
        program = Program(job.sent(job.runner_is_told("--function")), "of a test")
        args, kwargs = self._input(job, program, component)
        try:
            return returned(program.function()(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - what the runner is for
            return raised(error)

    def _input(self, job: FakeJob, program: Program, component: int) -> Any:
        for name in job.runner_is_told("--inputs").split("+"):
            shard = read_shard(job.sent(name))
            if component in shard.components:
                return program.thaw(shard.segments(component))
        raise AssertionError(f"job {job.id} was not sent the input of component {component}")


def returned(result: Any) -> Payload:
    """What the runner records of a component that returned."""
    segments = freeze(result)
    return {"status": "returned", "payload": [0, len(segments)], **_MEASURED}, segments


def raised(error: BaseException) -> Payload:
    """What the runner records of a component that raised."""
    segments = freeze(error)
    frame = {"file": "/home/me/fit.py", "line": 12, "function": "fit", "code": "raise it", "locals": {"x": "1"}}
    exception = {
        "type": type(error).__name__,
        "module": type(error).__module__,
        "message": str(error),
        "frames": [frame],
    }
    return {"status": "raised", "payload": [0, len(segments)], "exception": exception, **_MEASURED}, segments


_MEASURED = {
    "python": list(sys.version_info[:3]),
    "host": "node7",
    "user_cpu_s": 1.5,
    "system_cpu_s": 0.5,
    "peak_memory_kb": 20_000,
}

_ACTIONS: dict[Action, tuple[set[JobStatus], JobStatus, Callable[[tuple[int, int]], bytes]]] = {
    Action.HOLD: (
        {JobStatus.IDLE, *_RUNNING},
        JobStatus.HELD,
        lambda job: event_text.held(job, 1, 0, "via condor_hold (by user me)"),
    ),
    Action.RELEASE: ({JobStatus.HELD}, JobStatus.IDLE, event_text.released),
    Action.SUSPEND: ({JobStatus.RUNNING}, JobStatus.SUSPENDED, event_text.suspended),
    Action.CONTINUE: ({JobStatus.SUSPENDED}, JobStatus.RUNNING, event_text.unsuspended),
    Action.VACATE: (_RUNNING, JobStatus.IDLE, event_text.evicted),
    Action.REMOVE: (set(JobStatus), JobStatus.REMOVED, event_text.aborted),
}


def _is_meant(jobs: Mapping[int, Sequence[int] | None] | None, job: FakeJob) -> bool:
    if jobs is None:
        return True
    procs = jobs.get(job.cluster, ())
    return procs is None or job.proc in procs


def _queued(job: FakeJob) -> QueuedJob:
    return QueuedJob(job.cluster, job.proc, job.status, *job.hold, job.exit_code, job.exit_signal, job.remove_reason)
