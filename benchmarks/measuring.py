"""What the benchmarks share: a place for maps, processes that are measured, lines of the table.

In: what to run. Out: its time and peak memory, lines of text. On the other side: Linux, which keeps the figures.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import htmap
from htmap.store.mapdir import MapDir


@dataclass(frozen=True, slots=True)
class Cost:
    """What something took."""

    wall_s: float
    processor_s: float
    peak_mb: float


@contextlib.contextmanager
def maps_on(backend: str) -> Iterator[Path]:
    """An empty HTMAP_DIR on a backend, which is removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="htmap-"))
    htmap.settings.replace(htmap.settings.from_settings(htmap.BASE_SETTINGS))
    htmap.settings["HTMAP_DIR"] = str(folder)
    htmap.settings["BACKEND"] = backend
    try:
        yield folder
    finally:
        htmap.clean(all=True)
        shutil.rmtree(folder, ignore_errors=True)


def cost_in_new_process(function: Callable[..., Any], *arguments: Any) -> Cost:
    """Call a function in a process of its own, which has nothing in its memory yet; start and imports do not count."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(_cost, function, arguments).result()


def _cost(function: Callable[..., Any], arguments: Sequence[Any]) -> Cost:
    wall, processor = time.perf_counter(), time.process_time()
    function(*arguments)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    # Not ru_maxrss, which a process inherits from the one that started it.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return Cost(wall, processor, int(status.partition("VmHWM:")[2].split()[0]) / 1024)


def cost_of_command(command: Sequence[str | Path], cwd: Path) -> Cost:
    """Run a command whose exit code must be 0; with its own children."""
    started = time.perf_counter()
    with subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{command} ended with {process.returncode}")
    return Cost(time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def runner_arguments(map_dir: MapDir, scratch: Path) -> list[str]:
    """Lay out the scratch directory of a job of the first component; the arguments of its runner."""
    for path in (map_dir.function, map_dir.shard(0)):
        shutil.copy(path, scratch)
    inputs = map_dir.shard(0).name
    return ["run", "--function", "function", "--components", "0", "--inputs", inputs, "--outputs", "outputs"]


def seconds(what: Callable[[], object]) -> float:
    """Wall time of a call."""
    started = time.perf_counter()
    what()
    return time.perf_counter() - started


def rounds(count: int, **each: Callable[[], Any]) -> dict[str, list[Any]]:
    """Call all of them in turn, so that what else the machine does meets each alike."""
    results: dict[str, list[Any]] = {name: [] for name in each}
    for _ in range(count):
        for name, call in each.items():
            results[name].append(call())
    return results


def median_ratio(ours: Sequence[float], floor: Sequence[float]) -> float:
    """The median of the ratios of the rounds."""
    return statistics.median(own / other for own, other in zip(ours, floor, strict=True))


def line(what: str, measured: str, aim: str = "", *, met: bool | None = None) -> None:
    """Print a line of the table in README.md."""
    verdict = "" if met is None else "met" if met else "not met"
    print(f"| {what} | {measured} | {aim} | {verdict} |", flush=True)


def heading(repeats: int) -> None:
    """Print how it was measured, and the head of the table."""
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"{os.cpu_count()} cores, load average {load}; medians of {repeats} alternating rounds\n")
    print("| what | measured | aim | |\n| --- | --- | --- | --- |", flush=True)
