"""Start the supervisor, and make sure that there is one only.

In: the directory of the local backend. Out: a process, or nothing if one is alive. On the other side: ``supervisor``.

Whoever finds the lock free keeps it and hands it to the process that it starts: from the first look until the
supervisor ends, and however it ends, the lock is held by exactly one. The kernel gives it up when the process is gone.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
from pathlib import Path

from htmap.exceptions import BackendNotAvailable

LOCK_NAME = "supervisor.lock"
LOG_NAME = "supervisor.log"
_LARGEST_LOG = 1_000_000

# The same as python -m htmap.backend.local.supervisor, wherever this process has found htmap. Its own places come last:
# they may hold modules that are named like those of the standard library.
_PROGRAM = (
    "import os, sys; sys.path += sys.argv.pop().split(os.pathsep); "
    "from htmap.backend.local.supervisor import main; main()"
)


def take_lock(home: Path) -> int | None:
    """The lock of the supervisor as an open file descriptor. None: somebody has it."""
    lock = os.open(home / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def ensure_supervisor(home: Path) -> None:
    """Start a supervisor unless one is alive.

    Raises
    ------
    BackendNotAvailable
        It cannot be started.
    """
    lock = take_lock(home)
    if lock is None:
        return
    try:
        _start(home, lock)
    except (OSError, subprocess.SubprocessError) as error:
        raise BackendNotAvailable(f"The process that runs local jobs cannot be started: {error}.") from error
    finally:
        os.close(lock)  # the supervisor has its own


def _start(home: Path, lock: int) -> None:
    import_path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)  # noqa: PTH100 - may be a zip, or ""
    command = [sys.executable, "-c", _PROGRAM, str(home), "--lock", str(lock), import_path]
    log = home / LOG_NAME
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > _LARGEST_LOG:
            log.replace(log.with_suffix(".log.old"))
    with log.open("ab") as stderr:
        subprocess.run(
            # The shell leaves at once, so the supervisor is nobody's child here and nobody has to wait for it.
            ["/bin/sh", "-c", '"$@" &', "sh", *command],
            check=True,
            cwd=home,  # python -c looks for modules there first
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=stderr,
            stderr=stderr,
            pass_fds=(lock,),
            start_new_session=True,
        )


def _environment() -> dict[str, str]:
    """The environment of the supervisor; jobs get none of it."""
    # A job may use htmap too. The supervisor that it starts is no process of that job.
    return {name: value for name, value in os.environ.items() if not name.startswith("_CONDOR_")}
