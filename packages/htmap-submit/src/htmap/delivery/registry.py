"""The delivery methods that this process knows, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from htmap.exceptions import UnknownPythonDeliveryMethod

DescriptorsFunc = Callable[[str, Path], Mapping[str, Any]]
SetupFunc = Callable[[str, Path], None]


@dataclass(frozen=True, slots=True)
class DeliveryMethod:
    """A way to bring Python and the runner to the execute node."""

    name: str
    descriptors: DescriptorsFunc
    set_up: SetupFunc | None


_methods: dict[str, DeliveryMethod] = {}


def register_delivery_method(name: str, descriptors_func: DescriptorsFunc, setup_func: SetupFunc | None = None) -> None:
    """Register a new delivery method with HTMap.

    Parameters
    ----------
    name
        What the setting DELIVERY_METHOD is to be set to, to use this method.
    descriptors_func
        Called with the tag and the directory of the map; returns the submit descriptors that this method needs:
        at least ``executable``. In ``arguments``, the macro ``$(runner_arguments)`` stands for those that
        ``htmap-exec`` must be given; without ``arguments`` they are all the executable gets. Descriptors that are
        file lists or requirements are joined to those of the map.
    setup_func
        Called with the tag and the directory of the map, after it is made and before it is submitted; does what must
        be there for the map to run.
    """
    _methods[name] = DeliveryMethod(name, descriptors_func, setup_func)


def delivery_method(name: str) -> DeliveryMethod:
    """The method of that name, or `UnknownPythonDeliveryMethod`."""
    try:
        return _methods[name]
    except KeyError:
        raise UnknownPythonDeliveryMethod(
            f"There is no delivery method {name!r}. Set DELIVERY_METHOD to one of: {', '.join(sorted(_methods))}."
        ) from None
