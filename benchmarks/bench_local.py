"""Run 10,000 calls of 1 ms of processor time on the local backend, beside ProcessPoolExecutor and joblib; by the clock.

Two maps in a new HTMAP_DIR each round: the first starts the supervisor and has to try how long a call takes, the second
knows it. Then 200 calls, one a job, beside as many interpreters that import cloudpickle, and do nothing.
"""

from __future__ import annotations

import functools
import os
import statistics
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import joblib
from measuring import heading, line, maps_on, median_ratio, rounds, seconds

import htmap

CALLS = 10_000
JOBS = 200
REPEATS = 5
CHUNKSIZES = (25, 100, 500)
CORES = os.cpu_count()


def spin(number: int) -> int:
    end = time.process_time() + 0.001
    while time.process_time() < end:
        pass
    return number


def mapped() -> tuple[float, float]:
    def once() -> None:
        list(htmap.map(spin, range(CALLS), htmap.MapOptions(chunksize="auto"), quiet=True))

    with maps_on("local"):
        return seconds(once), seconds(once)


def executor() -> float:
    """The best of some chunksizes."""

    def once(chunksize: int) -> None:
        with ProcessPoolExecutor(CORES) as processes:
            list(processes.map(spin, range(CALLS), chunksize=chunksize))

    return min(seconds(functools.partial(once, chunksize)) for chunksize in CHUNKSIZES)


def with_joblib() -> None:
    joblib.Parallel(n_jobs=CORES)(joblib.delayed(spin)(number) for number in range(CALLS))


def one_a_job() -> float:
    with maps_on("local"):
        return seconds(lambda: list(htmap.map(abs, range(JOBS), quiet=True)))


def interpreters() -> None:
    def start(_: int) -> None:
        subprocess.run([sys.executable, "-c", "import cloudpickle"], check=True)

    with ThreadPoolExecutor(CORES) as threads:
        list(threads.map(start, range(JOBS)))


def main() -> None:
    """Measure and print."""
    heading(REPEATS)
    times = rounds(REPEATS, ours=mapped, executor=executor, joblib=lambda: seconds(with_joblib))
    first, again = zip(*times["ours"], strict=True)
    line(f"{CALLS:,} calls of 1 ms, ProcessPoolExecutor", f"{statistics.median(times['executor']):.1f} s")
    for what, own in (("the first map", first), ("the next", again)):
        ratio = median_ratio(own, times["executor"])
        of_joblib = median_ratio(own, times["joblib"])
        took = f"{statistics.median(own):.1f} s, {ratio:.2f} x of the executor, {of_joblib:.2f} x of joblib"
        line(f"... local backend, chunksize auto, {what}", took, "2 x", met=ratio <= 2)
    times = rounds(REPEATS, ours=one_a_job, floor=lambda: seconds(interpreters))
    line(f"{JOBS} times import cloudpickle", f"{statistics.median(times['floor']):.1f} s")
    ratio = median_ratio(times["ours"], times["floor"])
    line(f"{JOBS} calls, one a job", f"{statistics.median(times['ours']):.1f} s, {ratio:.2f} x of that")


if __name__ == "__main__":
    main()
