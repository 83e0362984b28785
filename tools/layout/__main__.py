"""``python -m layout [TREE]``: see the package."""

from __future__ import annotations

import argparse
from pathlib import Path

from layout import floors, round_trip


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="layout", description="How the code of HTMap is laid out.")
    parser.add_argument("tree", nargs="?", type=Path, default=Path(__file__).parents[2], help="a checkout")
    parser.add_argument("--files", action="store_true", help="name the files, too")
    options = parser.parse_args()
    graph = floors.import_graph(options.tree)
    for package in (*floors.PACKAGES, None):
        built = floors.height(graph, package)
        print(f"{package or 'all three':20} {built.modules:4} modules on {built.floors:3} floors")
        for circle in built.circles:
            print(f"    a circle: {', '.join(circle)}")
    trip = round_trip.make(options.tree)
    for side, files in trip.entered.items():
        print(f"{side:20} {len(files):4} files entered by one component")
        if options.files:
            print(*(f"    {file}" for file in sorted(files)), sep="\n")
    print(f"{'all sides':20} {len(trip.files):4} files entered")
    print(f"{'between files':20} {len(trip.moves):4} moves, through {len(trip.doors)} doors")


if __name__ == "__main__":
    main()
