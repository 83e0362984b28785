"""Create maps of 10,000 to 1,000,000 components on the pool, beside the floor.

Each is the second map of its HTMAP_DIR, where the first has left the runner. The floor pickles the same calls into one
file, writes an item file, and submits it raw, materialized late. No job of either may start. Then what a refresh costs
that finds nothing new.
"""

from __future__ import annotations

import itertools
import pickle
import statistics
import tempfile
import time
from pathlib import Path

import htcondor2
from measuring import Cost, cost_in_new_process, heading, line, maps_on, median_ratio, rounds

import htmap
from htmap.observe.components import Components
from htmap.store.mapdir import MapDir
from htmap.store.records import MapRecord

SIZES = (10_000, 100_000, 1_000_000)
REPEATS = 5
MAX_IDLE = 1000

RAW = """\
executable = /bin/true
transfer_executable = false
should_transfer_files = YES
requirements = false
log = {folder}/log
max_idle = {max_idle}
queue component,shard from {folder}/items
"""


def create(folder: Path, size: int) -> None:
    htmap.settings["HTMAP_DIR"] = str(folder)
    htmap.settings["BACKEND"] = "htcondor"
    htmap.settings["LATE_MATERIALIZATION.THRESHOLD"] = MAX_IDLE
    htmap.settings["LATE_MATERIALIZATION.MAX_IDLE"] = MAX_IDLE
    htmap.map(abs, range(size), htmap.MapOptions(requirements="false"), quiet=True)


def floor(folder: Path, size: int) -> None:
    with (folder / "calls").open("wb") as calls, (folder / "items").open("w", encoding="ascii") as items:
        for component in range(size):
            calls.write(pickle.dumps(((component,), {}), protocol=5))
            items.write(f"{component},{component // 1000:06d}\n")
    submitted = htcondor2.Schedd().submit(htcondor2.Submit(RAW.format(folder=folder, max_idle=MAX_IDLE)))
    (folder / "cluster").write_text(f"ClusterId == {submitted.cluster()}", encoding="ascii")


def of_size(size: int) -> dict[str, list[Cost]]:
    def ours() -> Cost:
        with maps_on("htcondor") as folder:
            create(folder, 1)
            return cost_in_new_process(create, folder, size)

    def raw() -> Cost:
        # The schedd may still write the log there.
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
            cost = cost_in_new_process(floor, Path(name), size)
            htcondor2.Schedd().act(htcondor2.JobAction.Remove, Path(name, "cluster").read_text(encoding="ascii"))
            return cost

    return rounds(REPEATS, ours=ours, floor=raw)


def refresh(size: int) -> float:
    """Microseconds of a refresh that finds nothing new."""
    with maps_on("htcondor") as folder:
        create(folder, size)
        (path,) = (folder / "maps").iterdir()
        components = Components(MapDir(path), MapRecord.load(MapDir(path).map))
        while components.refresh():
            time.sleep(2)  # until the schedd has written all it will
        times = []
        for _ in range(1000):
            started = time.process_time()
            components.refresh()
            times.append(time.process_time() - started)
    return 1e6 * statistics.median(times)


def main() -> None:
    """Measure and print."""
    heading(REPEATS)
    per_component = {}
    for size in SIZES:
        costs = of_size(size)
        ours, theirs = ([cost.processor_s for cost in costs[name]] for name in ("ours", "floor"))
        wall = statistics.median(cost.wall_s for cost in costs["ours"])
        peak = statistics.median(cost.peak_mb for cost in costs["ours"])
        ratio = median_ratio(ours, theirs)
        per_component[size] = statistics.median(ours) / size
        what = f"create {size:,} components"
        took = f"{statistics.median(ours):.2f} s, {ratio:.2f} x of the floor"
        line(f"{what}, processor time", took, "3 x", met=ratio <= 3)
        line(f"{what}, by the clock", f"{wall:.2f} s")
        line(f"{what}, peak memory", f"{peak:.0f} MB", "300 MB", met=peak < 300)
    for small, large in itertools.pairwise(SIZES):
        growth = per_component[large] / per_component[small]
        line(f"from {small:,} to {large:,}", f"{growth:.2f} x of proportional", "1.3 x", met=growth <= 1.3)
    news = refresh(100_000)
    line("refresh of 100,000 components, nothing new", f"{news:.0f} us", "100 us", met=news < 100)


if __name__ == "__main__":
    main()
