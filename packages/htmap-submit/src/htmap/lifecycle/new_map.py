"""Create a map: all of it or nothing.

The order, and what a kill leaves behind at each step::

    maps/.new-<uid>/   locked; function, inputs, items are written     left over, swept up by clean()
    maps/<uid>/        renamed into place                              left over: no tag, nothing submitted
    tags/<tag>         claimed                                         left over: not listed, free for the next claim
    submit             one call to the backend                         a map: its jobs are found by uid, or in the log
    cluster recorded   lock released                                   a map

A map exists from the moment its jobs are in the queue. `htmap.lifecycle.standing` tells the one from the other.
"""

from __future__ import annotations

import contextlib
import logging
import platform
import secrets
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import htmap_common
from htmap.backend.protocol import Action, Backend, JobSelection
from htmap.backend.select import Backends
from htmap.create.description import Plan, render
from htmap.create.inputs import Call, CallerError, StoredInputs, store_inputs
from htmap.create.jobs import items
from htmap.create.links import Links
from htmap.create.places import folders_to_make, make_folders
from htmap.create.program import StoredProgram
from htmap.create.transfers import Sender
from htmap.delivery.registry import DeliveryMethod
from htmap.exceptions import (
    BackendError,
    BackendNotAvailable,
    EmptyMap,
    InvalidOption,
    TagAlreadyExists,
)
from htmap.language.description import read
from htmap.lifecycle.removal import sweep_tag
from htmap.lifecycle.submission import submit, write_submission
from htmap.options import MapOptions
from htmap.pickling import CLOUDPICKLE_VERSION
from htmap.store import tags
from htmap.store.atomic import make_private_directory, remove_tree, storage_errors
from htmap.store.locks import new_locked_directory
from htmap.store.mapdir import Home, MapDir
from htmap.store.records import MapRecord, QueueIdentity, SubmissionRecord
from htmap_common.wording import visible

logger = logging.getLogger(__name__)

Progress = Callable[[Iterable[StoredInputs]], Iterable[StoredInputs]]


@dataclass(frozen=True, slots=True)
class Request:
    """What a user asked for."""

    function: Callable[..., Any]
    calls: Iterable[Call]
    options: MapOptions
    tag: str | None  # None: a random one, and the map is transient
    delivery: DeliveryMethod
    max_idle: int
    threshold: int


def create(
    home: Home, backends: Backends, name: str, request: Request, progress: Progress = iter
) -> tuple[str, MapDir]:
    """Create a map and submit its jobs.

    Parameters
    ----------
    name
        The backend that the map is for.

    Returns
    -------
    tuple
        Its tag and its directory.

    Raises
    ------
    HTMapException
        Nothing was created: the tag is free, and no job stays in the queue.
    """
    tag = _choose_tag(home, backends, request.tag)
    backend = backends.new(name)
    queue = backend.identity()
    map_dir = home.map(secrets.token_hex(8))
    staging = home.staging(map_dir.uid)
    with _callers_own_errors(), contextlib.ExitStack() as undo, storage_errors(f"create the map {tag!r}"):
        undo.callback(_remove_if_there, staging.path)
        with new_locked_directory(staging.path):
            components, folders = _fill(staging, map_dir, name, request, tag, progress, queue)
            staging.path.rename(map_dir.path)
            undo.callback(remove_tree, map_dir.path)
            _claim(home, backends, tags.Tag(tag, map_dir.uid, transient=request.tag is None))
            undo.callback(tags.release, home, tag, map_dir.uid)
            for folder in make_folders(folders):
                undo.callback(_remove_if_empty, folder)
            with _taken_back_on_failure(backend, map_dir.uid, undo):
                cluster = submit(backend, map_dir, 0)
        undo.pop_all()  # all went well
    logger.info("Created map %s with %d components, cluster %d.", tag, components, cluster)
    return tag, map_dir


def preview(home: Home, name: str, request: Request) -> str:
    """Do all that `create` does but for the submission, and leave nothing behind.

    Returns
    -------
    str
        The submit description, with its items in it.

    Raises
    ------
    HTMapException
        As `create` would.
    """
    tag = tags.check(request.tag) if request.tag is not None else tags.random_tag(home)
    map_dir = home.map(secrets.token_hex(8))
    staging = home.staging(map_dir.uid)
    with _callers_own_errors(), contextlib.ExitStack() as undo, storage_errors(f"preview the map {tag!r}"):
        undo.callback(_remove_if_there, staging.path)
        with new_locked_directory(staging.path):
            _fill(staging, map_dir, name, request, tag, iter)
            first = staging.submission(0)
            # With its items in it, so that it can be read, and submitted, alone.
            lines = first.items.read_text(encoding="utf-8").split("\n")[:-1]
            return replace(read(first.submit), items=None, lines=tuple(lines)).render()


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


def _remove_if_there(path: Path) -> None:
    if path.exists():
        remove_tree(path)


@contextlib.contextmanager
def _callers_own_errors() -> Iterator[None]:
    """What the caller's iterable raises is theirs: let it through as it was."""
    try:
        yield
    except CallerError as error:
        raise error.original from None


@contextlib.contextmanager
def _taken_back_on_failure(backend: Backend, uid: str, undo: contextlib.ExitStack) -> Iterator[None]:
    """Take back a submission whose answer was an error: it may have got through all the same."""
    try:
        yield
    except (BackendNotAvailable, InvalidOption):
        raise  # nothing was sent
    except BaseException:
        try:
            backend.act(Action.REMOVE, JobSelection(uid), "HTMap: the creation of the map did not finish")
        except BackendError:
            # The jobs stay in the queue, if there are any: leave the directory, by which clean() finds them later.
            undo.pop_all()
        raise


def _choose_tag(home: Home, backends: Backends, tag: str | None) -> str:
    if tag is None:
        return tags.random_tag(home)
    tag = tags.check(tag)
    if tags.path_of(home, tag).exists() and not sweep_tag(home, tag, backends):
        # Said before a million inputs are written; the claim decides.
        raise TagAlreadyExists(
            f"There is a map with the tag {tag!r} already. "
            f"Load it with htmap.load({tag!r}), remove it, or choose another tag."
        )
    return tag


def _claim(home: Home, backends: Backends, tag: tags.Tag) -> None:
    try:
        tags.claim(home, tag)
    except TagAlreadyExists:
        if not sweep_tag(home, tag.tag, backends):
            raise
        tags.claim(home, tag)


def _fill(  # noqa: PLR0917 - each is one thing that a map is made of
    staging: MapDir,
    final: MapDir,
    backend: str,
    request: Request,
    tag: str,
    progress: Progress,
    queue: QueueIdentity | None = None,
) -> tuple[int, list[Path]]:
    """Write everything a map consists of; returns the number of components, and folders that have to be made."""
    name = _name_of(request.function)
    if request.delivery.set_up is not None:
        request.delivery.set_up(tag, staging.path)
    chunksize = int(request.options.chunksize or 1)  # htmap.chunking has made a number of it
    sender = Sender(Links(staging.links, final.links), has_shared_jobs=chunksize > 1)
    program = StoredProgram(staging, request.function, name, sender)
    plan = Plan(
        tag=tag,
        function_name=name,
        chunksize=chunksize,
        options=request.options,
        fixed_files=sender.flat(request.options.fixed_input_files),
        delivery={key: str(value) for key, value in request.delivery.descriptors(tag, final.path).items()},
        max_idle=request.max_idle,
        threshold=request.threshold,
    )
    for directory in (staging.submission(0).path, staging.inputs, staging.all_output_files, staging.checkpoints):
        make_private_directory(directory)
    counted = Counted(progress(store_inputs(staging, request.calls, sender, program)))
    _write_items(staging.submission(0).items, items(plan, sender, final, counted))
    components = counted.count
    if components == 0:
        raise EmptyMap("The map has no inputs, so it was not created.")
    for option in request.options.per_component():
        option.check_length(components)
    _tell_left_out(tag, list(sender.left_out))
    record = SubmissionRecord(0, time.time(), ((0, components),), plan.chunksize, queue=queue)
    write_submission(staging.submission(0), render(plan, final, record.jobs), record)
    folders = folders_to_make(request.options.output_remaps, components)
    MapRecord(
        uid=final.uid,
        tag=tag,
        created=record.created,
        function_name=name,
        components=components,
        shards=counted.shards,
        backend=backend,
        delivery=request.delivery.name,
        versions=_versions(),
    ).save(staging.map)
    return components, folders


_MOST_NAMED = 10


def _tell_left_out(tag: str, sentences: list[str]) -> None:
    """Say what of the inputs has no content, so that nothing stays behind in silence."""
    if sentences:
        more = f" And {len(sentences) - _MOST_NAMED} more." if len(sentences) > _MOST_NAMED else ""
        named = visible(" ".join(sentences[:_MOST_NAMED]))
        warnings.warn(f"Map {tag}: some of its input has no content, and is left out. {named}{more}", stacklevel=2)


def _name_of(function: Callable[..., Any]) -> str:
    name = getattr(function, "__name__", None)
    # A callable object may say anything there.
    return visible(" ".join((name if isinstance(name, str) else type(function).__name__).split()))


class Counted(Iterable[StoredInputs]):
    """Count what passes through."""

    def __init__(self, stored: Iterable[StoredInputs]) -> None:
        self._stored = stored
        self.count = 0
        self.shards = 0

    def __iter__(self) -> Iterator[StoredInputs]:
        for each in self._stored:
            self.count += len(each.components)
            self.shards = each.shard + 1
            yield each


def _write_items(path: Path, lines: Iterable[str]) -> None:
    with path.open("x", encoding="utf-8") as file:
        file.writelines(lines)


def _versions() -> dict[str, str]:
    return {
        "htmap": htmap_common.__version__,
        "python": platform.python_version(),
        "cloudpickle": CLOUDPICKLE_VERSION,
    }
