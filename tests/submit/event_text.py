"""Job event logs, as HTCondor writes them.

In: what happened to which job. Out: one event as bytes, line for line what HTCondor 23 writes. On the other side:
`htmap.observe.events`. Written by hand from logs of a pool, not with the code of the local backend.
"""

from __future__ import annotations

HOST = "<127.0.0.1:9618?addrs=127.0.0.1-9618&alias=ap.example.org&noUDP&sock=schedd_1_2>"

ISO = "2026-03-01 10:00:00"
OLD = "03/01 10:00:00"
SUB_SECOND = "2026-03-01 10:00:00.123"
UTC = "2026-03-01T10:00:00Z"
UTC_SUB_SECOND = "2026-03-01 10:00:00.123Z"
DATES = (ISO, OLD, SUB_SECOND, UTC, UTC_SUB_SECOND)
"""All spellings that DEFAULT_USERLOG_FORMAT_OPTIONS can ask for."""


def event(kind: int, job: tuple[int, int], title: str, *body: str, when: str = ISO) -> bytes:
    """One event; `job` is (cluster, proc)."""
    cluster, proc = job
    lines = [f"{kind:03d} ({cluster:03d}.{proc:03d}.000) {when} {title}", *body, "..."]
    return "".join(f"{line}\n" for line in lines).encode()


def submitted(job: tuple[int, int], submission: int | None = 0, when: str = ISO) -> bytes:
    notes = [] if submission is None else [f"    htmap submission {submission}"]
    return event(0, job, f"Job submitted from host: {HOST}", *notes, when=when)


def executing(job: tuple[int, int], when: str = ISO) -> bytes:
    return event(
        1,
        job,
        "Job executing on host: <10.0.0.7:9618?addrs=10.0.0.7-9618&alias=node7>",
        "\tSlotName: slot1_1@node7",
        '\tCondorScratchDir = "/var/lib/condor/execute/dir_815"',
        "\tCpus = 1",
        "\tDisk = 1024",
        "\tMemory = 128",
        when=when,
    )


def evicted(job: tuple[int, int], when: str = ISO) -> bytes:
    return event(4, job, "Job was evicted.", "\t(0) CPU times", *_usage("Run"), when=when)


def terminated(job: tuple[int, int], code: int = 0, when: str = ISO) -> bytes:
    """A negative code is a signal."""
    ending = (
        [f"\t(1) Normal termination (return value {code})"]
        if code >= 0
        else [f"\t(0) Abnormal termination (signal {-code})", "\t(0) No core file"]
    )
    table = [
        "\tPartitionable Resources :    Usage  Request Allocated",
        "\t   Cpus                 :     0.00        1         1",
        "\t   Memory (MB)          :       17      128       128",
        "",
        f"\tJob terminated of its own accord at 2026-03-01T10:00:00Z with exit-code {code}.",
    ]
    return event(5, job, "Job terminated.", *ending, *_usage("Run"), *_usage("Total"), *table, when=when)


def _usage(which: str) -> list[str]:
    return [
        f"\t\tUsr 0 00:00:01, Sys 0 00:00:00  -  {which} Remote Usage",
        f"\t\tUsr 0 00:00:00, Sys 0 00:00:00  -  {which} Local Usage",
        f"\t512  -  {which} Bytes Sent By Job",
        f"\t1024  -  {which} Bytes Received By Job",
    ]


def image_size(job: tuple[int, int], memory_mb: int, when: str = ISO) -> bytes:
    body = [
        f"\t{memory_mb}  -  MemoryUsage of job (MB)",
        f"\t{memory_mb * 1024}  -  ResidentSetSize of job (KB)",
    ]
    return event(6, job, f"Image size of job updated: {memory_mb * 2048}", *body, when=when)


def aborted(job: tuple[int, int], reason: str = "via condor_rm (by user me)", when: str = ISO) -> bytes:
    return event(9, job, "Job was aborted.", f"\t{reason}", when=when)


def suspended(job: tuple[int, int], when: str = ISO) -> bytes:
    return event(10, job, "Job was suspended.", "\tNumber of processes actually suspended: 3", when=when)


def unsuspended(job: tuple[int, int], when: str = ISO) -> bytes:
    return event(11, job, "Job was unsuspended.", when=when)


def held(job: tuple[int, int], code: int, subcode: int, *reason: str, when: str = ISO) -> bytes:
    lines = [f"\t{line}" for line in reason]
    return event(12, job, "Job was held.", *lines, f"\tCode {code} Subcode {subcode}", when=when)


def released(job: tuple[int, int], reason: str = "via condor_release (by user me)", when: str = ISO) -> bytes:
    return event(13, job, "Job was released.", f"\t{reason}", when=when)


def cluster_submitted(cluster: int, submission: int = 0, when: str = ISO) -> bytes:
    notes = f"    htmap submission {submission}"
    return event(35, (cluster, -1), f"Cluster submitted from host: {HOST}", notes, when=when)


def cluster_removed(cluster: int, made: int, of: int, when: str = ISO) -> bytes:
    return event(
        36, (cluster, -1), "Cluster removed", f"\tMaterialized {made} jobs from {of} items.\tComplete", when=when
    )
