"""A module ``htmap`` for nodes that have no HTMap.

In: ``import htmap`` in user code that runs on the node. Out: a module with the three things that make sense here.
If the real HTMap is installed on the node, it is found first and this one is never made.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

_NAME = "htmap"


def install() -> None:
    """Offer the stand-in to imports that nobody else can serve."""
    sys.meta_path.append(_StandIn())


class _StandIn:
    """Finder and loader in one. No base classes: importlib.abc takes longer to import than the rest of the runner."""

    def find_spec(self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None) -> ModuleSpec | None:
        return ModuleSpec(_NAME, self) if name == _NAME else None  # type: ignore[arg-type]

    def create_module(self, _spec: ModuleSpec) -> ModuleType | None:
        return None  # an ordinary module will do

    def exec_module(self, module: ModuleType) -> None:
        import htmap_common  # noqa: PLC0415 - seldom needed

        module.__doc__ = __doc__
        for name in ("TransferPath", "checkpoint", "transfer_output_files", "__version__"):
            setattr(module, name, getattr(htmap_common, name))
        module.__getattr__ = _refuse  # type: ignore[method-assign]


def _refuse(name: str) -> object:
    raise AttributeError(
        f"htmap.{name} belongs on the submit side. On the node, htmap offers only checkpoint, transfer_output_files "
        "and TransferPath."
    )
