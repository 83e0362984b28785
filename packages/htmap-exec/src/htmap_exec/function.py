"""The user's function, from its file.

In: the path of a ``function`` file. Out: the callable, or a ComponentFailure that says why there is none.
Nothing is unpickled before the versions have been compared: what a mismatch does to a pickle ranges from odd
exceptions to crashes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from htmap_common.wire import WireError, read_function

from . import main_module, stand_in
from .errors import CloudpickleVersionMismatch, PythonVersionMismatch, UnreadableFile
from .inputs import PathMaker


def load_function(path: str) -> Callable[..., Any]:
    """Return the function.

    Raises
    ------
    ComponentFailure
        The file cannot be used on this node.
    Exception
        Whatever unpickling raises; most often a module is missing on the node.
    """
    try:
        file = read_function(path)
    except (WireError, OSError) as error:
        raise UnreadableFile("function", path, error) from error
    _check_python(file.header)

    # Not at the top: cloudpickle may be missing on the node, and then each component gets a record that says so.
    from . import pickling  # noqa: PLC0415

    _check_cloudpickle(file.header, pickling.CLOUDPICKLE_VERSION)
    main_module.set_command_line(file.argv or [""])
    paths = PathMaker(file.files, os.path.dirname(path))
    function: Callable[..., Any] = pickling.load_program(file, paths)
    main_module.let_new_processes_load(path)
    return function


def resume(path: str) -> str:
    """Load the program in a process that multiprocessing has started; the name of its module."""
    main_module.hide_the_zip()
    stand_in.install()
    load_function(path)
    return "__main__"


def _check_python(header: Mapping[str, Any]) -> None:
    # A header without versions says that its writer knew what it was doing.
    if "python" not in header:
        return
    implementation = header.get("implementation", "cpython")
    submitted = (implementation, *header["python"][:2])
    found = (sys.implementation.name, *sys.version_info[:2])
    if submitted != found:
        raise PythonVersionMismatch(submitted, found, sys.executable)


def _check_cloudpickle(header: Mapping[str, Any], found: str) -> None:
    submitted = header.get("cloudpickle", found)
    if submitted.partition(".")[0] != found.partition(".")[0]:
        raise CloudpickleVersionMismatch(submitted, found)
