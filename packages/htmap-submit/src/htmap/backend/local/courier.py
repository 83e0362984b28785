"""Fetch what a job needs from URLs, run it, and send what belongs to URLs: the first process of a job with such files.

In: a plan (JSON) in the scratch directory, which is the current one. Out: the job's own exit, whatever it is; or a
failure (JSON) in the scratch directory, which holds the job.
On the other side: the starter, for which this is the job: so nobody waits for a slow server but the job itself, and it
can be held, suspended, vacated and removed while it does. It runs alone: no module of ours is at hand here.

::

    fetch --> job (a child in the same process group) --> send --> end as the job has ended
      |                       |                             |
      +-- failure             +-- SIGTERM: send nothing     +-- failure
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote

if TYPE_CHECKING:  # it runs alone
    from htmap.backend.local.job import Job
    from htmap.backend.local.program import Program

PLAN = "_condor_courier_plan"
FAILURE = "_condor_courier_failure"

# Without a byte for so long, a server is taken for dead.
_SILENCE_S = 60
_BLOCK_BYTES = 1 << 20


class TransferFailed(Exception):
    """A file cannot be fetched or sent; the message says which and why."""


def wrap(program: Program, fetch: Mapping[str, str], send: Mapping[str, str], job: Job) -> Program:
    """The courier that runs a program; its plan is written into the scratch directory.

    Parameters
    ----------
    fetch, send
        URLs to names in the scratch directory, and the reverse.
    """
    plan = {
        "command": program.command,
        "environment": dict(program.environment),
        "fetch": dict(fetch),
        "send": dict(send),
        "outputs": job.outputs,
        "checkpoint_exit_code": job.checkpoint_exit_code,
    }
    (program.directory / PLAN).write_text(json.dumps(plan), encoding="utf-8")
    # Isolated, or the modules beside it would stand for those of the standard library. Proxies and certificates are
    # those of whoever started the supervisor; a successor recognizes it by its scratch directory.
    environment = {**os.environ, "_CONDOR_SCRATCH_DIR": str(program.directory)}
    return replace(program, command=[sys.executable, "-I", __file__], environment=environment, server_arguments=())


def fetch(url: str, target: Path) -> int:
    """Bring a file here. Returns its bytes. Raises `TransferFailed`."""
    beside = target.with_name(f".{target.name[:200]}.partial")
    with _failures(url), urllib.request.urlopen(_spelled(url), timeout=_SILENCE_S) as answer:  # noqa: S310 - http(s)
        with beside.open("wb") as file:
            shutil.copyfileobj(answer, file, _BLOCK_BYTES)
        size, promised = beside.stat().st_size, answer.headers.get("Content-Length")
        if promised is not None and size != int(promised):
            raise TransferFailed(f"the server promised {promised} bytes and sent {size} ( URL file = {url} )")
        beside.rename(target)
    return size


def send(source: Path, url: str) -> int:
    """Put a file there. Returns its bytes. Raises `TransferFailed`."""
    if source.is_dir():
        raise TransferFailed(f"{source} is a directory; only files can be sent to a URL ( URL file = {url} )")
    size = source.stat().st_size
    headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
    with _failures(url), source.open("rb") as file:
        request = urllib.request.Request(_spelled(url), data=file, headers=headers, method="PUT")  # noqa: S310 - http(s)
        with urllib.request.urlopen(request, timeout=_SILENCE_S):  # noqa: S310 - http(s)
            pass
    return size


@contextlib.contextmanager
def _failures(url: str) -> Iterator[None]:
    try:
        yield
    except (OSError, HTTPException, ValueError) as error:  # urllib's own errors are OSErrors
        raise TransferFailed(f"{error} ( URL file = {url} )") from error


def _spelled(url: str) -> str:
    """The URL without its fragment, and in ASCII."""
    return quote(url.partition("#")[0], safe="!$%&'()*+,/:;=?@[]~")


def _run(command: list[str], environment: dict[str, str]) -> tuple[int, bool]:
    """Run the job. Returns its exit as subprocess gives it, and whether it was asked to end meanwhile."""
    asked: list[int] = []
    # The whole group gets the signal, so the job has got it too: what is left is to wait for it.
    before = signal.signal(signal.SIGTERM, lambda number, _frame: asked.append(number))
    try:
        returned = subprocess.run(command, env=environment, check=False).returncode
    finally:
        signal.signal(signal.SIGTERM, before)
    return returned, bool(asked)


def _send_all(plan: dict[str, Any]) -> None:
    for name, url in plan["send"].items():
        source = Path(name)
        if source.exists():
            send(source, url)
            if Path.cwd() in source.parent.resolve().joinpath(source.name).parents:  # not what lies behind a link
                source.unlink()  # sent instead of coming back
        elif name in plan["outputs"]:
            raise TransferFailed(f"the job has not made {name} ( URL file = {url} )")


def _end_as(returned: int) -> NoReturn:
    """End as the job has ended, also if that was by a signal."""
    if returned < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with contextlib.suppress(OSError):  # SIGKILL needs no handler, and can have none
            signal.signal(-returned, signal.SIG_DFL)
        os.kill(os.getpid(), -returned)
    sys.exit(returned)


def main() -> NoReturn:
    """Do what the plan in the current directory says."""
    plan = json.loads(Path(PLAN).read_text(encoding="utf-8"))
    Path(PLAN).unlink()
    doing = "fetch"
    try:
        for url, name in plan["fetch"].items():
            fetch(url, Path(name))
        doing = "start"
        returned, was_asked_to_end = _run(plan["command"], plan["environment"])
        doing = "send"
        if not was_asked_to_end and returned != plan["checkpoint_exit_code"]:
            _send_all(plan)
    except (TransferFailed, OSError) as error:
        Path(FAILURE).write_text(json.dumps({"doing": doing, "why": str(error)}), encoding="utf-8")
        sys.exit(1)
    _end_as(returned)


if __name__ == "__main__":
    main()
