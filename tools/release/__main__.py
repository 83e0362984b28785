"""The order of the checks; run by ``dev.py release``, in an environment that has hatchling and twine."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from release import DISTRIBUTIONS, FOLDER, NotReady, artifacts, papers, trial


def main() -> int:
    """Check everything; 0 if this tree can be released."""
    try:
        version = papers.version()
        print(f"HTMap {version}: papers", flush=True)
        papers.check(version)
        _make(version)
        print("In empty environments", flush=True)
        trial.check(FOLDER, version)
    except NotReady as error:
        print(f"NOT READY: {error}", file=sys.stderr)
        return 1
    print(f"HTMap {version} can be released: see RELEASING.md. Its files are in {FOLDER}.")
    return 0


def _make(version: str) -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    print("Wheels and sdists", flush=True)
    artifacts.build(FOLDER)
    for distribution, package in DISTRIBUTIONS.items():
        stem = f"{distribution.replace('-', '_')}-{version}"
        artifacts.check_wheel(FOLDER / f"{stem}-py3-none-any.whl", package, version)
        artifacts.check_sdist(FOLDER / f"{stem}.tar.gz")
    artifacts.check_with_twine([*artifacts.wheels(FOLDER), *artifacts.sdists(FOLDER)])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--wheels"]:
        artifacts.build_wheels(Path(sys.argv[2]).resolve())
    else:
        sys.exit(main())
