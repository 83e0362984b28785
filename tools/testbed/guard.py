"""The process that owns a personal pool, and ends it whatever happens.

    who asked (pytest, dev.py) <--pidfd-- guard --child--> condor_master --> daemons --> jobs

In: the folder of a pool, the pid of who asked (0: nobody, the pool is kept until it is stopped).
Out: the guard's pid in the file ``guard`` of the folder; condor_master, running as long as who asked lives; then no
process of the pool, and no folder.
The other side may be killed at any moment: the guard watches it, orphans of the pool become the guard's children,
and if the guard itself is killed the kernel tells condor_master.
"""

from __future__ import annotations

import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_GRACE_S = 10.0


def main(arguments: list[str]) -> int:
    """``guard.py FOLDER MASTER OWNER``: leave a guard behind, which runs condor_master in FOLDER while OWNER lives."""
    folder, master, owner = Path(arguments[0]), arguments[1], int(arguments[2])
    guard = os.fork()
    if guard:
        (folder / "guard").write_text(str(guard))
    else:
        os.setsid()
        _guard(folder, master, owner)
    return 0


def _guard(folder: Path, master: str, owner: int) -> None:
    wakeup, bell = os.pipe()
    os.set_blocking(bell, False)
    signal.set_wakeup_fd(bell)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    with (folder / "master.out").open("w") as out:
        child = subprocess.Popen(
            [master, "-f"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=folder,
            preexec_fn=lambda: _prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT),  # noqa: PLW1509 - there is one thread here
        )
    try:
        _wait_for_the_end(child, owner, wakeup)
    finally:
        _end(child)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for_the_end(child: subprocess.Popen[bytes], owner: int, wakeup: int) -> None:
    watched = [wakeup]
    if owner:
        try:
            watched.append(os.pidfd_open(owner))
        except ProcessLookupError:
            return
    while True:
        ready, _, _ = select.select(watched, [], [])
        signals = os.read(wakeup, 64) if wakeup in ready else b""
        if any(fd != wakeup for fd in ready) or signals.strip(bytes([signal.SIGCHLD])) or child.poll() is not None:
            return


def _end(child: subprocess.Popen[bytes]) -> None:
    """End condor_master fast but in order, then whatever is left of its descendants."""
    if child.poll() is None:
        child.send_signal(signal.SIGQUIT)
        try:
            child.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            child.kill()
    deadline = time.monotonic() + _GRACE_S
    while left := descendants(os.getpid()):
        for pid in left:
            _kill(pid)
        _reap()
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue
    except ChildProcessError:
        return


def descendants(ancestor: int) -> list[int]:
    """Pids of all processes below `ancestor` that have not ended."""
    parents = dict(_living())
    found: list[int] = []
    generation = {ancestor}
    while generation:
        generation = {pid for pid, parent in parents.items() if parent in generation}
        found.extend(generation)
    return found


def _living() -> list[tuple[int, int]]:
    pairs = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text(errors="replace")
            except (FileNotFoundError, ProcessLookupError):
                continue
            # "pid (name) state parent ...", and the name may hold anything, also ")".
            state, parent = stat.rpartition(")")[2].split()[:2]
            if state != "Z":
                pairs.append((int(entry.name), int(parent)))
    return pairs


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
