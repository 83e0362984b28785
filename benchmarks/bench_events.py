"""Fold an event log of 250,000 components, beside the binding's reader on the same file, in one run.

Prints microseconds of processor time per event and the ratio; medians of five rounds, in which both take turns. Then
what a refresh costs that finds nothing new.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import htcondor2

from htmap.observe.events import EventLog
from htmap.observe.fold import JobTable, MapState, fold

COMPONENTS = int(sys.argv[1]) if len(sys.argv) > 1 else 250_000
REPEATS = 5

SUBMITTED = """\
000 (001.{proc:03d}.000) 2026-11-23 03:10:11 Job submitted from host: <127.0.0.1:9618?addrs=127.0.0.1-9618&alias=vm>
    htmap submission 0
...
"""
EXECUTING = """\
001 (001.{proc:03d}.000) 2026-11-23 03:10:12 Job executing on host: <127.0.0.1:9618?addrs=127.0.0.1-9618&alias=vm>
\tSlotName: slot1_1@vm
\tCpus = 1
\tDisk = 1024
\tMemory = 128
...
"""
IMAGE_SIZE = """\
006 (001.{proc:03d}.000) 2026-11-23 03:10:13 Image size of job updated: 20480
\t21  -  MemoryUsage of job (MB)
\t20480  -  ResidentSetSize of job (KB)
...
"""
TERMINATED = """\
005 (001.{proc:03d}.000) 2026-11-23 03:10:14 Job terminated.
\t(1) Normal termination (return value 0)
\t\tUsr 0 00:00:00, Sys 0 00:00:00  -  Run Remote Usage
\t\tUsr 0 00:00:00, Sys 0 00:00:00  -  Run Local Usage
\t\tUsr 0 00:00:00, Sys 0 00:00:00  -  Total Remote Usage
\t\tUsr 0 00:00:00, Sys 0 00:00:00  -  Total Local Usage
\t803  -  Run Bytes Sent By Job
\t77952  -  Run Bytes Received By Job
\t803  -  Total Bytes Sent By Job
\t77952  -  Total Bytes Received By Job
\tPartitionable Resources :    Usage  Request Allocated
\t   Cpus                 :     0.02        1         1
\t   Disk (KB)            :   102        1024    200000
\t   Memory (MB)          :    21         128       128

\tJob terminated of its own accord at 2026-11-23T03:10:14Z with exit-code 0.
...
"""
EVENTS = (SUBMITTED, EXECUTING, IMAGE_SIZE, TERMINATED)


def write_log(path: Path) -> None:
    with path.open("w", encoding="ascii") as log:
        for event in EVENTS:
            log.writelines(event.format(proc=proc) for proc in range(COMPONENTS))


def ours(path: Path) -> None:
    state = MapState([JobTable.of_size(COMPONENTS)])
    fold(state, EventLog(path).read())


def binding(path: Path) -> None:
    log = htcondor2.JobEventLog(str(path))
    for _ in log.events(stop_after=0):
        pass
    log.close()


def seconds(what: Callable[[Path], object], path: Path) -> float:
    """Processor time of one run: on a busy machine it says more than the clock."""
    started = time.process_time()
    what(path)
    return time.process_time() - started


def main() -> None:
    """Measure and print."""
    events = COMPONENTS * len(EVENTS)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "events")
        write_log(path)
        rounds = [(seconds(ours, path), seconds(binding, path)) for _ in range(REPEATS)]
        ours_s, binding_s = (statistics.median(times) for times in zip(*rounds, strict=True))
        ratio = statistics.median(theirs / own for own, theirs in rounds)
        print(f"{events:,} events of {COMPONENTS:,} components, medians of {REPEATS}:")
        print(f"  read and folded by HTMap  {1e6 * ours_s / events:6.2f} us an event")
        print(f"  read by the binding       {1e6 * binding_s / events:6.2f} us an event, {ratio:.1f} x")
        log = EventLog(path)
        fold(MapState([JobTable.of_size(COMPONENTS)]), log.read())
        looks = [seconds(lambda _: [log.has_news() for _ in range(1000)], path) / 1000 for _ in range(REPEATS)]
        print(f"  nothing new               {1e6 * statistics.median(looks):6.2f} us a look")


if __name__ == "__main__":
    main()
