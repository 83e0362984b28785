"""Run one job: start its process, and tidy up when it has ended.

In: a `Job`. Out: a `Run`, then an `Ended`. On the other side: the supervisor, which notices the end and writes down
what it means; this module touches files and processes only, never the queue.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from htmap.backend.local import containers, courier, policy
from htmap.backend.local.actions import HELD_CANNOT_START, HELD_INPUT_FILES, HELD_OUTPUT_FILES
from htmap.backend.local.eventlog import Exit, Resources, Usage
from htmap.backend.local.fork_servers import ForkServers, Program
from htmap.backend.local.job import Job
from htmap.backend.local.sandbox import STDERR, STDOUT, CannotGoOn, Sandbox
from htmap.backend.local.trees import size_of

_LOG = logging.getLogger(__name__)

# What HTCondor sets to the number of processors of a job, unless the job has its own idea.
_THREAD_COUNTS = (
    "CUBACORES",
    "GOMAXPROCS",
    "JULIA_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OMP_THREAD_LIMIT",
    "OPENBLAS_NUM_THREADS",
    "PYTHON_CPU_COUNT",
    "ROOT_MAX_THREADS",
    "TF_LOOP_PARALLEL_ITERATIONS",
    "TF_NUM_THREADS",
)
# getrusage counts kilobytes, except on macOS, where it counts bytes.
_MAXRSS_PER_KB = 1024 if sys.platform == "darwin" else 1


_COURIER_FAILURES = {
    "fetch": (HELD_INPUT_FILES, "Transfer input files failure"),
    "start": (HELD_CANNOT_START, "Failed to execute the job"),
    "send": (HELD_OUTPUT_FILES, "Transfer output files failure"),
}
# The hold subcode that HTCondor has for it: the exit status of its plugin, as wait() gives it.
_PLUGIN_FAILED = 256


@dataclass(slots=True)
class Run:
    """A job that has a process.

    Parameters
    ----------
    slot
        Which of the slots it occupies, from 1.
    started
        Monotonic seconds.
    deadline
        Monotonic seconds after which the process is killed. None: nobody has asked it to end.
    peak_kb, reported_kb
        Most memory seen so far, and what the event log was told.
    spent
        What earlier processes of this run used, each of which ended with the checkpoint exit code.
    """

    job: Job
    sandbox: Sandbox
    pid: int
    slot: int
    started: float
    received_bytes: int
    deadline: float | None = None
    suspended: bool = False
    peak_kb: int = 0
    reported_kb: int = 0
    spent: Usage = field(default_factory=Usage)

    @property
    def key(self) -> tuple[int, int]:
        return self.job.cluster, self.job.proc

    @property
    def was_asked_to_end(self) -> bool:
        return self.deadline is not None

    def resources(self, cpus: float = 0.0, disk_kb: int = 0) -> Resources:
        job, memory_mb = self.job, -(-self.peak_kb // 1024)
        return Resources(cpus, job.request_cpus, disk_kb, job.request_disk_kb, memory_mb, job.request_memory_mb)

    def send(self, *signals: signal.Signals) -> None:
        """Signal every process of the job."""
        if containers.uses_docker(self.job.image):
            self._tell_docker(signals)
        for number in signals:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def _tell_docker(self, signals: tuple[signal.Signals, ...]) -> None:
        """What docker's program does not pass on: it passes on SIGTERM."""
        verbs = {signal.SIGSTOP: "pause", signal.SIGCONT: "unpause", signal.SIGKILL: "kill"}
        for number in signals:
            if number in verbs and (number != signal.SIGCONT or self.suspended):
                containers.tell(verbs[number], containers.name_of(self.sandbox.scratch))

    def ask_to_end(self) -> None:
        """End it gently; the supervisor kills it after a while."""
        if self.deadline is None:
            self.deadline = time.monotonic() + self.job.vacate_time_s
            # A stopped process would not notice the first signal.
            self.send(signal.SIGTERM, signal.SIGCONT)


@dataclass(frozen=True, slots=True)
class Ended:
    """A run whose process has ended and whose files are where they belong."""

    run: Run
    how: Exit
    usage: Usage
    resources: Resources
    verdict: policy.Verdict
    failure: CannotGoOn | None


def start(job: Job, sandbox: Sandbox, slot: int, servers: ForkServers) -> Run:
    """Start a job.

    Raises
    ------
    CannotGoOn
        It cannot be started; nothing of it is left in the scratch directory.
    """
    try:
        received = sandbox.stage_in(job)
        started = time.monotonic()
        return Run(job, sandbox, _spawn(job, sandbox, slot, servers, is_first=True), slot, started, received)
    except BaseException:
        sandbox.discard()
        raise


def has_checkpointed(run: Run, status: int) -> bool:
    """Whether a process that has been waited for is to be followed by another one in the same place."""
    code = run.job.checkpoint_exit_code
    return code is not None and not run.was_asked_to_end and os.WIFEXITED(status) and os.WEXITSTATUS(status) == code


def go_on(run: Run, used: resource.struct_rusage, servers: ForkServers) -> Run:
    """Start the next process of a job that `has_checkpointed`, in the same scratch directory.

    Nothing is copied: whatever ends that process, and the supervisor too, the scratch directory is still there.

    Raises
    ------
    CannotGoOn
        It cannot be started.
    """
    run.send(signal.SIGKILL)  # whatever it left running
    pid = _spawn(run.job, run.sandbox, run.slot, servers, is_first=False)
    return replace(run, pid=pid, peak_kb=_peak_kb(run, used), spent=run.spent + _cpu(used))


def end(run: Run, status: int, used: resource.struct_rusage) -> Ended:
    """Tidy up after a process that has been waited for.

    The outputs of a job that ended by itself are delivered; those of one that was asked to end, or that its own policy
    holds, are kept for its next start.
    """
    run.send(signal.SIGKILL)  # whatever it left running
    if containers.uses_docker(run.job.image):
        containers.discard(containers.name_of(run.sandbox.scratch))
    how = Exit(signal=os.WTERMSIG(status)) if os.WIFSIGNALED(status) else Exit(code=os.WEXITSTATUS(status))
    run.peak_kb = _peak_kb(run, used)
    disk_kb = size_of(run.sandbox.scratch) // 1024
    verdict = policy.decide(run.job, how)
    sent, failure = _tidy_up(run, how, verdict)
    wall_s = max(time.monotonic() - run.started, 0.001)
    usage = run.spent + _cpu(used) + Usage(sent_bytes=sent, received_bytes=run.received_bytes)
    cpus = (usage.user_s + usage.system_s) / wall_s
    return Ended(run, how, usage, run.resources(cpus, disk_kb), verdict, failure)


def _peak_kb(run: Run, used: resource.struct_rusage) -> int:
    # On Linux this is never less than what the supervisor itself uses: the kernel counts from before the exec.
    return max(run.peak_kb, used.ru_maxrss // _MAXRSS_PER_KB)


def _cpu(used: resource.struct_rusage) -> Usage:
    return Usage(used.ru_utime, used.ru_stime)


def _tidy_up(run: Run, how: Exit, verdict: policy.Verdict) -> tuple[int, CannotGoOn | None]:
    """Bring or keep the outputs, and clear the rest. Returns bytes sent, and why the job must be held, if it must."""
    try:
        if not run.was_asked_to_end:
            failure = _failure_of_courier(run)
            if failure is not None:
                run.sandbox.keep_outputs(run.job)
                return 0, failure
            if isinstance(verdict, policy.Hold) and run.job.spools_on_eviction:
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
        return 0, CannotGoOn(HELD_OUTPUT_FILES, 0, f"Transfer output files failure: {error!r}")
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


def _spawn(job: Job, sandbox: Sandbox, slot: int, servers: ForkServers, *, is_first: bool) -> int:
    command, environment = [str(sandbox.executable(job)), *job.arguments], _environment(job, sandbox.scratch, slot)
    program = Program(job.executable, command, job.fork_server_arguments, environment, sandbox.scratch)
    if job.image is not None:
        command, environment = _in_image(job.image, sandbox, command, environment)
    if job.fetched or job.sent:
        fetch = job.fetched if is_first else {}
        command, environment = _with_courier(job, sandbox, command, environment, fetch)
    with contextlib.ExitStack() as files:
        standard = _open_standard(job, sandbox, files)
        if program.server_arguments and command is program.command:  # by itself: in no image, with no courier
            pid = servers.fork(program, standard)
            if pid is not None:
                return pid
        try:
            process = subprocess.Popen(
                command,
                cwd=sandbox.scratch,
                env=environment,
                stdin=standard[0],
                stdout=standard[1],
                stderr=standard[2],
                # A group of its own: signals reach all of it, and a Ctrl-C somewhere else does not.
                start_new_session=True,
            )
        except (OSError, ValueError) as error:  # ValueError: a NUL in an argument
            number, text = getattr(error, "errno", 0), getattr(error, "strerror", None) or error
            raise CannotGoOn(
                HELD_CANNOT_START, number, f"Failed to execute '{job.executable}': (errno {number}) {text}"
            ) from error
    # The supervisor waits for all processes itself, to learn what they used; Popen must not wait for this one too.
    process.returncode = 0
    return process.pid


def _open_standard(job: Job, sandbox: Sandbox, files: contextlib.ExitStack) -> list[int]:
    """Descriptors of the standard input, output and error of a job."""
    stdin = _open_stdin(job.stdin or Path(os.devnull), files)
    stdout = sandbox.scratch / STDOUT if job.stdout else Path(os.devnull)
    stderr = sandbox.scratch / STDERR if job.stderr else Path(os.devnull)
    outputs = [files.enter_context(path.open("ab")) for path in (stdout, stderr)]
    if job.stderr and job.stderr == job.stdout:
        outputs[1] = outputs[0]
    return [file.fileno() for file in (stdin, *outputs)]


def _with_courier(
    job: Job, sandbox: Sandbox, command: list[str], environment: dict[str, str], fetch: dict[str, str]
) -> tuple[list[str], dict[str, str]]:
    """The command and environment of a courier that runs the job."""
    plan = {
        "command": command,
        "environment": environment,
        "fetch": fetch,
        "send": job.sent,
        "outputs": job.outputs,
        "checkpoint_exit_code": job.checkpoint_exit_code,
    }
    (sandbox.scratch / courier.PLAN).write_text(json.dumps(plan), encoding="utf-8")
    # Isolated, or the modules beside it would stand for those of the standard library. Proxies and certificates are
    # those of whoever started the supervisor; a successor recognizes it by its scratch directory.
    return [sys.executable, "-I", courier.__file__], {**os.environ, "_CONDOR_SCRATCH_DIR": str(sandbox.scratch)}


def _in_image(
    image: containers.Image, sandbox: Sandbox, command: list[str], environment: dict[str, str]
) -> tuple[list[str], dict[str, str]]:
    """The command that runs the job in its image, and the environment of that command."""
    inside = containers.command(image, containers.name_of(sandbox.scratch), sandbox.scratch, command, environment)
    # Docker's program finds its daemon by its environment; what the job gets is in the command.
    return inside, environment | (dict(os.environ) if containers.uses_docker(image) else {})


def _open_stdin(path: Path, files: contextlib.ExitStack) -> IO[bytes]:
    try:
        return files.enter_context(path.open("rb"))
    except OSError as error:
        reason = f"Transfer input files failure: {path}: (errno {error.errno}) {error.strerror}"
        raise CannotGoOn(HELD_INPUT_FILES, error.errno or 0, reason) from error


def _environment(job: Job, scratch: Path, slot: int) -> dict[str, str]:
    """The little that HTCondor gives a job, and what the job asked for."""
    place = dict.fromkeys(("_CONDOR_SCRATCH_DIR", "TMPDIR", "TMP", "TEMP"), str(scratch))
    counts = dict.fromkeys(_THREAD_COUNTS, str(job.request_cpus))
    return counts | job.environment | place | {"_CONDOR_SLOT": f"slot{slot}", "BATCH_SYSTEM": "HTCondor"}
