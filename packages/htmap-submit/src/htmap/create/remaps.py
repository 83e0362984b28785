"""Where output files go instead of coming back: entries of a list of remaps.

In: ``MapOptions(output_remaps=...)``. Out: text for the end of ``transfer_output_remaps``.
On the other side: HTCondor, which remaps what the runner has put into ``_htmap_transfer/<component>/``, wherever in
there it lies.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from htmap.exceptions import InvalidOption, WrongType
from htmap.language.remaps import entry, split
from htmap.language.urls import checked_url, quoted
from htmap.option_values import PerComponent
from htmap_common import TransferPath
from htmap_common.agreed import TRANSFER

_COMPONENT = re.compile(r"\$\(component\)", re.IGNORECASE)


def remap_entries(remaps: Mapping[str, TransferPath], component: str) -> str:
    """Where output files of a component go, each entry after a semicolon.

    Parameters
    ----------
    component
        Its number, or the macro that stands for it.
    """
    return "".join(entry(f"{TRANSFER}/{component}/{_name(name)}", _place(place)) for name, place in remaps.items())


def spelled_out(remaps: Mapping[str, TransferPath] | PerComponent, components: Iterable[int]) -> str:
    """The entries of all components that share a job; in each, ``$(component)`` is its own number."""
    entries = []
    for component in components:
        own = remaps.values[component] if isinstance(remaps, PerComponent) else remaps
        entries.append(_COMPONENT.sub(str(component), remap_entries(own, str(component))))
    return "".join(entries)


def for_component(place: TransferPath, component: int) -> TransferPath:
    """The place of one component: ``$(component)`` is its number."""
    path = _COMPONENT.sub(str(component), str(place.path))
    return TransferPath(path, place.protocol, place.location)


def by_component(entries: str) -> dict[int, str]:
    """The entries of each component, from what `spelled_out` gave."""
    found: dict[int, str] = {}
    for name, place in split(entries).items():
        component = int(name.split("/")[1])
        found[component] = found.get(component, "") + entry(name, place)
    return found


def _name(name: str) -> str:
    path = PurePosixPath(name if isinstance(name, str) else "")
    if not path.parts or path.is_absolute() or ".." in path.parts or str(path) != str(path).strip():
        raise InvalidOption(
            f"output_remaps takes the names of output files, or their paths in the scratch directory, not {name!r}: "
            "as they are below map.output_files[component]."
        )
    return str(path)


def _place(place: TransferPath) -> str:
    if not isinstance(place, TransferPath):
        raise WrongType(f"output_remaps sends files to TransferPaths, not to {place!r}.")
    return str(Path(os.fspath(place)).absolute()) if place.is_local else quoted(checked_url(place))
