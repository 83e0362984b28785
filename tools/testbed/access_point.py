"""A second access point in a pool: a schedd with a queue of its own.

In: a pool that runs. Out: an `AccessPoint`, whose ``config`` is what CONDOR_CONFIG must name there. On the other side:
the collector of the pool, and its nodes, which take its jobs too; a guard (`testbed.guard`), which ends the schedd.
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

from testbed import guard
from testbed.debian import TestbedError
from testbed.pool import Pool

START_TIMEOUT_S = 60.0

_TEMPLATE = """\
include : {pool}
LOG = {folder}/log
SPOOL = {folder}/spool
LOCK = {folder}/lock
RUN = {folder}/run
DAEMON_SOCKET_DIR = {folder}/run
SCHEDD_NAME = {name}
SCHEDD_ADDRESS_FILE = {folder}/spool/.schedd_address
SCHEDD_DAEMON_AD_FILE = {folder}/spool/.schedd_classad
DAEMON_LIST = SCHEDD
USE_SHARED_PORT = False
COLLECTOR_HOST = {collector}
COLLECTOR_ADDRESS_FILE = {folder}/none
"""


@dataclass(frozen=True)
class AccessPoint:
    """A schedd; it runs between `start` and `stop`.

    Parameters
    ----------
    settings
        Lines of configuration of its own.
    """

    pool: Pool
    folder: Path
    name: str
    settings: str = ""

    @property
    def config(self) -> Path:
        """The value for CONDOR_CONFIG."""
        return self.folder / "condor_config"

    def run(self, *command: str) -> str:
        """What one of HTCondor's tools prints there."""
        command = (str(self.pool.condor.bin / command[0]), *command[1:])
        environment = {**os.environ, "CONDOR_CONFIG": str(self.config)}
        return subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=60
        ).stdout

    def start(self) -> None:
        """Start the schedd, on the queue that is there; ready when it answers and the pool knows it."""
        for part in ("log", "spool", "lock", "run"):
            (self.folder / part).mkdir(exist_ok=True)
        collector = (self.pool.folder / "collector_address").read_text().split("\n")[0]
        self.config.write_text(
            _TEMPLATE.format(pool=self.pool.config, folder=self.folder, name=self.name, collector=collector)
            + self.settings
        )
        self._guarded.mkdir()
        program: list[str | Path] = [self.pool.condor.sbin / "condor_schedd", "-f"]
        guard.start(self._guarded, program, end=signal.SIGKILL, condor_config=str(self.config))
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._is_ready():
            if guard.pid_of(self._guarded) is None or time.monotonic() > deadline:
                raise TestbedError(f"The schedd {self.name} did not start: see {self.folder}/log.")
            time.sleep(0.2)

    @property
    def _guarded(self) -> Path:
        return self.folder / "schedd"

    def _is_ready(self) -> bool:
        try:
            self.run("condor_q", "-af", "ClusterId")
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            return False
        names = self.pool.run("condor_status", "-schedd", "-af", "Name").split()
        return any(each.partition("@")[0] == self.name for each in names)

    def stop(self) -> None:
        """Kill the schedd, and what it has started; its queue stays."""
        guard.stop(self._guarded)

    def wipe(self) -> None:
        """Take its queue away, as who installs it anew."""
        shutil.rmtree(self.folder / "spool")


@contextlib.contextmanager
def running(pool: Pool, name: str, settings: str = "") -> Iterator[AccessPoint]:
    """A second access point for the time of a ``with`` block."""
    folder = Path(tempfile.mkdtemp(prefix="ap-", dir=pool.folder))
    point = AccessPoint(pool, folder, name, settings)
    point.start()
    try:
        yield point
    finally:
        with contextlib.suppress(subprocess.SubprocessError):
            point.run("condor_rm", "-all")
        point.stop()
        shutil.rmtree(folder, ignore_errors=True)
