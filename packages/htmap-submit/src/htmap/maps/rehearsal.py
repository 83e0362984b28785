"""Take one component out of a map, to run it here: its function, its input, the files that its job would get.

In: a map, the index of a component. Out: a call that can be made. On the node the runner does the same; here
TransferPaths become paths of the local files themselves, and nothing is copied.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from htmap.backend.local import job
from htmap.exceptions import HTMapException
from htmap.language.description import read
from htmap.maps.opened import Opened
from htmap.store.atomic import storage_errors
from htmap_common import TransferPath


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A component, ready to be called.

    Parameters
    ----------
    remote
        TransferPaths among the inputs that lie elsewhere: the function gets them as they are.
    files
        Local files that the options of the map send along, under the names with which they arrive.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    remote: list[TransferPath] = field(default_factory=list)
    files: dict[str, Path] = field(default_factory=dict)


def rehearse(opened: Opened, component: int) -> Rehearsal:
    """Prepare to run a component here.

    Raises
    ------
    NoSuchComponent, CannotUnpickle, DamagedFile
    """
    component = opened.retrieval.index(component)
    opened.watch.look()
    remote: list[TransferPath] = []

    def make_path(path: str, protocol: str | None = None, location: str | None = None) -> object:
        given = TransferPath(path, protocol, location)
        if given.is_local:
            return Path(path)
        remote.append(given)
        return given

    function = opened.program.function(make_path)
    args, kwargs = opened.inputs.get(component, make_path)
    return Rehearsal(function, args, kwargs, remote, _files_of_options(opened, component))


def _files_of_options(opened: Opened, component: int) -> dict[str, Path]:
    """The files of ``fixed_input_files`` and ``input_files``: what the job gets flat, but for HTMap's own files."""
    place = opened.components.place(component)
    description = opened.directory.submission(place.submission)
    try:
        told = read(description.submit)
        with (
            storage_errors("read the items of the map"),
            description.items.open(encoding="utf-8", newline="\n") as items,
        ):
            item = next(islice(items, place.job, None), "")
        entries = job.expand(told, {}, (0, place.job), item.removesuffix("\n"), {}).inputs
    except HTMapException:
        return {}  # in words that only HTCondor understands
    home = opened.directory.home.path
    paths = [Path(entry) for entry in entries if entry.startswith("/")]
    return {path.name: path for path in paths if not path.is_relative_to(home)}
