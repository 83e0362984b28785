"""What the end of a process means for its job: its files, its state, and the events that tell of it.

In: a run whose process has ended. Out: first an `Ended`, its files brought or kept and its policy decided; then, with
its row, a `Consequence`: columns and text that the supervisor puts into the queue in one transaction.
The first half touches files; the second knows no I/O and no clock.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import resource
import signal
import time
from dataclasses import dataclass
from typing import Any

from htmap.backend.local import containers, courier
from htmap.backend.local.actions import held
from htmap.backend.local.eventlog import Exit, JobEvents, Resources, Usage
from htmap.backend.local.policy import Again, Hold, Verdict, decide
from htmap.backend.local.rows import JobRow, Request
from htmap.backend.local.sandbox import CannotGoOn
from htmap.backend.local.starter import Run, cpu, peak_kb
from htmap.backend.local.trees import size_of
from htmap.backend.protocol import HoldCode, JobStatus

_LOG = logging.getLogger(__name__)

_COURIER_FAILURES = {
    "fetch": (HoldCode.TRANSFER_INPUT_ERROR, "Transfer input files failure"),
    "start": (HoldCode.FAILED_TO_CREATE_PROCESS, "Failed to execute the job"),
    "send": (HoldCode.TRANSFER_OUTPUT_ERROR, "Transfer output files failure"),
}
# The hold subcode that HTCondor has for it: the exit status of its plugin, as wait() gives it.
_PLUGIN_FAILED = 256
_NO_PROCESS = {"pid": None, "pid_started": None, "request": None, "reason": None}
_LONGEST_PAUSE_S = 60.0


@dataclass(frozen=True, slots=True)
class Ended:
    """A run whose process has ended and whose files are where they belong."""

    run: Run
    how: Exit
    usage: Usage
    resources: Resources
    verdict: Verdict
    failure: CannotGoOn | None


def end(run: Run, status: int, used: resource.struct_rusage) -> Ended:
    """Tidy up after a process that has been waited for.

    The outputs of a job that ended by itself are delivered; those of one that was asked to end, or that its own policy
    holds, are kept for its next start.
    """
    run.send(signal.SIGKILL)  # whatever it left running
    if containers.uses_docker(run.job.image):
        containers.discard(containers.name_of(run.sandbox.scratch))
    how = Exit(signal=os.WTERMSIG(status)) if os.WIFSIGNALED(status) else Exit(code=os.WEXITSTATUS(status))
    run.peak_kb = peak_kb(run, used)
    disk_kb = size_of(run.sandbox.scratch) // 1024
    verdict = decide(run.job, how)
    sent, failure = _tidy_up(run, how, verdict)
    wall_s = max(time.monotonic() - run.started, 0.001)
    usage = run.spent + cpu(used) + Usage(sent_bytes=sent, received_bytes=run.received_bytes)
    cpus = (usage.user_s + usage.system_s) / wall_s
    return Ended(run, how, usage, run.resources(cpus, disk_kb), verdict, failure)


def _tidy_up(run: Run, how: Exit, verdict: Verdict) -> tuple[int, CannotGoOn | None]:
    """Bring or keep the outputs, and clear the rest. Returns bytes sent, and why the job must be held, if it must."""
    try:
        if not run.was_asked_to_end:
            failure = _failure_of_courier(run)
            if failure is not None:
                run.sandbox.keep_outputs(run.job)
                return 0, failure
            if isinstance(verdict, Hold) and run.job.spools_on_eviction:
                # Killed, perhaps: once released, it goes on from what it has made so far.
                run.sandbox.keep_outputs(run.job)
                return run.sandbox.stage_out(run.job, ()), None
            return run.sandbox.stage_out(run.job, run.job.outputs), None
        return run.sandbox.keep_outputs(run.job) if run.job.spools_on_eviction else 0, None
    except CannotGoOn as error:
        with contextlib.suppress(CannotGoOn):
            if run.job.spools_on_eviction:
                run.sandbox.keep_outputs(run.job)  # what could not be brought is not lost: the next start has it
        return 0, CannotGoOn(error.code, error.subcode, f"{error.reason}. The job ended with {how}.")
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one job must not end the supervisor of all
        _LOG.exception("outputs of job %d.%d cannot be brought back", *run.key)
        return 0, CannotGoOn(HoldCode.TRANSFER_OUTPUT_ERROR, 0, f"Transfer output files failure: {error!r}")
    finally:
        run.sandbox.discard()


def _failure_of_courier(run: Run) -> CannotGoOn | None:
    """Why the courier could not do its part, if it could not."""
    try:
        told = json.loads((run.sandbox.scratch / courier.FAILURE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    code, what = _COURIER_FAILURES[told["doing"]]
    return CannotGoOn(code, _PLUGIN_FAILED, f"{what}: {told['why']}")


@dataclass(frozen=True, slots=True)
class Consequence:
    """What to write down about one job."""

    columns: dict[str, Any]
    events: str

    @property
    def leaves_queue(self) -> bool:
        return self.columns["status"] in (JobStatus.COMPLETED.value, JobStatus.REMOVED.value)


def of_run(ended: Ended, row: JobRow, now: float) -> Consequence:
    """The consequence of an end that the supervisor has seen."""
    run = ended.run
    events = JobEvents(*run.key, now)
    memory = events.image_size(run.peak_kb, run.peak_kb) if run.peak_kb > run.reported_kb else ""
    total = ended.usage + row.usage
    columns: dict[str, Any] = {
        "user_s": total.user_s,
        "system_s": total.system_s,
        "sent_bytes": total.sent_bytes,
        "received_bytes": total.received_bytes,
        "memory_mb": max(row.past.memory_mb, ended.resources.memory_mb),
        "disk_kb": max(row.past.disk_kb, ended.resources.disk_kb),
    }
    if run.was_asked_to_end:
        after = _back_in_queue(row, events, events.evicted(ended.usage, ended.resources), ended.failure)
    else:
        columns |= {"exit_code": ended.how.code, "exit_signal": ended.how.signal}
        columns["completions"] = row.past.completions + 1
        after = _by_itself(ended, row, events, total)
        if isinstance(ended.verdict, Again):
            columns["ready"] = now + _pause_s(row.past.completions)
    return Consequence(_NO_PROCESS | columns | after.columns, memory + after.events)


def of_crash(row: JobRow, failure: CannotGoOn | None, now: float) -> Consequence:
    """The consequence of the death of the supervisor itself, with which all its jobs were evicted."""
    events = JobEvents(*row.key, now)
    after = _back_in_queue(row, events, events.evicted(Usage()), failure)
    return Consequence(_NO_PROCESS | after.columns, after.events)


def _by_itself(ended: Ended, row: JobRow, events: JobEvents, total: Usage) -> Consequence:
    if ended.failure is not None:
        text = events.evicted(ended.usage, ended.resources, ended.failure.reason)
        return _back_in_queue(row, events, text, ended.failure)
    verdict = ended.verdict
    if isinstance(verdict, Hold):
        return _back_in_queue(row, events, "", CannotGoOn(verdict.code, verdict.subcode, verdict.reason))
    if isinstance(verdict, Again):
        return _back_in_queue(row, events, events.requeued(ended.how, ended.usage, verdict.reason), None)
    text = events.terminated(ended.how, ended.usage, total, ended.resources)
    return Consequence({"status": JobStatus.COMPLETED.value}, text)


def _back_in_queue(row: JobRow, events: JobEvents, evicted: str, failure: CannotGoOn | None) -> Consequence:
    """The job is not done; what was asked of it in the meantime counts now. Being removed counts most."""
    if row.request is Request.REMOVE:
        return Consequence({"status": JobStatus.REMOVED.value}, evicted + events.aborted(row.reason))
    if failure is None and row.request is Request.HOLD:
        failure = CannotGoOn(row.request_code, row.request_subcode, row.reason)
    if failure is not None:
        columns = held(failure.reason, failure.code, failure.subcode)
        return Consequence(columns, evicted + events.held(failure.reason, failure.code, failure.subcode))
    return Consequence({"status": JobStatus.IDLE.value}, evicted)


def _pause_s(completions: int) -> float:
    """How long a job waits that is to run again: on a pool, until it has a machine again."""
    return min(2.0 ** min(completions, 10), _LONGEST_PAUSE_S)
