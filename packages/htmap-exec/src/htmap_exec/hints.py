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
    name = error.name or ""
    module = name.partition(".")[0]
    if module == "htmap":
        return (
            "On the node, htmap offers only checkpoint, transfer_output_files and TransferPath; everything else "
            "belongs on the submit side, outside of the mapped function."
        )
    if module in sys.modules:
        return _part(name, module)
    if not isinstance(error, ModuleNotFoundError):
        return None
    return (
        f"The module {module!r} is not on this node ({sys.executable}). If it is a file of yours, as one beside your "
        "script, send it with MapOptions(fixed_input_files=...); if it is a package, choose a delivery method that "
        "brings it (docker, singularity, transplant), or nodes that have it."
    )


def _part(name: str, module: str) -> str:
    """What to do when a module is there, but not all of it."""
    version = getattr(sys.modules[module], "__version__", None)
    which = f"{module} {version}" if isinstance(version, str) else module
    what = f"no part {name!r}" if "." in name else "no such name"
    return (
        f"This node has {which} ({sys.executable}), but {what} in it: another version than yours, perhaps. Choose "
        "nodes that have yours, or a delivery method that brings it (docker, singularity, transplant)."
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


def _exit(error: SystemExit) -> str:
    if "argparse" in _modules_of(error):
        return (
            "A mapped function has no command line: argparse finds none of your arguments there. Read it outside of "
            "the function, and pass what it needs as arguments; or give them: parser.parse_args([...])."
        )
    return "Return from the function instead: only what it returns is a result."


def _end_of_file(error: EOFError) -> str | None:
    if error.args != ("EOF when reading a line",):
        return None
    return "On a node nobody is at the keyboard to answer input(): pass what it asks for as an argument."


def _type(error: TypeError) -> str | None:
    # Raised by the call itself: before any line of the user's ran.
    if error.__traceback__ is None or any(not name.startswith("htmap_") for name in _modules_of(error)):
        return None
    if "argument" not in str(error):
        return None
    return (
        "The function does not take the arguments that it was called with: map gives one to each call; starmap unpacks "
        "tuples into several."
    )


def _modules_of(error: BaseException) -> list[str]:
    """The modules whose code an exception has come through."""
    names, entry = [], error.__traceback__
    while entry is not None:
        names.append(str(entry.tb_frame.f_globals.get("__name__")))
        entry = entry.tb_next
    return names


_HINTS: dict[type[BaseException], Callable[[Any], str | None]] = {
    ImportError: _import,
    OSError: _os,
    EOFError: _end_of_file,
    TypeError: _type,
    MemoryError: _memory,
    SystemExit: _exit,
}
