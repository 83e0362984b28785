"""Start the runner for one component, beside an interpreter that imports cloudpickle: installed, and as the zip."""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from measuring import Cost, cost_of_command, heading, line, maps_on, median_ratio, rounds, runner_arguments

import htmap
from htmap.delivery import bundle, runners
from htmap.store.mapdir import MapDir

REPEATS = 15


def main() -> None:
    """Measure and print."""
    heading(REPEATS)
    with maps_on("local") as folder, tempfile.TemporaryDirectory() as scratch:
        list(htmap.map(abs, range(1), quiet=True))
        (path,) = (folder / "maps").iterdir()
        map_dir = MapDir(path)
        archive = Path(scratch, "runner.pyz")
        archive.write_bytes(runners.content(bundle.HEAD))
        arguments = runner_arguments(map_dir, Path(scratch))

        def start(*runner: str | Path) -> Cost:
            Path(scratch, "outputs").unlink(missing_ok=True)
            return cost_of_command([sys.executable, *runner, *arguments], Path(scratch))

        costs = rounds(
            REPEATS,
            floor=lambda: cost_of_command([sys.executable, "-c", "import cloudpickle"], Path(scratch)),
            installed=lambda: start("-m", "htmap_exec"),
            zip=lambda: start(archive),
        )
    times = {name: [cost.processor_s for cost in each] for name, each in costs.items()}
    line('python -c "import cloudpickle"', f"{1e3 * statistics.median(times['floor']):.0f} ms")
    for name, what in (("installed", "runner, installed"), ("zip", "runner, the zip")):
        ratio = median_ratio(times[name], times["floor"])
        took = f"{1e3 * statistics.median(times[name]):.0f} ms, {ratio:.2f} x"
        line(f"{what}, one component", took, "1.3 x", met=ratio <= 1.3)


if __name__ == "__main__":
    main()
