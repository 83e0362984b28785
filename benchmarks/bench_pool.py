"""Run 100 short components on the pool, one a job and 25 a job, beside as many raw jobs of /bin/true; by the clock."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import htcondor2
from measuring import heading, line, maps_on, median_ratio, rounds, seconds

import htmap

JOBS = 100
CHUNKSIZE = 25
PAUSE_S = 20  # HTCondor's own, if its configuration does not say
REPEATS = 5

RAW = """\
executable = /bin/true
transfer_executable = false
should_transfer_files = YES
log = {folder}/log
queue {jobs}
"""


def rested(what: Callable[[], object]) -> float:
    """Wall time from when the negotiator would come at once: after each of its rounds it takes a break."""
    time.sleep(int(htcondor2.param.get("NEGOTIATOR_CYCLE_DELAY", PAUSE_S)) + 1)
    return seconds(what)


def raw(jobs: int) -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        htcondor2.Schedd().submit(htcondor2.Submit(RAW.format(folder=folder, jobs=jobs)))
        log = Path(folder, "log")
        while log.read_bytes().count(b"\n005 (") < jobs:
            time.sleep(0.05)


def mapped(chunksize: int) -> float:
    with maps_on("htcondor"):
        return rested(lambda: list(htmap.map(abs, range(JOBS), htmap.MapOptions(chunksize=chunksize), quiet=True)))


def main() -> None:
    """Measure and print."""
    heading(REPEATS)
    times = rounds(
        REPEATS,
        raw=lambda: rested(lambda: raw(JOBS)),
        single=lambda: mapped(1),
        few_raw=lambda: rested(lambda: raw(JOBS // CHUNKSIZE)),
        chunked=lambda: mapped(CHUNKSIZE),
    )
    took = {name: statistics.median(each) for name, each in times.items()}
    line(f"{JOBS} raw jobs of /bin/true", f"{took['raw']:.1f} s")
    single, chunked = median_ratio(times["single"], times["raw"]), median_ratio(times["raw"], times["chunked"])
    of_raw = f"{took['single']:.1f} s, {single:.2f} x of raw"
    line(f"{JOBS} components, one a job", of_raw, "1.15 x", met=single <= 1.15)
    line(f"{JOBS // CHUNKSIZE} raw jobs of /bin/true", f"{took['few_raw']:.1f} s")
    faster = f"{took['chunked']:.1f} s, {chunked:.1f} x faster than {JOBS} raw jobs"
    line(f"{JOBS} components, chunksize={CHUNKSIZE}", faster, "8 x", met=chunked >= 8)


if __name__ == "__main__":
    main()
