"""The process that owns a daemon (a personal pool, a docker), and ends it whatever happens.

    who asked (pytest, dev.py) <--pidfd-- guard --child--> condor_master, dockerd --> daemons --> jobs

In: the folder of the daemon, the pid of who asked (0: nobody, it is kept until it is stopped), its command.
Out: the guard's pid in the file ``guard`` of the folder, and what the daemon prints in ``out``; the daemon, running as
long as who asked lives; then no process below it, and no folder.
The other side may be killed at any moment: the guard watches it, orphans of the daemon become the guard's children,
and if the guard itself is killed the kernel tells the daemon.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_GRACE_S = 10.0
_STOP_TIMEOUT_S = 30.0


def start(
    folder: Path,
    command: Sequence[str | Path],
    *,
    owner: int | None = None,
    end: signal.Signals = signal.SIGTERM,
    **environment: str,
) -> int:
    """Leave a guard behind, which runs a command in `folder`; its pid.

    Parameters
    ----------
    owner
        Pid of the process with which it all ends; None: this one; 0: it is kept.
    end
        The signal by which the daemon ends fast but in order.
    environment
        Variables of the daemon, besides those of this user's; ``path`` is PATH.
    """
    kept = ("HOME", "LANG", "LC_ALL", "TZ", "USER", "LOGNAME")
    variables = {name: os.environ[name] for name in kept if name in os.environ}
    variables |= {"PATH": os.defpath, **{name.upper(): value for name, value in environment.items()}}
    subprocess.run(
        [sys.executable, "-I", __file__, folder, str(os.getpid() if owner is None else owner), str(int(end)), *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env=variables,
        check=True,
    )
    return int((folder / "guard").read_text())


def stop(folder: Path) -> None:
    """End what runs in `folder`, and remove it."""
    guard = pid_of(folder)
    if guard is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(guard, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_TIMEOUT_S
    while pid_of(folder) is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    shutil.rmtree(folder, ignore_errors=True)


def pid_of(folder: Path) -> int | None:
    """Pid of the guard of `folder` if it lives, and no other process has got its pid since."""
    try:
        pid = int((folder / "guard").read_text())
        command = Path("/proc", str(pid), "cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return None
    return pid if os.fsencode(folder) in command else None


def sweep(parent: Path) -> None:
    """Remove the folders below `parent` whose guard was killed before it could."""
    for marker in parent.glob("*/guard"):
        if pid_of(marker.parent) is None:
            shutil.rmtree(marker.parent, ignore_errors=True)


def log_tail(folder: Path) -> str:
    """The last lines that the daemon has printed."""
    try:
        return "\n".join((folder / "out").read_text(errors="replace").splitlines()[-15:])
    except FileNotFoundError:
        return "(nothing was printed)"


def main(arguments: list[str]) -> int:
    """``guard.py FOLDER OWNER SIGNAL COMMAND...``: see `start`."""
    folder, owner, end = Path(arguments[0]), int(arguments[1]), signal.Signals(int(arguments[2]))
    guard = os.fork()
    if guard:
        (folder / "guard").write_text(str(guard))
    else:
        os.setsid()
        _guard(folder, owner, end, arguments[3:])
    return 0


def _guard(folder: Path, owner: int, end: signal.Signals, command: list[str]) -> None:
    wakeup, bell = os.pipe()
    os.set_blocking(bell, False)
    signal.set_wakeup_fd(bell)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    with (folder / "out").open("w") as out:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=folder,
            preexec_fn=lambda: _prctl(_PR_SET_PDEATHSIG, end),  # noqa: PLW1509 - there is one thread here
        )
    try:
        _wait_for_the_end(child, owner, wakeup)
    finally:
        _end(child, end)
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


def _end(child: subprocess.Popen[bytes], by: signal.Signals) -> None:
    """End the daemon in order, then whatever is left of its descendants."""
    if child.poll() is None:
        child.send_signal(by)
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
