"""A newcomer who has nothing but the wheels: installs them, takes the first steps, meets the first error.

In: a folder with wheels. Out: nothing, or what went wrong. On the other side: pip and the package index for what we
depend on; the local backend.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from release import DISTRIBUTIONS, ROOT, NotReady

LIMIT_S = 60.0
"""How long somebody may wait, in all, from the first map to the first report; without what pip takes."""

_FIRST = """\
import htmap


def double(x):
    return 2 * x


doubled = htmap.map(double, range(10), tag="doubled")
print(list(doubled))
"""

_ERROR = """\
import htmap


def divide(x):
    return 1 / x


divided = htmap.map(divide, range(3), tag="divided")
divided.wait(errors_ok=True)
print(divided.get_err(0).report())
"""


def check(folder: Path, version: str) -> None:
    """Raise `NotReady` if something does not work in empty environments, outside of the tree."""
    with tempfile.TemporaryDirectory(prefix="htmap-release-") as place:
        wheels: list[str] = []
        for distribution in DISTRIBUTIONS:
            # Those that it needs came before. By their paths: the index may have others of that version.
            wheels += map(str, folder.glob(f"{distribution.replace('-', '_')}-{version}-*.whl"))
            newcomer = Newcomer(Path(place, distribution))
            newcomer.run("python", "-m", "pip", "install", "--quiet", *wheels)
            newcomer.run("python", "-m", "pip", "check")
            _TRIALS[distribution](newcomer)


class Newcomer:
    """Somebody with a home of his own, and nothing else."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._environment = home / "env"
        home.mkdir()
        subprocess.run([sys.executable, "-m", "venv", str(self._environment)], check=True)

    def run(self, program: str, *arguments: str) -> str:
        """Run a program of the environment; what it prints."""
        kept = {name: text for name, text in os.environ.items() if _is_about_network(name)}
        ended = subprocess.run(
            [str(self._environment / "bin" / program), *arguments],
            cwd=self._home,
            env={
                **kept,
                "HOME": str(self._home),
                "PATH": f"{self._environment / 'bin'}{os.pathsep}{os.defpath}",
                "LANG": "C.UTF-8",
                "HTMAP_BACKEND": "local",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        said = ended.stdout + ended.stderr
        if ended.returncode != 0:
            raise NotReady(f"{program} {' '.join(arguments)} ended with {ended.returncode}:\n{said}")
        if str(ROOT) in said:
            raise NotReady(
                f"{program} {' '.join(arguments)} has to do with {ROOT}, not with what was installed:\n{said}"
            )
        return said

    def expect(self, words: str, program: str, *arguments: str) -> None:
        """Run a program that must say something."""
        said = self.run(program, *arguments)
        if words not in said:
            raise NotReady(f"{program} {' '.join(arguments)} does not say {words!r}:\n{said}")

    def save(self, name: str, text: str) -> str:
        """Write a file into the home; its name."""
        (self._home / name).write_text(text, encoding="utf-8")
        return name


def _is_about_network(variable: str) -> bool:
    return "proxy" in variable.casefold() or variable.startswith("PIP_")


def _try_common(newcomer: Newcomer) -> None:
    newcomer.expect("TransferPath", "python", "-c", "import htmap_common; print(htmap_common.TransferPath)")


def _try_exec(newcomer: Newcomer) -> None:
    newcomer.run("htmap-exec", "--self-test")


def _try_submit(newcomer: Newcomer) -> None:
    began = time.monotonic()
    newcomer.expect("[0, 2, 4, 6, 8, 10, 12, 14, 16, 18]", "python", newcomer.save("first.py", _FIRST))
    newcomer.expect("doubled", "htmap", "status")
    newcomer.expect("ZeroDivisionError: division by zero", "python", newcomer.save("error.py", _ERROR))
    newcomer.expect("ZeroDivisionError", "htmap", "errors", "divided")
    newcomer.expect("Removed doubled", "htmap", "remove", "--all", "--force")
    took_s = time.monotonic() - began
    print(f"From the first map to the first report: {took_s:.0f} s.")
    if took_s > LIMIT_S:
        raise NotReady(
            f"A newcomer waits {took_s:.0f} s from the first map to the first report, more than {LIMIT_S:.0f}."
        )


_TRIALS = {"htmap-common": _try_common, "htmap-exec": _try_exec, "htmap-submit": _try_submit}
