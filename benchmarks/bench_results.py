"""A result of 1 GB, beside numpy.save and numpy.load; 10,000 small results, beside unpickling one file."""

from __future__ import annotations

import pickle
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from measuring import (
    Cost,
    cost_in_new_process,
    cost_of_command,
    heading,
    line,
    maps_on,
    median_ratio,
    rounds,
    runner_arguments,
)

import htmap
from htmap.store.mapdir import MapDir

REPEATS = 5
GB = 1_000_000_000
SMALL = 10_000
CHUNKSIZE = 100
TOUCH = 512  # doubles: a page

SAVE = f"import numpy; numpy.save('array.npy', numpy.full({GB // 8}, 1.5))"


def array(_: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.full(GB // 8, 1.5)


def load_array(path: Path) -> None:
    np.load(path)[::TOUCH].sum()


def load_result(folder: Path) -> None:
    htmap.settings["HTMAP_DIR"] = str(folder)
    htmap.load("array")[0][::TOUCH].sum()


def large() -> None:
    with maps_on("local") as folder, tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        htmap.map(array, range(1), tag="array", quiet=True).wait()
        (path,) = (folder / "maps").iterdir()
        run = [sys.executable, "-m", "htmap_exec", *runner_arguments(MapDir(path), scratch)]

        def write() -> Cost:
            (scratch / "outputs").unlink(missing_ok=True)
            return cost_of_command(run, scratch)

        costs = rounds(
            REPEATS,
            save=lambda: cost_of_command([sys.executable, "-c", SAVE], scratch),
            load=lambda: cost_in_new_process(load_array, scratch / "array.npy"),
            write=write,
            read=lambda: cost_in_new_process(load_result, folder),
        )
    for kind in ("wall_s", "processor_s"):
        both = {
            name: [sum(getattr(cost, kind) for cost in pair) for pair in zip(costs[first], costs[second], strict=True)]
            for name, first, second in (("numpy", "save", "load"), ("ours", "write", "read"))
        }
        ratio = median_ratio(both["ours"], both["numpy"])
        how = "by the clock" if kind == "wall_s" else "processor time"
        took = f"{statistics.median(both['ours']):.2f} s, {ratio:.2f} x of numpy.save and numpy.load"
        line(f"a result of 1 GB, {how}", took, "1.5 x", met=ratio <= 1.5)
    for name, side in (("write", "the runner"), ("read", "who reads it")):
        peak = statistics.median(cost.peak_mb for cost in costs[name]) * 2**20 / 1e9
        line(f"a result of 1 GB, peak memory of {side}", f"{peak:.2f} GB", "1.2 GB", met=peak <= 1.2)


def small() -> None:
    with maps_on("local") as folder:
        options = htmap.MapOptions(chunksize=CHUNKSIZE)
        results = list(htmap.map(abs, range(SMALL), options, tag="small", quiet=True))
        path = folder / "results.pickle"
        with path.open("wb") as file:
            file.writelines(pickle.dumps(result) for result in results)

        def unpickle() -> float:
            started = time.process_time()
            with path.open("rb") as file:
                for _ in range(SMALL):
                    pickle.load(file)
            return time.process_time() - started

        def read() -> float:
            started = time.process_time()
            list(htmap.load("small"))
            return time.process_time() - started

        times = rounds(REPEATS, floor=unpickle, ours=read)
    ratio = median_ratio(times["ours"], times["floor"])
    each = 1e6 * statistics.median(times["ours"]) / SMALL
    took = f"{each:.1f} us each, {ratio:.1f} x of unpickling one file"
    line(f"read {SMALL:,} small results of {SMALL // CHUNKSIZE} jobs", took)


def main() -> None:
    """Measure and print."""
    heading(REPEATS)
    large()
    small()


if __name__ == "__main__":
    main()
