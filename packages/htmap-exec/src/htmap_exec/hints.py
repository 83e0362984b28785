"""What to do about an exception, in a sentence or two.

In: an exception. Out: a hint, or None where the exception speaks for itself.
On the other side: `htmap_exec.describe_exception` puts it into the record.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from typing import Any

from .errors import ComponentFailure


def hint_for(error: BaseException) -> str | None:
    """Return what the user should do next, or None."""
    if isinstance(error, ComponentFailure):
        return error.hint
    for kind, hint in _HINTS.items():
        if isinstance(error, kind):
            return hint(error)
    return None


def _import(error: ImportError) -> str | None:
    module = (error.name or "").partition(".")[0]
    if module == "htmap":
        return (
            "On the node, htmap offers only checkpoint, transfer_output_files and TransferPath; everything else "
            "belongs on the submit side, outside of the mapped function."
        )
    if not isinstance(error, ModuleNotFoundError):
        return None
    return (
        f"The module {module!r} is not on this node ({sys.executable}). If it is a file of yours, send it with "
        "MapOptions(fixed_input_files=...); if it is a package, choose a delivery method that brings it (docker, "
        "singularity, transplant), or nodes that have it."
    )


def _os(error: OSError) -> str | None:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "The node's disk is full: ask for more with MapOptions(request_disk=...)."
    if isinstance(error, FileNotFoundError):
        return (
            "The function runs in a directory of its own on the node, which has only the files that were sent: pass "
            "them to the function as htmap.TransferPath(...), or name them in MapOptions(input_files=...)."
        )
    return None


def _memory(_error: MemoryError) -> str:
    return "Ask for more memory with MapOptions(request_memory=...)."


def _exit(_error: SystemExit) -> str:
    return "Return from the function instead: only what it returns is a result."


_HINTS: dict[type[BaseException], Callable[[Any], str | None]] = {
    ImportError: _import,
    OSError: _os,
    MemoryError: _memory,
    SystemExit: _exit,
}
