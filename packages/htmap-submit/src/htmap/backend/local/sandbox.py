"""The scratch directory of one job: what goes in, what comes back, and what is kept when the job is evicted.

In: a `Job`. Out: files. On the other side: the starter, which runs the job in the scratch directory, and the submit
side (``initialdir``), where nobody ever sees half a file: each is moved into place, or copied beside and renamed.

::

    HOME/scratch/<cluster>.<proc>/     while it runs       copied in from the submit side and the spool
    HOME/spool/<cluster>.<proc>/       while it waits      outputs of an evicted run, for the next start
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from htmap.backend.local import trees
from htmap.backend.local.job import Job, is_remote
from htmap.backend.protocol import HoldCode
from htmap.language.urls import arrival_of, path_of_file_url, scheme_of

STDOUT = "_condor_stdout"
STDERR = "_condor_stderr"
_EXECUTABLE = "condor_exec.exe"
# Of an output that must stay where it is, while it is on its way.
_COPY = "_condor_copy"


class CannotGoOn(Exception):
    """The job must be held.

    Parameters
    ----------
    code, subcode
        HTCondor's hold codes; where a system call failed, the subcode is its errno.
    reason
        For the person who reads the event log.
    """

    def __init__(self, code: int, subcode: int, reason: str) -> None:
        super().__init__(code, subcode, reason)
        self.code, self.subcode, self.reason = code, subcode, reason


class _NotMade(OSError):
    """There is no such file or directory in the scratch directory."""


class Sandbox:
    """The directories of one job.

    Parameters
    ----------
    home
        The directory of the local backend.
    """

    __slots__ = ("scratch", "spool")

    def __init__(self, home: Path, cluster: int, proc: int) -> None:
        self.scratch = scratch_root(home) / f"{cluster}.{proc}"
        self.spool = spool_root(home) / f"{cluster}.{proc}"

    def stage_in(self, job: Job) -> int:
        """Make the scratch directory, with everything that the job needs in it.

        Returns
        -------
        int
            Bytes copied.

        Raises
        ------
        CannotGoOn
            A file cannot be had.
        """
        try:
            self._make_scratch()
            copied = self._stage_in_executable(job)
            copied += sum(self._stage_in_one(job, name) for name in job.inputs if not is_remote(name))
            return copied + (trees.copy(self.spool, self.scratch) if self.spool.exists() else 0)
        except OSError as error:
            raise CannotGoOn(
                HoldCode.FAILED_TO_CREATE_PROCESS, error.errno or 0, _failed(self.scratch, error)
            ) from error

    def executable(self, job: Job) -> Path:
        return self.scratch / _EXECUTABLE if job.transfer_executable else job.executable

    def stage_out(self, job: Job, outputs: Iterable[str]) -> int:
        """Bring standard output, standard error and outputs to the submit side.

        What can be brought is brought, also when something else is missing.

        Returns
        -------
        int
            Bytes brought.

        Raises
        ------
        CannotGoOn
            An output is missing or cannot be written where it belongs.
        """
        brought, failures = 0, list[tuple[int, str]]()
        destinations = list(self._destinations(job, outputs))
        # Before anything moves: a link may lead to a part of another output.
        for source, target in destinations:
            with _noting(failures, source, target):
                self._replace_links(source)
        for source, target in destinations:
            with _noting(failures, source, target):
                brought += trees.bring(self._own(source), target)
        if failures:
            reasons = "; ".join(reason for _, reason in failures)
            raise CannotGoOn(
                HoldCode.TRANSFER_OUTPUT_ERROR, failures[0][0], f"Transfer output files failure: {reasons}"
            )
        return brought

    def keep_outputs(self, job: Job) -> int:
        """Move the outputs that exist into the spool; the others keep what the spool has of them.

        Killed half-way, it can be called again: each output is either still here or already there.

        Returns
        -------
        int
            Bytes kept.

        Raises
        ------
        CannotGoOn
            An output cannot be kept.
        """
        kept, failures = 0, list[tuple[int, str]]()
        for name in job.outputs:
            with _noting(failures, self.scratch / name, self.spool):
                self._replace_links(self.scratch / name)
        for name in job.outputs:
            source, target = self.scratch / name, self.spool / name
            if _is_made(source):
                with _noting(failures, source, self.spool):
                    kept += trees.size_of(source)
                    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                    trees.remove(target)
                    self._own(source).rename(target)
        if failures:
            raise CannotGoOn(HoldCode.TRANSFER_OUTPUT_ERROR, *failures[0])
        return kept

    def discard(self) -> None:
        trees.remove(self.scratch)

    def discard_spool(self) -> None:
        trees.remove(self.spool)

    def _make_scratch(self) -> None:
        try:
            self.scratch.mkdir(mode=0o700)
        except FileExistsError:  # left by a supervisor that was killed
            trees.remove(self.scratch)
            self.scratch.mkdir(mode=0o700)

    def _stage_in_executable(self, job: Job) -> int:
        if not job.transfer_executable:
            return 0
        target = self.scratch / _EXECUTABLE
        try:
            copied = trees.copy(job.executable, target)
            target.chmod(0o755)
        except OSError as error:
            raise CannotGoOn(
                HoldCode.FAILED_TO_CREATE_PROCESS, error.errno or 0, _failed(job.executable, error)
            ) from error
        return copied

    def _stage_in_one(self, job: Job, name: str) -> int:
        source = job.initialdir / path_of_file_url(name)
        target = self.scratch / _arrival(job, name)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            return trees.copy(source, target)
        except OSError as error:
            reason = f"Transfer input files failure: {_failed(name, error)}"
            raise CannotGoOn(HoldCode.TRANSFER_INPUT_ERROR, error.errno or 0, reason) from error

    def _replace_links(self, source: Path) -> None:
        if self._is_inside(source):
            trees.replace_links(source, self.scratch / _COPY)

    def _own(self, source: Path) -> Path:
        """A file or directory that may be moved: itself, or a copy if it lies outside of the scratch directory."""
        if not _is_made(source):
            raise _NotMade(errno.ENOENT, f"the job has not made {source.name}")
        if self._is_inside(source):
            return source
        mine = self.scratch / _COPY
        trees.remove(mine)
        trees.copy(source, mine)
        return mine

    def _is_inside(self, path: Path) -> bool:
        """Whether a path lies in the scratch directory: not only by its name, also by the links on the way to it."""
        if self.scratch in (path, path.parent):
            return True
        scratch, parent = self.scratch.resolve(), path.parent.resolve()
        return scratch == parent or scratch in parent.parents

    def _destinations(self, job: Job, outputs: Iterable[str]) -> Iterable[tuple[Path, Path]]:
        if job.stdout:
            yield self.scratch / STDOUT, job.stdout
        if job.stderr and job.stderr != job.stdout:
            yield self.scratch / STDERR, job.stderr
        gone = job.sent
        for name in outputs:
            if name in gone:
                continue
            # What is remapped out of a directory leaves before the directory itself does.
            inside = [remapped for remapped in job.remaps if remapped.startswith(f"{name.rstrip('/')}/")]
            for remapped in inside:
                if remapped not in gone and os.path.lexists(self.scratch / remapped):
                    yield self.scratch / remapped, job.initialdir / job.remaps[remapped]
            source = self.scratch / name
            into = "." if name.endswith("/") else source.name
            yield source, job.initialdir / (job.remaps.get(name) or job.remaps.get(source.name) or into)


def _arrival(job: Job, name: str) -> str:
    """Where an input arrives in the scratch directory; a directory with a slash at its end stands for what is in it."""
    if job.preserve_relative_paths and not scheme_of(name) and not name.startswith("/") and ".." not in name.split("/"):
        return name
    return "." if name.endswith("/") else arrival_of(name)


def scratch_root(home: Path) -> Path:
    """Where the scratch directories lie."""
    return home / "scratch"


def spool_root(home: Path) -> Path:
    """Where outputs of evicted runs lie."""
    return home / "spool"


def sweep_spool(home: Path, is_wanted: Callable[[tuple[int, int]], bool]) -> None:
    """Delete what is kept for jobs that will not start again."""
    if not spool_root(home).exists():
        return
    for directory in spool_root(home).iterdir():
        cluster, _, proc = directory.name.partition(".")
        if cluster.isdigit() and proc.isdigit() and not is_wanted((int(cluster), int(proc))):
            trees.remove(directory)


def _is_made(path: Path) -> bool:
    return path.is_file() or path.is_dir()


@contextlib.contextmanager
def _noting(failures: list[tuple[int, str]], source: Path, target: Path) -> Iterator[None]:
    """Go on after an error, which is noted as errno and text."""
    try:
        yield
    except _NotMade as error:
        failures.append((errno.ENOENT, str(error.strerror)))
    except OSError as error:
        failures.append((error.errno or 0, _failed(source.name, error, target)))


def _failed(name: str | Path, error: OSError, target: Path | None = None) -> str:
    to = f" to {target}" if target else ""
    return f"{name}{to}: (errno {error.errno}) {error.strerror or error}"
