"""The main job: survey the sources of this Python's own standard library, in parallel, as a map.

Every package of the library becomes one component. Its files travel to the job (`htmap.TransferPath`), are parsed
there, and only a few numbers come back. The reduced table is checked against the same survey made serially, here.
"""

from __future__ import annotations

import ast
import collections
import sys
import sysconfig
import time
from pathlib import Path

import htmap

PACKAGES_SHOWN = 12


def survey(files: list[Path]) -> collections.Counter[str]:
    """Count what is in some source files."""
    counts: collections.Counter[str] = collections.Counter(files=len(files))
    for file in files:
        source = file.read_bytes()
        counts["lines"] += source.count(b"\n")
        documented: tuple[type[ast.AST], ...] = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, documented):
                counts["classes" if isinstance(node, ast.ClassDef) else "functions"] += 1
                counts["documented"] += ast.get_docstring(node) is not None
            elif isinstance(node, (ast.If, ast.For, ast.While, ast.ExceptHandler)):
                counts["branches"] += 1
    return counts


def library_packages() -> dict[str, list[Path]]:
    """The source files of the standard library: a list for each package, and one for the single modules."""
    library = Path(sysconfig.get_path("stdlib"))
    packages = collections.defaultdict(list)
    for file in sorted(library.rglob("*.py")):
        place = file.relative_to(library).parts
        if not {"site-packages", "dist-packages", "test", "tests", "lib2to3", "idlelib"} & set(place):
            packages[place[0] if len(place) > 1 else "(modules)"].append(file)
    return dict(packages)


def table(found: dict[str, collections.Counter[str]]) -> str:
    """The largest packages, and the sum of all."""
    rows = sorted(found.items(), key=lambda row: -row[1]["lines"])
    rows = [*rows[:PACKAGES_SHOWN], (f"all {len(rows)}", sum(found.values(), collections.Counter()))]
    columns = ("files", "lines", "classes", "functions", "branches", "documented")
    lines = [f"{'package':<16}" + "".join(f"{column:>12}" for column in columns)]
    lines += [f"{name:<16}" + "".join(f"{counts[column]:>12,}" for column in columns) for name, counts in rows]
    return "\n".join(lines)


def main() -> int:
    """Survey the library twice, compare, and print the table; 0 if both agree."""
    packages = library_packages()
    started = time.monotonic()
    inputs = ([htmap.TransferPath(file) for file in files] for files in packages.values())
    survey_map = htmap.map(survey, inputs)
    survey_map.wait(show_progress_bar=True)
    found = dict(zip(packages, survey_map, strict=True))
    took_s = time.monotonic() - started
    survey_map.remove()

    print(table(found))
    agrees = found == {name: survey(files) for name, files in packages.items()}
    print(f"\n{len(packages)} packages in {took_s:.0f} s. ", end="")
    print("The serial answer agrees." if agrees else "The serial answer DIFFERS.")
    return 0 if agrees else 1


if __name__ == "__main__":
    sys.exit(main())
