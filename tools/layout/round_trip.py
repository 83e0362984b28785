"""Which files one component goes through, there and back.

In: a checkout. Out: the files that the submit side, the local queue and the runner enter, and the moves between them.
On the other side: `layout.probe`, in each process of a map of one component on the local backend.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from layout import probe

_TIMEOUT_S = 120

_SCRIPT = """
import os, pathlib, sys
import htmap

def double(x):
    return 2 * x

pathlib.Path(sys.argv[1], "submit-side").write_text(str(os.getpid()))
darts = htmap.map(double, [21], quiet=True)
assert darts.get(0, timeout=100) == 42
sys.setprofile(None)  # what follows only tidies up
darts.remove()
"""


@dataclass(frozen=True)
class RoundTrip:
    """What was gone through.

    Parameters
    ----------
    entered
        The files of each side.
    moves
        Calls from one file to another, as pairs of files. How many there are depends a little on how long it took: who
        waits looks again and again.
    """

    entered: dict[str, set[str]]
    moves: list[tuple[str, str]]

    @property
    def files(self) -> set[str]:
        """All files."""
        return set().union(*self.entered.values())

    @property
    def doors(self) -> set[tuple[str, str]]:
        """Pairs of files, one of which calls the other."""
        return set(self.moves)


def make(tree: Path) -> RoundTrip:
    """Make a round trip with the code of a checkout."""
    with tempfile.TemporaryDirectory(prefix="htmap-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        notes = folder / "notes"
        notes.mkdir()
        python = _environment(folder / "env", tree, notes)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HTMAP_", "PYTHON"))}
        ours = {"HOME": name, "HTMAP_DIR": f"{name}/maps", "HTMAP_BACKEND": "local"}
        script = folder / "script.py"
        script.write_text(_SCRIPT)
        subprocess.run([python, script, notes], env=kept | ours, check=True, timeout=_TIMEOUT_S)
        submit_side = (notes / "submit-side").read_text()
        moves = {path.name: _moves(path) for path in notes.iterdir() if path.name.isdigit()}
    return _told(moves.pop(submit_side), [move for of_process in moves.values() for move in of_process])


def _environment(folder: Path, tree: Path, notes: Path) -> Path:
    """An interpreter that has HTMap from the tree, the rest from the environment of this one, and the probe."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (packages,) = folder.glob("lib/python3*/site-packages")
    source = Path(probe.__file__).read_text(encoding="utf-8").replace('FOLDER = ""', f"FOLDER = {str(notes)!r}")
    (packages / "_htmap_probe.py").write_text(source, encoding="utf-8")
    sources = sorted(map(str, tree.glob("packages/*/src")))
    (packages / "measured.pth").write_text(
        "\n".join([*sources, sysconfig.get_path("purelib"), "import _htmap_probe", ""])
    )
    return folder / "bin/python"


def _moves(path: Path) -> list[tuple[str, str]]:
    lines = (line.split() for line in path.read_text().splitlines())
    return [(caller, entered) for caller, entered in lines]


def _told(submit_side: Iterable[tuple[str, str]], others: Iterable[tuple[str, str]]) -> RoundTrip:
    submit_side, others = list(submit_side), list(others)
    elsewhere = {entered for _, entered in others}
    entered = {
        "submit side": {entered for _, entered in submit_side},
        "local queue": {file for file in elsewhere if file.startswith("htmap/")},
        "runner": {file for file in elsewhere if not file.startswith("htmap/")},
    }
    return RoundTrip(entered, [move for move in [*submit_side, *others] if move[0] != "-"])
