"""Run one job: start its process, and the next one after a checkpoint.

In: a `Job`. Out: a `Run`. On the other side: the supervisor, which notices its end (``ending``); this module touches
files and processes only, never the queue.
"""

from __future__ import annotations

import contextlib
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

from htmap.backend.local import containers, courier
from htmap.backend.local.eventlog import Resources, Usage
from htmap.backend.local.fork_servers import ForkServers
from htmap.backend.local.job import Job
from htmap.backend.local.program import Program
from htmap.backend.local.sandbox import STDERR, STDOUT, CannotGoOn, Sandbox
from htmap.backend.protocol import HoldCode

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

    def send(self, *signals: int) -> None:
        """Signal every process of the job."""
        if containers.uses_docker(self.job.image):
            self._tell_docker(signals)
        for number in signals:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def _tell_docker(self, signals: tuple[int, ...]) -> None:
        """What docker's program does not pass on: it passes on SIGTERM."""
        verbs: dict[int, str] = {signal.SIGSTOP: "pause", signal.SIGCONT: "unpause", signal.SIGKILL: "kill"}
        for number in signals:
            if number in verbs and (number != signal.SIGCONT or self.suspended):
                containers.tell(verbs[number], containers.name_of(self.sandbox.scratch))

    def ask_to_end(self) -> None:
        """End it gently; the supervisor kills it after a while."""
        if self.deadline is None:
            self.deadline = time.monotonic() + self.job.vacate_time_s
            # A stopped process would not notice the first signal.
            self.send(self.job.kill_signal, signal.SIGCONT)


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
    return replace(run, pid=pid, peak_kb=peak_kb(run, used), spent=run.spent + cpu(used))


def peak_kb(run: Run, used: resource.struct_rusage) -> int:
    """Most memory seen, a process that has been waited for included."""
    # On Linux this is never less than what the supervisor itself uses: the kernel counts from before the exec.
    return max(run.peak_kb, used.ru_maxrss // _MAXRSS_PER_KB)


def cpu(used: resource.struct_rusage) -> Usage:
    """The processor time of a process that has been waited for."""
    return Usage(used.ru_utime, used.ru_stime)


def _spawn(job: Job, sandbox: Sandbox, slot: int, servers: ForkServers, *, is_first: bool) -> int:
    program = _program(job, sandbox, slot)
    if job.image is not None:
        program = containers.wrap(program, job.image)
    if job.fetched or job.sent:
        program = courier.wrap(program, job.fetched if is_first else {}, job.sent, job)
    with contextlib.ExitStack() as files:
        standard = _open_standard(job, sandbox, files)
        pid = servers.fork(program, standard)
        if pid is None:
            pid = _started(program, standard)
    if job.core_bytes is not None and sys.platform == "linux":
        with contextlib.suppress(OSError, ValueError):  # it has ended, or asks for more than it may have
            resource.prlimit(pid, resource.RLIMIT_CORE, (job.core_bytes, job.core_bytes))
    return pid


def _program(job: Job, sandbox: Sandbox, slot: int) -> Program:
    command = [str(sandbox.executable(job)), *job.arguments]
    environment = _environment(job, sandbox.scratch, slot)
    return Program(job.executable, command, environment, sandbox.scratch, job.fork_server_arguments)


def _started(program: Program, standard: list[int]) -> int:
    """Start a program the usual way; its pid."""
    try:
        process = subprocess.Popen(
            program.command,
            cwd=program.directory,
            env=program.environment,
            stdin=standard[0],
            stdout=standard[1],
            stderr=standard[2],
            # A group of its own: signals reach all of it, and a Ctrl-C somewhere else does not.
            start_new_session=True,
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL in an argument
        number, text = getattr(error, "errno", 0), getattr(error, "strerror", None) or error
        reason = f"Failed to execute '{program.executable}': (errno {number}) {text}"
        raise CannotGoOn(HoldCode.FAILED_TO_CREATE_PROCESS, number, reason) from error
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


def _open_stdin(path: Path, files: contextlib.ExitStack) -> IO[bytes]:
    try:
        return files.enter_context(path.open("rb"))
    except OSError as error:
        reason = f"Transfer input files failure: {path}: (errno {error.errno}) {error.strerror}"
        raise CannotGoOn(HoldCode.TRANSFER_INPUT_ERROR, error.errno or 0, reason) from error


def _environment(job: Job, scratch: Path, slot: int) -> dict[str, str]:
    """The little that HTCondor gives a job, and what the job asked for."""
    place = dict.fromkeys(("_CONDOR_SCRATCH_DIR", "TMPDIR", "TMP", "TEMP"), str(scratch))
    counts = dict.fromkeys(_THREAD_COUNTS, str(job.request_cpus))
    return counts | job.environment | place | {"_CONDOR_SLOT": f"slot{slot}", "BATCH_SYSTEM": "HTCondor"}
