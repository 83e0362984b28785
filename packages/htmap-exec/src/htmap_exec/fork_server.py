"""A warm interpreter that forks the jobs of the local backend, so that short ones need not start an interpreter each.

::

    supervisor ──socket──> fork server ──fork──> (ends at once) ──fork──> job
        └───────────────── a socket of the job's own ────────────────────> │

In: messages on standard input, which is a socket; each carries the descriptors of one job. Out: processes that do what
``htmap-exec run`` does. On the other side: ``htmap.backend.local.fork_servers``, which says what the messages hold.

A job shares nothing with its neighbours that it could change: what the server has loaded is the runner and what that
imports, never anything of the user's. That would start threads sooner or later, and those do not survive a fork.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import socket
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

from . import RUNNER_FAILED
from . import __path__ as _where

_CONTROL = 0
_DESCRIPTORS = 4  # standard input, output and error, and the job's own socket
_READY = b"r"
_LONGEST_READ = 65536


def serve(run: Callable[[list[str]], int]) -> NoReturn:
    """Fork jobs until the socket is closed.

    Parameters
    ----------
    run
        Does what the arguments of a job say, and returns its exit code.
    """
    _load_runner()
    # What is there by now stays: to look for garbage in it would only copy memory that all jobs share.
    gc.collect()
    gc.freeze()
    control = socket.socket(fileno=_CONTROL)
    here = os.getcwd()
    control.send(_READY)
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1, _DESCRIPTORS)
        if not message:
            os._exit(0)
        child = os.fork()
        if child == 0:
            control.detach()
            _become_job(run, here, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        os.waitpid(child, 0)


def _load_runner() -> None:
    """Import all of the runner: the zip that it comes from may be gone before a job needs some seldom used part."""
    for module in pkgutil.iter_modules(_where):
        if module.name != "__main__":
            importlib.import_module(f".{module.name}", __package__)


def _become_job(run: Callable[[list[str]], int], here: str, descriptors: list[int]) -> NoReturn:
    exit_code = RUNNER_FAILED
    try:
        if os.fork() == 0:
            arguments = _take_place(here, descriptors)
            exit_code = run(arguments)
            sys.stdout.flush()
        else:
            # The job is now a child of the supervisor, which has said that it adopts such.
            exit_code = 0
    except BaseException:  # noqa: BLE001 - whatever it is, this process must not go on as a second server
        traceback.print_exc()
    finally:
        os._exit(exit_code)


def _take_place(here: str, descriptors: list[int]) -> list[str]:
    """Become what the message says; the arguments."""
    os.setsid()
    own = socket.socket(fileno=descriptors.pop())
    place = json.loads(_read_line(own))
    own.sendall(b"%d\n" % os.getpid())
    # The supervisor has noted who this is. Or it has given up, and starts the job in another way.
    if not own.recv(1):
        os._exit(RUNNER_FAILED)
    own.close()
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    arguments: list[str] = place["arguments"]
    _move(here, place["directory"], place["program"])
    sys.argv[1:] = arguments
    # The rest is the same for all jobs of this server; something of it may be the interpreter's own (LC_CTYPE).
    os.environ.update(place["environment"])
    return arguments


def _move(here: str, directory: str, program: str) -> None:
    os.chdir(directory)
    # Python has put the zip, or the directory that it was started in, on the path where modules are looked for.
    moved = {here: directory, sys.argv[0]: program}
    sys.path[:] = [moved.get(entry, entry) for entry in sys.path]
    sys.argv[0] = program


def _read_line(connection: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        some = connection.recv(_LONGEST_READ)
        if not some:
            os._exit(RUNNER_FAILED)
        line += some
    return line
