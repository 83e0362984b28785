"""A personal HTCondor pool: small, fast, on the loopback interface, in one folder.

In: an HTCondor (`testbed.condor`). Out: a `Pool`, whose ``config`` is what CONDOR_CONFIG must name.
On the other side: the daemons, owned by a guard process (`testbed.guard`).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from testbed import cache, condor, configuration, guard, node_python, runtimes
from testbed.debian import TestbedError

START_TIMEOUT_S = 90.0

# Tells child processes which pool to use.
_JOIN_VARIABLE = "TESTBED_POOL"


@dataclass(frozen=True)
class Pool:
    """A pool that runs.

    Parameters
    ----------
    folder
        Everything of it; gone when it has ended.
    condor
        The programs that it runs.
    guard
        Pid of the process that ends the pool when it gets SIGTERM.
    """

    folder: Path
    condor: condor.Condor
    guard: int

    @property
    def config(self) -> Path:
        """The value for CONDOR_CONFIG."""
        return self.folder / "condor_config"

    @property
    def certificates(self) -> Path:
        """Whose servers its file transfer trusts: a folder as OpenSSL wants it, empty at first."""
        return self.folder / "certificates"

    def run(self, *command: str) -> str:
        """What one of HTCondor's tools prints, asked about this pool."""
        environment = {**os.environ, "CONDOR_CONFIG": str(self.config)}
        command = (str(self.condor.bin / command[0]), *command[1:])
        return subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=60
        ).stdout


@contextlib.contextmanager
def running(suite: str | None = None, *, shared: bool = True, hurried: bool = True) -> Iterator[Pool]:
    """A pool for the time of a ``with`` block, or of this process if that is shorter.

    Parameters
    ----------
    suite
        As for `condor.find_or_install`.
    shared
        Take the pool that a process above this one runs, or that `start_kept` left running, if there is one;
        it is not ended then.
    hurried
        As for `configuration.text`.
    """
    found = (_joined(suite) or find_kept(suite)) if shared else None
    if found and _is_up_to_date(found):
        yield found
        return
    guard.sweep(_pools())
    folder = Path(tempfile.mkdtemp(prefix="", dir=_pools()))
    pool = _start(folder, condor.find_or_install(suite), owner=os.getpid(), hurried=hurried)
    os.environ[_JOIN_VARIABLE] = str(pool.folder)
    try:
        yield pool
    finally:
        del os.environ[_JOIN_VARIABLE]
        guard.stop(pool.folder)


def _joined(suite: str | None) -> Pool | None:
    """The pool that a process above this one runs, if any: the workers of a parallel test run share one."""
    folder = os.environ.get(_JOIN_VARIABLE)
    pid = guard.pid_of(Path(folder)) if folder else None
    return None if folder is None or pid is None else Pool(Path(folder), condor.find_or_install(suite), pid)


def start_kept(suite: str | None = None) -> Pool:
    """A pool that stays until `stop_kept`; the one that runs already, if there is one."""
    folder = _kept_folder(suite)
    with cache.locked(folder.with_name(f"{folder.name}.lock")):
        found = find_kept(suite)
        if found and _is_up_to_date(found):
            return found
        if found:
            guard.stop(found.folder)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return _start(folder, condor.find_or_install(suite), owner=0)


def find_kept(suite: str | None = None) -> Pool | None:
    """The pool that `start_kept` left running, if any."""
    folder = _kept_folder(suite)
    pid = guard.pid_of(folder)
    return None if pid is None else Pool(folder, condor.find_or_install(suite), pid)


def stop_kept(suite: str | None = None) -> bool:
    """End the kept pool; False if none runs."""
    found = find_kept(suite)
    if found:
        guard.stop(found.folder)
    return found is not None


def _pools() -> Path:
    """Where pools lie: not below /tmp, where apptainer jobs cannot run, and short, for the names of sockets."""
    folder = cache.cache_folder() / "pools"
    folder.mkdir(exist_ok=True)
    return folder


def _kept_folder(suite: str | None) -> Path:
    return _pools() / f"kept-{suite or 'main'}"


def _start(folder: Path, programs: condor.Condor, owner: int, *, hurried: bool = True) -> Pool:
    for part in ("log", "spool", "execute", "lock", "run", "tokens", "certificates"):
        (folder / part).mkdir(mode=0o755)
    (folder / "bin").mkdir()
    node_python.make(folder / configuration.NODE)
    runtimes.lay_out(folder, programs)
    config = folder / "condor_config"
    config.write_text(configuration.text(folder, programs, node_python.base(), hurried=hurried))
    pid = guard.start(
        folder,
        [programs.sbin / "condor_master", "-f"],
        owner=owner,
        end=signal.SIGQUIT,  # by which it ends fast but in order
        condor_config=str(config),
        path=f"{folder}/bin{os.pathsep}{os.defpath}",  # 23.9 tries docker by that name, whatever DOCKER says
    )
    pool = Pool(folder, programs, pid)
    try:
        _wait_until_ready(pool)
    except BaseException:
        guard.stop(pool.folder)
        raise
    return pool


def _is_up_to_date(pool: Pool) -> bool:
    """Whether the pool has the settings and the Python that a new one would have."""
    return pool.config.read_text() == configuration.text(pool.folder, pool.condor, node_python.base(), hurried=True)


def _wait_until_ready(pool: Pool) -> None:
    """Ready: the schedd answers, and the collector knows the slot."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while not _is_ready(pool):
        if guard.pid_of(pool.folder) is None or time.monotonic() > deadline:
            raise TestbedError(
                f"HTCondor did not start in {START_TIMEOUT_S:.0f} s. Its log ends with:\n{_log_tail(pool)}"
            )
        time.sleep(0.2)


def _is_ready(pool: Pool) -> bool:
    if not (pool.folder / "collector_address").exists():
        return False
    try:
        slots = pool.run("condor_status", "-af", "Name")
        pool.run("condor_q", "-af", "ClusterId")
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return False
    return bool(slots.strip())


def _log_tail(pool: Pool) -> str:
    try:
        lines = (pool.folder / "log/MasterLog").read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return "(no MasterLog was written)"
    return "\n".join(lines[-15:])
