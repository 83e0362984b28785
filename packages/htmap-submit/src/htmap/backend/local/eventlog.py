"""The text of HTCondor's job event log.

In: what happened to one job, and when. Out: the event as HTCondor 23 writes it, line for line. On the other side:
``htmap.observe.events``, condor_wait and every other reader of such logs. No I/O here; ``outbox`` writes it.

An event is a header ``NNN (cluster.proc.subproc) date time text``, indented lines, and a line of three dots.
"""

from __future__ import annotations

import functools
import re
import socket
import time
from dataclasses import dataclass

# HTCondor cuts what users may write into a line here.
_LONGEST_LINE = 8191
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Usage:
    """What one run of a job used. "Sent" and "received" are the job's view: outputs are sent, inputs received."""

    user_s: float = 0.0
    system_s: float = 0.0
    sent_bytes: int = 0
    received_bytes: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.user_s + other.user_s,
            self.system_s + other.system_s,
            self.sent_bytes + other.sent_bytes,
            self.received_bytes + other.received_bytes,
        )


@dataclass(frozen=True, slots=True)
class Resources:
    """The rows of the table of partitionable resources: what was used, beside what was requested."""

    cpus: float
    request_cpus: int
    disk_kb: int
    request_disk_kb: int
    memory_mb: int
    request_memory_mb: int


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended: by itself with a code, or by a signal."""

    code: int | None = None
    signal: int | None = None

    def __str__(self) -> str:
        return f"signal {self.signal}" if self.code is None else f"exit code {self.code}"


class JobEvents:
    """Write events of one job.

    Parameters
    ----------
    cluster, proc
        The job.
    when
        Unix seconds.
    """

    __slots__ = ("_job", "_when")

    def __init__(self, cluster: int, proc: int, when: float) -> None:
        self._job = f"({cluster:03d}.{proc:03d}.000) "
        self._when = int(when)

    def _event(self, number: int, text: str) -> str:
        return f"{number:03d} {self._job}{_local_time(self._when)} {text}\n...\n"

    def submitted(self, user_notes: str) -> str:
        notes = f"\n    {_one_line(user_notes)}" if user_notes else ""
        return self._event(0, f"Job submitted from host: {_host()}{notes}")

    def executing(self, slot: int, scratch: str, resources: Resources) -> str:
        return self._event(
            1,
            f"Job executing on host: {_host()}\n"
            f"\tSlotName: slot{slot}@{socket.gethostname()}\n"
            f'\tCondorScratchDir = "{_one_line(scratch)}"\n'
            f"\tCpus = {resources.request_cpus}\n"
            f"\tDisk = {resources.request_disk_kb}\n"
            f"\tMemory = {resources.request_memory_mb}",
        )

    def evicted(self, usage: Usage, resources: Resources | None = None, reason: str = "") -> str:
        head = f"Job was evicted.\n\t(0) CPU times\n{_run_usage(usage)}"
        return self._event(4, f"{head}{_reason_line(reason)}{_table(resources)}")

    def requeued(self, how: Exit, usage: Usage, reason: str) -> str:
        """It ended, but its policy (``on_exit_remove``) sends it back into the queue."""
        return self._event(
            4,
            "Job was evicted.\n\t(0) Job terminated and was requeued\n"
            f"{_run_usage(usage)}\n{_ending(how)}{_reason_line(reason)}",
        )

    def terminated(self, how: Exit, usage: Usage, total: Usage, resources: Resources) -> str:
        exited = f"signal {how.signal}" if how.code is None else f"exit-code {how.code}"
        ended = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._when))
        return self._event(
            5,
            f"Job terminated.\n{_ending(how)}\n"
            f"{_cpu_line(usage)}  -  Run Remote Usage\n"
            f"{_cpu_line(Usage())}  -  Run Local Usage\n"
            f"{_cpu_line(total)}  -  Total Remote Usage\n"
            f"{_cpu_line(Usage())}  -  Total Local Usage\n"
            f"{_byte_lines('Run', usage)}\n{_byte_lines('Total', total)}{_table(resources)}\n"
            f"\n\tJob terminated of its own accord at {ended} with {exited}.",
        )

    def image_size(self, image_kb: int, resident_kb: int) -> str:
        return self._event(
            6,
            f"Image size of job updated: {image_kb}\n"
            f"\t{-(-resident_kb // 1024)}  -  MemoryUsage of job (MB)\n"
            f"\t{resident_kb}  -  ResidentSetSize of job (KB)",
        )

    def aborted(self, reason: str) -> str:
        return self._event(9, f"Job was aborted.{_reason_line(reason)}")

    def suspended(self, processes: int) -> str:
        return self._event(10, f"Job was suspended.\n\tNumber of processes actually suspended: {processes}")

    def unsuspended(self) -> str:
        return self._event(11, "Job was unsuspended.")

    def held(self, reason: str, code: int, subcode: int) -> str:
        return self._event(
            12, f"Job was held.\n\t{_one_line(reason or 'Reason unspecified')}\n\tCode {code} Subcode {subcode}"
        )

    def released(self, reason: str) -> str:
        return self._event(13, f"Job was released.{_reason_line(reason)}")


@functools.lru_cache(maxsize=2)
def _local_time(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


@functools.cache
def _host() -> str:
    """The address of a machine, in the shape that HTCondor gives it. Nothing listens there."""
    return f"<127.0.0.1:0?addrs=127.0.0.1-0&alias={socket.gethostname()}>"


def _one_line(text: str) -> str:
    return _CONTROL.sub(" ", text.replace("\n", "|"))[:_LONGEST_LINE]


def _reason_line(reason: str) -> str:
    return f"\n\t{_one_line(reason)}" if reason else ""


def _ending(how: Exit) -> str:
    if how.code is None:
        return f"\t(0) Abnormal termination (signal {how.signal})\n\t(0) No core file"
    return f"\t(1) Normal termination (return value {how.code})"


def _run_usage(usage: Usage) -> str:
    lines = f"{_cpu_line(usage)}  -  Run Remote Usage\n{_cpu_line(Usage())}  -  Run Local Usage"
    return f"{lines}\n{_byte_lines('Run', usage)}"


def _cpu_line(usage: Usage) -> str:
    return f"\t\tUsr {_days(usage.user_s)}, Sys {_days(usage.system_s)}"


def _days(seconds: float) -> str:
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return f"{day} {hour:02d}:{minute:02d}:{second:02d}"


def _byte_lines(which: str, usage: Usage) -> str:
    return (
        f"\t{usage.sent_bytes}  -  {which} Bytes Sent By Job\n"
        f"\t{usage.received_bytes}  -  {which} Bytes Received By Job"
    )


def _table(resources: Resources | None) -> str:
    """Right-aligned columns: readers take their edges from the header line."""
    if resources is None:
        return ""
    rows = [
        # Whole numbers line up with the digits before the point.
        ("Cpus", f"{resources.cpus:.2f}", resources.request_cpus),
        ("Disk (KB)", f"{resources.disk_kb}   ", resources.request_disk_kb),
        ("Memory (MB)", f"{resources.memory_mb}   ", resources.request_memory_mb),
    ]
    used = max(8, *(len(text) for _, text, _ in rows))
    asked = max(8, *(len(str(amount)) for _, _, amount in rows))
    given = max(9, asked)
    lines = [f"\n\tPartitionable Resources : {'Usage':>{used}} {'Request':>{asked}} {'Allocated':>{given}} "]
    for name, text, amount in rows:
        lines.append(f"\t   {name:<20} : {text:>{used}} {amount:>{asked}} {amount:>{given}} ")
    return "\n".join(lines)
