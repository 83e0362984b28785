"""A place where ``htmap`` runs as users run it: in processes of its own, with a home and an HTMAP_DIR of its own."""

from __future__ import annotations

import contextlib
import os
import pty
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

TIMEOUT_S = 60

# What a user would have written. Lines are counted by tests.
SCRIPT = """\
import sys, time
from pathlib import Path
import htmap


def double(x):
    print(f"doubling {x}")
    print(f"not to be piped: {x}", file=sys.stderr)
    return 2 * x


def fail(x):
    if x % 2:
        raise ValueError(f"x is {x}")
    return 1 / x if x > 2 else {}["missing"]


def wait_for(path):
    print("waiting", flush=True)
    while not Path(path).exists():
        time.sleep(0.02)
    print("done")


def lines_of(path):
    assert type(path) is type(Path())
    return [*path.read_text().splitlines(), *Path("sent.txt").read_text().splitlines()]


"""


# As ``python -m htmap`` does; but whoever runs these tests (pytest-xdist, a shell in the background) may be deaf to
# Ctrl-C, and processes inherit that. A file tells when the command is at work, by the first file of a map that it
# opens: before that Ctrl-C is Python's business, and there is no other moment that can be seen from outside.
LAUNCHER = """\
import os, pathlib, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)

def tell(event, arguments):
    if event == "open" and str(arguments[0]).startswith(os.environ["HTMAP_DIR"]):
        pathlib.Path(os.environ["READY"]).touch()

if "READY" in os.environ:
    sys.addaudithook(tell)
from htmap.cli.app import main
sys.exit(main())
"""


@dataclass(frozen=True)
class Ran:
    """How a command went."""

    code: int
    out: str
    err: str


class Place:
    """A home and an HTMAP_DIR on the local backend."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.htmap_dir = folder / "htmap"
        self.home.mkdir()
        foreign = ("HTMAP_", "_HTMAP_", "CONDOR_", "NO_COLOR", "COLUMNS")
        self.environment = {name: text for name, text in os.environ.items() if not name.startswith(foreign)} | {
            "HOME": str(self.home),
            "HTMAP_DIR": str(self.htmap_dir),
            "HTMAP_BACKEND": "local",
            "HTMAP_LOCAL__SLOTS": "2",
            "HTMAP_WAIT_TIME": "0.05",
        }

    def python(self, code: str) -> str:
        """Run a user's script; what it prints."""
        script = self.folder / "work.py"
        script.write_text(SCRIPT + code)
        return subprocess.run(
            [sys.executable, script],
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=TIMEOUT_S,
        ).stdout

    @contextlib.contextmanager
    def start(self, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
        """Start ``htmap``, for the time of a ``with`` block."""
        with subprocess.Popen(
            [sys.executable, "-c", LAUNCHER, *arguments],
            env={**self.environment, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def run(self, *arguments: str, stdin: str = "", **environment: str) -> Ran:
        """Run ``htmap``, as from a pipe."""
        with self.start(*arguments, **environment) as process:
            out, err = process.communicate(stdin, timeout=TIMEOUT_S)
            process.wait()
        assert "Traceback" not in err or arguments[0] == "debug", err
        return Ran(process.returncode, out, err)

    def htmap(self, *arguments: str, stdin: str = "", **environment: str) -> str:
        """What ``htmap`` prints when all goes well."""
        ran = self.run(*arguments, stdin=stdin, **environment)
        assert ran.code == 0, ran
        return ran.out

    def in_terminal(self, *arguments: str, typed: str = "", **environment: str) -> str:
        """What ``htmap`` draws to a terminal, at which somebody types."""
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            [sys.executable, "-m", "htmap", *arguments],
            env={**self.environment, "TERM": "xterm-256color", "COLUMNS": "100", **environment},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        ) as process:
            os.close(theirs)
            os.write(ours, typed.encode())
            drawn = b""
            # Linux says EIO when the other end of a terminal is closed.
            with contextlib.suppress(OSError):
                while some := os.read(ours, 4096):
                    drawn += some
            process.wait(TIMEOUT_S)
        os.close(ours)
        return drawn.decode()

    def supervisors(self) -> list[psutil.Process]:
        """The processes that run the local queue here."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if str(self.htmap_dir / "local") in process.cmdline():
                    found.append(process)
        return found


@contextlib.contextmanager
def made() -> Iterator[Place]:
    """A place; what runs in it is ended, and it is removed."""
    folder = Path(tempfile.mkdtemp(prefix="htmap-"))
    place = Place(folder)
    try:
        yield place
    finally:
        place.run("clean", "--all")
        for supervisor in place.supervisors():
            with contextlib.suppress(psutil.Error):
                supervisor.kill()
                supervisor.wait(TIMEOUT_S)
        shutil.rmtree(folder)


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something to come true."""
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.02)
