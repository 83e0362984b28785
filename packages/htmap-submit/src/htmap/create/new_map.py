"""Create a map: all of it or nothing.

The order, and what a kill leaves behind at each step::

    maps/.new-<uid>/   locked; function, inputs, items are written     debris, swept by clean()
    maps/<uid>/        renamed into place                              debris: no tag, nothing submitted
    tags/<tag>         claimed                                         debris: not listed, taken over by the next claim
    submit             one call to the backend                         a map: its jobs are found by uid, or in the log
    cluster recorded   lock released                                   a map

A map exists from the moment its jobs are in the queue. `htmap.create.debris` tells the one from the other.
"""

from __future__ import annotations

import contextlib
import logging
import platform
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import htmap_common
from htmap.backend.protocol import Action, Backend, JobSelection
from htmap.create.debris import sweep_tag
from htmap.create.description import Plan, items, render
from htmap.create.inputs import Call, StoredInput, store_inputs
from htmap.create.submission import submit, write_submission
from htmap.delivery.registry import DeliveryMethod
from htmap.exceptions import BackendError, CannotPickle, EmptyMap, TagAlreadyExists
from htmap.objects import CLOUDPICKLE_VERSION, PROTOCOL, freeze
from htmap.options import MapOptions
from htmap.store import tags
from htmap.store.atomic import make_private_directory, remove_tree, storage_errors, write_file
from htmap.store.locks import exclusive
from htmap.store.mapdir import Home, MapDir
from htmap.store.records import MapRecord, SubmissionRecord
from htmap_common.wire import Kind, encode_file

logger = logging.getLogger(__name__)

Progress = Callable[[Iterable[StoredInput]], Iterable[StoredInput]]


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


def create(home: Home, backend: Backend, request: Request, progress: Progress = iter) -> tuple[str, MapDir]:
    """Create a map and submit its jobs.

    Returns
    -------
    tuple
        Its tag and its directory.

    Raises
    ------
    HTMapException
        Nothing was created: the tag is free, and no job is in the queue.
    """
    tag = _choose_tag(home, backend, request.tag)
    uid = secrets.token_hex(8)
    with _undone_on_failure() as undo:
        staging = home.staging(uid)
        with storage_errors(f"create the map {tag!r}"):
            make_private_directory(staging.path)
            undo.callback(remove_tree, staging.path)
            with exclusive(staging.lock):
                components = _fill(staging, home.map(uid), backend, request, tag, progress)
                staging.path.rename(home.map(uid).path)
                undo.callback(remove_tree, home.map(uid).path)
                _claim(home, backend, tags.Tag(tag, uid, transient=request.tag is None))
                undo.callback(tags.release, home, tag, uid)
                undo.callback(_remove_jobs, backend, uid)
                cluster = submit(backend, home.map(uid), 0)
    logger.info("Created map %s with %d components, cluster %d.", tag, components, cluster)
    return tag, home.map(uid)


@contextlib.contextmanager
def _undone_on_failure() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as undo:
        yield undo
        undo.pop_all()  # all went well: nothing to undo


def _choose_tag(home: Home, backend: Backend, tag: str | None) -> str:
    if tag is None:
        return tags.random_tag(home)
    tag = tags.check(tag)
    if (home.tags / tag).exists() and not sweep_tag(home, tag, backend):
        # Said before a million inputs are written; the claim decides.
        raise TagAlreadyExists(
            f"There is a map with the tag {tag!r} already. "
            f"Load it with htmap.load({tag!r}), remove it, or choose another tag."
        )
    return tag


def _claim(home: Home, backend: Backend, tag: tags.Tag) -> None:
    try:
        tags.claim(home, tag)
    except TagAlreadyExists:
        if not sweep_tag(home, tag.tag, backend):
            raise
        tags.claim(home, tag)


def _fill(  # noqa: PLR0917 - each is one thing that a map is made of
    staging: MapDir, final: MapDir, backend: Backend, request: Request, tag: str, progress: Progress
) -> int:
    """Write everything a map consists of; returns the number of components."""
    name = getattr(request.function, "__name__", type(request.function).__name__)
    _store_function(staging, request.function, name)
    if request.delivery.set_up is not None:
        request.delivery.set_up(tag, staging.path)
    plan = Plan(
        tag=tag,
        function_name=name,
        chunksize=request.options.chunksize or 1,
        options=request.options,
        delivery={key: str(value) for key, value in request.delivery.descriptors(tag, final.path).items()},
        max_idle=request.max_idle,
        threshold=request.threshold,
    )
    for directory in (staging.submission(0).path, staging.inputs, staging.all_output_files, staging.checkpoints):
        make_private_directory(directory)
    counted = Counted(progress(store_inputs(staging, request.calls)))
    _write_items(staging.submission(0).items, items(plan, final, counted))
    components = counted.count
    if components == 0:
        raise EmptyMap("The map has no inputs, so it was not created.")
    for option in request.options.per_component():
        option.check_length(components)
    record = SubmissionRecord(0, time.time(), ((0, components),), plan.chunksize)
    write_submission(staging.submission(0), render(plan, final, record.jobs), record)
    MapRecord(
        uid=final.uid,
        tag=tag,
        created=record.created,
        function_name=name,
        components=components,
        shards=counted.shards,
        backend=backend.name,
        delivery=request.delivery.name,
        versions=_versions(),
    ).save(staging.map)
    return components


class Counted(Iterable[StoredInput]):
    """Count what passes through."""

    def __init__(self, stored: Iterable[StoredInput]) -> None:
        self._stored = stored
        self.count = 0
        self.shards = 0

    def __iter__(self) -> Iterator[StoredInput]:
        for each in self._stored:
            self.count += 1
            self.shards = each.shard + 1
            yield each


def _store_function(map_dir: MapDir, function: Callable[..., Any], name: str) -> None:
    try:
        segments = freeze(function)
    except Exception as error:
        raise CannotPickle(
            f"The function {name} cannot be sent to an execute node: {type(error).__name__}: {error}. "
            "It, or something it refers to, does not pickle (an open file, a lock, a connection?): "
            "make such things inside the function."
        ) from error
    header = {
        "name": name,
        "module": getattr(function, "__module__", None),
        "qualname": getattr(function, "__qualname__", name),
        "python": list(map(int, platform.python_version_tuple()[:2])),
        "implementation": platform.python_implementation().lower(),
        "cloudpickle": CLOUDPICKLE_VERSION,
        "pickle_protocol": PROTOCOL,
    }
    write_file(map_dir.function, encode_file(Kind.FUNCTION, header, segments))


def _write_items(path: Path, lines: Iterable[str]) -> None:
    with path.open("x", encoding="utf-8") as file:
        file.writelines(lines)


def _remove_jobs(backend: Backend, uid: str) -> None:
    # The submit may have got through although its answer did not.
    with contextlib.suppress(BackendError):
        backend.act(Action.REMOVE, JobSelection(uid), "HTMap: the creation of the map did not finish")


def _versions() -> dict[str, str]:
    return {
        "htmap": htmap_common.__version__,
        "python": platform.python_version(),
        "cloudpickle": CLOUDPICKLE_VERSION,
    }
