"""Which modules travel by value, and what is found in them by name.

In: modules, classes, functions of this process. Out: whether a node could import them, and under which name they are.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import cloudpickle

MAIN = "__main__"
_MP_MAIN = "__mp_main__"
"""What the program's module is called in a process that multiprocessing has started."""


def is_by_value(module: str | None) -> bool:
    """Whether a module is the user's program, or was registered with cloudpickle to travel by value."""
    if module in (MAIN, _MP_MAIN):
        return True
    registered = cloudpickle.list_registry_pickle_by_value()
    return bool(registered) and module is not None and any(name in registered for name in _and_packages(module))


def _and_packages(module: str) -> Iterator[str]:
    while module:
        yield module
        module = module.rpartition(".")[0]


def on_the_way(module: str | None) -> str | None:
    """The name that a module has wherever it gets to."""
    return MAIN if module == _MP_MAIN else module


def find(module: str, qualname: str) -> Any:
    """What is called so in this process; None if nothing is."""
    if "<locals>" in qualname:
        return None
    found: Any = sys.modules.get(module)
    try:
        for part in qualname.split("."):
            found = getattr(found, part)
    except Exception:  # noqa: BLE001 - a __getattr__ of the user's
        return None
    return found


def name_of(thing: Any, qualname: str | None = None) -> tuple[str, str] | None:
    """The module and the name under which a thing of a module that travels by value is found; else None."""
    module = getattr(thing, "__module__", None)
    qualname = qualname or getattr(thing, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(qualname, str) or not is_by_value(module):
        return None
    return (module, qualname) if find(module, qualname) is thing else None
