"""The modules of the user's program on the node: ``__main__``, and others that travel by value.

In: classes, functions and variables of the program. Out: modules that hold them under their names, as the script has
them: so they are found by pickle, by processes that multiprocessing starts, by typing.get_type_hints, by eval.
The runner's own ``__main__`` has made place for it by then.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
import os
import sys
import zipimport
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_MAIN = "__main__"
_USUAL_PATH = "/usr/local/bin:/usr/bin:/bin"

_modules: dict[str, ModuleType] = {}
# It would be taken apart if nobody held it, and its functions are still at work.
_runners_own: list[ModuleType] = []
_archives: list[str] = []
"""The zip that the runner came in, if it did."""


class _MainName(str):
    """The name of ``__main__`` in its spec: what multiprocessing sends to a new process, so that it gets one too.

    In the new process, to unpickle this is to load the program. As a text it is a name of which multiprocessing makes
    nothing more (``multiprocessing.spawn._fixup_main_from_name``).
    """

    __slots__ = ()
    function_file = ""

    def __reduce__(self) -> tuple[Any, ...]:
        text = (
            # As multiprocessing does next: this runner is to be found, not another one that is installed there.
            f"(__import__('sys').path.__setitem__(slice(None), {[*_archives, *sys.path]!r}), "
            f"__import__('htmap_exec.function', fromlist=['resume']).resume({self.function_file!r}))[1]"
        )
        return eval, (text,)


def renew() -> None:
    """Begin with an empty ``__main__``."""
    _modules.clear()
    before = sys.modules.get(_MAIN)
    if before is not None:
        _runners_own.append(before)
    _modules[_MAIN] = sys.modules[_MAIN] = _new(_MAIN)


def let_new_processes_load(function_file: str) -> None:
    """Tell the processes that multiprocessing starts where the program is."""
    _MainName.function_file = function_file
    _modules[_MAIN].__spec__ = ModuleSpec(_MainName(_MAIN), None)


def module_of_program(name: str) -> ModuleType:
    """A module that travels by value; made, with the packages around it, if there is none yet."""
    if name not in _modules:
        _make_packages(name.rpartition(".")[0])
        _modules[name] = sys.modules[name] = _new(name)
    return _modules[name]


def place(thing: Any, module: object, name: object) -> None:
    """Put a class, a function or a value of the program under its name, unless something has that name."""
    if isinstance(module, str) and isinstance(name, str) and name.isidentifier() and module in _modules:
        vars(_modules[module]).setdefault(name, thing)


class _FromTheZip:
    """Finds the packages that came in the runner's zip; what else is asked for is somebody else's."""

    _NAMES = ("htmap_exec", "htmap_common", "cloudpickle", "msgpack")

    def __init__(self, importer: Any) -> None:
        self._importer = importer

    def find_spec(self, name: str, _path: Any, _target: Any = None) -> ModuleSpec | None:
        spec: ModuleSpec | None = self._importer.find_spec(name) if name in self._NAMES else None
        return spec


def hide_the_zip() -> None:
    """Take the runner's zip from the path on which the program looks for modules."""
    for entry in [entry for entry in sys.path if os.path.isfile(entry)]:
        with contextlib.suppress(ImportError):
            importer = zipimport.zipimporter(entry)
            if importer.find_spec("htmap_exec") is not None:
                sys.path.remove(entry)
                sys.meta_path.insert(0, _FromTheZip(importer))
                _archives.append(os.path.abspath(entry))


def set_up_process() -> None:
    """See to it that this Python can be started again by the user's program, and that nothing of ours is in its way."""
    hide_the_zip()
    if not os.path.isfile(sys.executable or ""):
        sys.executable = _executable()
    # A job of HTCondor's may have none, and then neither a shell nor subprocess finds anything.
    os.environ.setdefault("PATH", _USUAL_PATH)
    set_command_line([""])


def set_command_line(argv: list[str]) -> None:
    """Have the program see its own name, and no words."""
    sys.argv[:] = argv
    sys.orig_argv[:] = [sys.executable, *filter(None, argv)]


def _executable() -> str:
    """Where this Python is, if it does not know: it was found by a name, along a PATH that it was not given."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    candidates = [os.path.join(sys.prefix, "bin", name) for name in (version, "python3")]
    if sys.prefix == sys.base_prefix:
        with contextlib.suppress(OSError):
            candidates.insert(0, os.readlink("/proc/self/exe"))
    return next((path for path in candidates if os.access(path, os.X_OK)), sys.executable)


def _new(name: str) -> ModuleType:
    module = ModuleType(name)
    module.__dict__["__builtins__"] = builtins
    if name != _MAIN:
        module.__package__ = name.rpartition(".")[0]
    return module


def _make_packages(name: str) -> None:
    """Import a package; where the node does not have it, have an empty one, so that what is in it has a place."""
    if not name or name in sys.modules:
        return
    _make_packages(name.rpartition(".")[0])
    try:
        importlib.import_module(name)
    except Exception:  # noqa: BLE001 - whatever keeps it from being imported here
        package = sys.modules[name] = _new(name)
        package.__path__ = []
