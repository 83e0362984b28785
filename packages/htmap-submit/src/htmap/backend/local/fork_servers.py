"""Start jobs by forking a warm interpreter, for executables that know how.

A job says so with its attribute ``HTMapForkServer``: the arguments with which its executable becomes a server, in place
of those from the last of them on. Other jobs, and the first ones of each kind, are started like any program.

In: an executable, a place to run in. Out: a process, as if it had been started the usual way: a child of this process,
in a session of its own. On the other side: ``htmap_exec.fork_server``, over two sockets::

    control        server: b"r" when it is ready.  We: one byte a job, with four descriptors: its standard input, output
                   and error, and the other end of
    the job's own  we: one line of JSON (directory, program, environment, arguments).  Job: one line, its pid.
                   We: one byte, and it goes on; or nothing, and it ends.

For want of one thing nobody is to be kept waiting, or held up: whatever does not work, or is late, is done the usual
way. Only Linux lets a process adopt its grandchildren; elsewhere there are no fork servers.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import logging
import socket
import subprocess
import sys
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from htmap.backend.local.program import Program

_LOG = logging.getLogger(__name__)

# What of a job's environment is its own; the rest is that of its server too, so that what an interpreter reads at its
# start is the same.
_OF_THE_JOB = frozenset({"_CONDOR_SCRATCH_DIR", "_CONDOR_SLOT", "TMPDIR", "TMP", "TEMP"})
_PR_SET_CHILD_SUBREAPER = 36
_MOST_KINDS = 8
_MOST_IDLE_S = 60.0
_ANSWER_TIMEOUT_S = 5.0
_LONGEST_PID = 32


@dataclass(frozen=True, slots=True)
class _Kind:
    executable: Path
    changed_ns: int
    arguments: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]


def _kind_of(program: Program) -> _Kind:
    """What it shares with others that the same server can fork."""
    shared = {name: value for name, value in program.environment.items() if name not in _OF_THE_JOB}
    changed = program.executable.stat().st_mtime_ns
    return _Kind(program.executable, changed, tuple(program.server_arguments), tuple(sorted(shared.items())))


def _own_arguments(program: Program) -> list[str]:
    """The arguments that take the place of the server's last one. Raises ValueError."""
    *common, _ = program.server_arguments
    start = 1 + len(common)
    if list(program.command[1:start]) != common:
        raise ValueError(f"its arguments do not begin with {common}")
    return list(program.command[start:])


@dataclass(slots=True)
class _Server:
    """A server; without a socket it is yet to be started, or has failed."""

    control: socket.socket | None = None
    is_ready: bool = False
    has_failed: bool = False
    used: float = field(default_factory=time.monotonic)


class ForkServers:
    """The servers of a supervisor.

    Parameters
    ----------
    scratch_root
        Where the scratch directories lie. Servers, and what they fork, are known by it to belong to the queue.
    """

    def __init__(self, scratch_root: Path) -> None:
        self._scratch_root = scratch_root
        self._servers: OrderedDict[_Kind, _Server] = OrderedDict()
        self._is_possible = _adopt_grandchildren()

    def fork(self, program: Program, standard: Sequence[int]) -> int | None:
        """The pid of a new process that runs a program. None: start it the usual way.

        Parameters
        ----------
        standard
            Descriptors of its standard input, output and error.
        """
        if not self._is_possible or not program.server_arguments:
            return None
        try:
            kind = _kind_of(program)
        except OSError:  # the usual way has a word for it
            return None
        server = self._servers.get(kind)
        if server is None:  # the only one of its kind, as far as one can tell
            self._servers[kind] = _Server()
            self._forget_oldest()
            return None
        self._servers.move_to_end(kind)
        server.used = time.monotonic()
        try:
            if server.control is None and not server.has_failed:
                server.control = self._start(kind)
            control = _when_ready(server)
            return None if control is None else _ask(control, program, standard)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            _LOG.warning("the fork server for %s does not work: %r", program.executable, error)
            _end(server)
            server.has_failed = True
            return None

    def forget_idle(self) -> None:
        """End servers that have not been used for a while."""
        now = time.monotonic()
        for kind in [kind for kind, server in self._servers.items() if now - server.used > _MOST_IDLE_S]:
            _end(self._servers.pop(kind))

    def close(self) -> None:
        """End all. Their jobs go on."""
        for server in self._servers.values():
            _end(server)
        self._servers.clear()

    def _forget_oldest(self) -> None:
        while len(self._servers) > _MOST_KINDS:
            _end(self._servers.popitem(last=False)[1])

    def _start(self, kind: _Kind) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                [str(kind.executable), *kind.arguments],
                cwd=self._scratch_root,
                # A successor of this supervisor recognizes all that it forks: their environment can be seen from
                # outside only as it was when the server was started.
                env={**dict(kind.environment), "_CONDOR_SCRATCH_DIR": str(self._scratch_root / "fork-server")},
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        # The supervisor waits for all its children itself.
        process.returncode = 0
        return ours


def _adopt_grandchildren() -> bool:
    """Have jobs, whose parent ends as soon as they are there, become children of this process."""
    if sys.platform != "linux":
        return False
    return bool(ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def _when_ready(server: _Server) -> socket.socket | None:
    """The socket of a server that can be asked for something; None: not yet, or never."""
    if server.control is not None and not server.is_ready:
        with contextlib.suppress(BlockingIOError):
            if not server.control.recv(1, socket.MSG_DONTWAIT):
                raise OSError("it has ended")
            server.is_ready = True
    return server.control if server.is_ready else None


def _ask(control: socket.socket, program: Program, standard: Sequence[int]) -> int:
    """Have a process forked; its pid."""
    place = {
        "directory": str(program.directory),
        "program": program.command[0],
        "environment": dict(program.environment),
        "arguments": _own_arguments(program),
    }
    ours, theirs = socket.socketpair()
    with ours:
        ours.settimeout(_ANSWER_TIMEOUT_S)
        with theirs:
            socket.send_fds(control, [b"j"], [*standard, theirs.fileno()])
        ours.sendall(json.dumps(place).encode() + b"\n")
        pid = int(ours.recv(_LONGEST_PID))
        ours.sendall(b"g")
    return pid


def _end(server: _Server) -> None:
    if server.control is not None:
        server.control.close()  # by which it ends itself
    server.control, server.is_ready = None, False
