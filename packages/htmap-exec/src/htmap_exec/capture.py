"""Catch what a component prints, also from its subprocesses and compiled code.

In: file descriptors 1 and 2, whatever the user's function has done to them. Out: the bytes that were printed.
While the component runs they are in ``_htmap/<component>.stdout`` and ``.stderr`` in the scratch directory, where a
person can watch them. Plain files, no pipes: a child process that outlives the component cannot keep us waiting.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import NamedTuple

from htmap_common.agreed import STREAMS, stream_name

from .kept_files import KeptFiles

_STDOUT, _STDERR = 1, 2
_LONGEST = 16 * 1024 * 1024


class Streams(NamedTuple):
    """What a component printed; the fields are named as in the header of a record."""

    stdout: bytes = b""
    stderr: bytes = b""


class Capture:
    """A context manager: while it is active, output goes to the files of one component; afterwards nowhere."""

    def __init__(self, scratch: str, component: int) -> None:
        self._paths = _paths(scratch, component)
        self._kept = KeptFiles()

    def __enter__(self) -> None:
        os.makedirs(os.path.dirname(self._paths[0]), exist_ok=True)
        for path, descriptor in zip(self._paths, (_STDOUT, _STDERR), strict=True):
            _redirect(path, descriptor)
            self._kept.keep(path)
        # The previous component may have closed or replaced these.
        sys.stdout = sys.__stdout__ = _text_stream(_STDOUT)  # type: ignore[misc]
        sys.stderr = sys.__stderr__ = _text_stream(_STDERR)  # type: ignore[misc]

    def __exit__(self, *_: object) -> None:
        _flush()
        self._kept.put_back()
        for path in self._paths:
            self._kept.let_go(path)
        with contextlib.suppress(OSError):
            open_standard_descriptors()
        for descriptor in (_STDOUT, _STDERR):
            # No descriptor left, for example. That is no reason to lose a result.
            with contextlib.suppress(OSError):
                _redirect(os.devnull, descriptor)


def read_streams(scratch: str, component: int) -> Streams:
    """Return what a component has printed so far."""
    return Streams(*map(_read, _paths(scratch, component)))


def remove_streams(scratch: str, component: int) -> None:
    """Remove the files, once their content is in a record."""
    for path in _paths(scratch, component):
        with contextlib.suppress(OSError):
            os.remove(path)


def copy_streams(scratch: str, component: int, directory: str) -> None:
    """Copy what a component has printed so far to files named as the fields of `Streams`."""
    from .trees import copy_file  # noqa: PLC0415 - seldom needed, and the keeper does without

    _flush()
    for path, name in zip(_paths(scratch, component), Streams._fields, strict=True):
        with contextlib.suppress(FileNotFoundError):  # the function has tidied up too well
            copy_file(path, os.path.join(directory, name))


def put_back_streams(scratch: str, component: int, directory: str) -> None:
    """Do the reverse: what the component prints from now on follows that."""
    from .trees import copy_file  # noqa: PLC0415 - as above

    os.makedirs(os.path.join(scratch, STREAMS), exist_ok=True)
    for path, name in zip(_paths(scratch, component), Streams._fields, strict=True):
        with contextlib.suppress(FileNotFoundError):
            copy_file(os.path.join(directory, name), path)


def open_standard_descriptors() -> None:
    """Make sure that 0, 1 and 2 are in use, so that none of our own files gets one of these numbers."""
    descriptor = 0
    while descriptor <= _STDERR:
        descriptor = os.open(os.devnull, os.O_RDWR)
    os.close(descriptor)


def _paths(scratch: str, component: int) -> tuple[str, str]:
    directory = os.path.join(scratch, STREAMS)
    stdout, stderr = (os.path.join(directory, stream_name(component, stream)) for stream in Streams._fields)
    return stdout, stderr


def _redirect(path: str, descriptor: int) -> None:
    # Appending, since the streams of child processes share the file but not the position in it.
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    if opened == descriptor:  # the function had closed it
        os.set_inheritable(descriptor, True)
    else:
        os.dup2(opened, descriptor)
        os.close(opened)


def _text_stream(descriptor: int) -> io.TextIOWrapper:
    # Line by line, to be watched; and no text that the function prints may make print() raise.
    return open(descriptor, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        # The function may have put anything in their place.
        with contextlib.suppress(Exception):
            stream.flush()  # type: ignore[union-attr]
    # Compiled code has buffers of its own. Where there is any that prints, something has loaded ctypes already.
    ctypes = sys.modules.get("ctypes")
    if ctypes is not None:
        with contextlib.suppress(Exception):
            ctypes.pythonapi.fflush(None)


def _read(path: str) -> bytes:
    try:
        if os.stat(path).st_size == 0:  # most components print nothing
            return b""
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size <= _LONGEST:
                return file.read()
            start = file.read(_LONGEST // 2)
            file.seek(size - _LONGEST // 2)
            end = file.read(_LONGEST // 2)
    except OSError:
        return b""
    return b"%b\n[HTMap left out %d bytes here]\n%b" % (start, size - _LONGEST, end)
