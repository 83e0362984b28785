"""Run it: python tools/mutations [COUNT] [--api COUNT] [--seed SEED]; an interpreter that has HTMap."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mutations.run import Run


def main() -> int:
    """Count; 0 if every reader bore everything."""
    parser = argparse.ArgumentParser(prog="python tools/mutations", description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=1_000_000, help="mutations for the readers of files")
    parser.add_argument("--api", type=int, default=2000, help="mutations for the public API")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="htmap-mutations-") as folder:
        run = Run(Path(folder), arguments.seed)
        run.read(arguments.count)
        run.look(arguments.api)
    print(run.summary())
    return 0 if run.is_good() else 1


if __name__ == "__main__":
    sys.exit(main())
