"""Docker: Debian's programs, and a daemon of our own for the time of a test run.

In: root's rights, for the daemon alone. Out: the address of its socket, which one group may use. On the other side:
dockerd, owned by a guard process (`testbed.guard`), in one folder and in a mount namespace of its own: when it has
ended, so have its containers, its mounts and its images. It makes no network and touches no packet filter.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from testbed import cache, debian, guard
from testbed.debian import TestbedError

_SUITE = "trixie"
_PROGRAMS = ("docker.io", "docker-cli", "containerd", "runc", "tini")

# Change this when what lies in the prefix changes, so that an old one is made again.
_RECIPE = 1

_START_TIMEOUT_S = 60.0


def prefix() -> Path:
    """Where docker's programs lie, in ``bin`` and ``sbin``."""
    return cache.made_once(f"docker-{_SUITE}-{_RECIPE}", _fill)


def _fill(now: Path, final: Path) -> None:
    debian.install(now, final, _SUITE, _PROGRAMS[:2], lambda name: name in _PROGRAMS or name.startswith("lib"))


def works(program: str) -> bool:
    """Whether this user may use the docker of this machine."""
    asked = subprocess.run([program, "info"], stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60)
    return asked.returncode == 0


@contextlib.contextmanager
def running(group: int) -> Iterator[str]:
    """A daemon for the time of a ``with`` block, or of this process if that is shorter.

    Parameters
    ----------
    group
        Who may use it, besides root.

    Returns
    -------
    Iterator of str
        Gives the value for DOCKER_HOST.
    """
    folder = _new_folder()
    socket = folder / "docker.sock"
    folder.chmod(0o711)
    found = prefix()
    guard.start(folder, _command(found, folder, socket, group), path=f"{found}/bin:{found}/sbin:{os.defpath}")
    try:
        _wait_until_ready(found, folder, socket)
        yield f"unix://{socket}"
    finally:
        guard.stop(folder)


def _command(found: Path, folder: Path, socket: Path, group: int) -> Sequence[str]:
    # Its mounts are in a namespace of its own, and vanish with the last of its processes.
    unshare = shutil.which("unshare")
    if unshare is None:
        raise TestbedError("unshare (util-linux) is missing, so docker cannot be started.")
    places = {"data-root": folder / "data", "exec-root": folder / "exec", "pidfile": folder / "dockerd.pid"}
    options = [f"--{name}={place}" for name, place in places.items()]
    options += [f"--host=unix://{socket}", f"--group={group}", "--bridge=none", "--iptables=false", "--ip6tables=false"]
    return [unshare, "--mount", "--", str(found / "sbin/dockerd"), f"--config-file={os.devnull}", *options]


def _new_folder() -> Path:
    # Not below /tmp, which may be in memory; and short, for the names of sockets.
    daemons = cache.cache_folder() / "dockerd"
    daemons.mkdir(exist_ok=True)
    guard.sweep(daemons)
    return Path(tempfile.mkdtemp(prefix="", dir=daemons))


def _wait_until_ready(found: Path, folder: Path, socket: Path) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while not _answers(found, socket):
        if guard.pid_of(folder) is None or time.monotonic() > deadline:
            raise TestbedError(f"Docker did not start. Its log ends with:\n{guard.log_tail(folder)}")
        time.sleep(0.1)


def _answers(found: Path, socket: Path) -> bool:
    command: list[str | Path] = [found / "bin/docker", f"--host=unix://{socket}", "version"]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0
