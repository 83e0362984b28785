"""Whether output files can go where ``output_remaps`` sends them: found out before anything runs, not after the work.

In: the option, and how many components there are. Out: folders that have to be made, or `InvalidOption`.
On the other side: HTCondor and the local backend, neither of which makes folders for a remap.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from htmap.create.remaps import for_component
from htmap.exceptions import InvalidOption
from htmap.language.description import Description
from htmap.language.macros import expand
from htmap.language.remaps import split
from htmap.language.urls import is_url
from htmap.option_values import PerComponent
from htmap_common import TransferPath
from htmap_common.agreed import TRANSFER
from htmap_common.wording import quoted_path, unexpanded

Remaps = Mapping[str, TransferPath]

_MACRO = "$("
_UNKNOWN = "\0"
"""Stands for what only the queue knows."""


def folders_to_make(remaps: Remaps | PerComponent | None, components: int) -> list[Path]:
    """Check all places; returns the folders that are not there yet, each after those that it lies in.

    Raises
    ------
    InvalidOption
        Two files would go to one place, or one cannot be written there. The message names output and place.
    """
    folders = _Folders()
    seen: set[str] = set()
    for name, place in _all_places(remaps or {}, components):
        if place in seen:
            raise InvalidOption(
                f"output_remaps sends {quoted_path(name)} to {quoted_path(place)}, where another output goes too: "
                "the last one would replace the others. Put $(component) into the place, or give a dictionary for each "
                "component."
            )
        seen.add(place)
    for name, place in _local_places(remaps or {}, components):
        _check(name, place, folders)
    return folders.missing


def folders_to_make_again(description: Description, items: Iterable[str]) -> list[Path]:
    """Check the folders of places for jobs that are described already, as in a rerun: they may be gone by now.

    Parameters
    ----------
    items
        The lines of items of the jobs.

    Raises
    ------
    InvalidOption
        A folder cannot be written, or made.
    """
    folders = _Folders()
    text = description.commands.get("transfer_output_remaps", "")
    if f"{TRANSFER}/" not in text and "output_remaps" not in text:
        return []
    for item in items:
        known = {**description.commands, **description.item_values(item.rstrip("\n"))}
        expanded = expand(text, lambda name, known=known: known.get(name, _UNKNOWN))  # type: ignore[misc]
        for name, place in split(expanded).items():
            if name.startswith(f"{TRANSFER}/") and not is_url(place) and _UNKNOWN not in place:
                with _refusals(name, place):
                    folders.check(str(Path(place).parent))
    return folders.missing


def make_folders(folders: list[Path]) -> list[Path]:
    """Make them; returns those that were made, the last one first, to be unmade if the map is not created."""
    made: list[Path] = []
    for folder in folders:
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        made.insert(0, folder)
    return made


def _all_places(remaps: Remaps | PerComponent, components: int) -> Iterator[tuple[str, str]]:
    """Output and place, of each component if they differ; a place for all components, if there are several, twice."""
    if isinstance(remaps, PerComponent):
        for component, own in enumerate(remaps.values):
            yield from ((name, _spelled(for_component(place, component))) for name, place in own.items())
        return
    for name, place in remaps.items():
        yield name, _spelled(place)
        if components > 1 and _MACRO not in str(place):
            yield name, _spelled(place)


def _local_places(remaps: Remaps | PerComponent, components: int) -> Iterator[tuple[str, str]]:
    """Output and place, for places on this machine without a macro that only the queue knows."""
    for component in range(components):
        own: Remaps = remaps.values[component] if isinstance(remaps, PerComponent) else remaps
        for name, template in own.items():
            place = for_component(template, component)
            if place.is_local and _MACRO not in str(place):
                yield name, _spelled(place)
        if not isinstance(remaps, PerComponent) and all(
            for_component(place, 0) == for_component(place, 1) for place in remaps.values()
        ):
            return


def _spelled(place: TransferPath) -> str:
    return str(Path(os.fspath(place)).absolute()) if place.is_local else str(place)


class _Folders:
    """Folders that have been looked at, and those that are not there yet."""

    def __init__(self) -> None:
        self.missing: list[Path] = []
        self._checked: set[str] = set()

    def check(self, folder: str) -> None:
        """Raise `OSError` if nothing can be written into a folder, or it cannot be made."""
        missing = []
        path = Path(folder)
        while str(path) not in self._checked:
            self._checked.add(str(path))
            try:
                mode = path.stat().st_mode
            except FileNotFoundError:
                missing.append(path)
                path = path.parent
                continue
            if not stat.S_ISDIR(mode):
                raise NotADirectoryError(f"{quoted_path(str(path))} is not a folder")
            if not os.access(path, os.W_OK | os.X_OK):
                raise PermissionError(f"you may not write into {quoted_path(str(path))}")
            break
        if missing and (hint := unexpanded(str(missing[-1].name))):
            raise FileNotFoundError(f"there is no folder {quoted_path(str(missing[-1]))}.{hint}")
        self.missing += reversed(missing)


def _check(name: str, place: str, folders: _Folders) -> None:
    with _refusals(name, place):
        folders.check(str(Path(place).parent))
        _check_target(Path(name).name, Path(place))


@contextlib.contextmanager
def _refusals(name: str, place: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        raise InvalidOption(f"output_remaps sends {quoted_path(name)} to {quoted_path(place)}, but {why}.") from error


def _check_target(name: str, place: Path) -> None:
    try:
        mode = place.stat().st_mode
    except FileNotFoundError:
        if place.is_symlink():
            raise FileNotFoundError("that is a link that leads nowhere") from None
        return
    if stat.S_ISDIR(mode):
        # A folder may join one of its own name, as from an earlier map: HTMap cannot know which of the two it is.
        if place.name != name:
            raise IsADirectoryError(f"that is a folder: write TransferPath(...) / {name!r} for a file or folder in it")
        return
    if not stat.S_ISREG(mode):
        raise FileExistsError("that is neither a file nor a folder")
    if not os.access(place, os.W_OK):
        raise PermissionError("you may not write to that file")
