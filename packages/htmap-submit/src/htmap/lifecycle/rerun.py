"""Submit components of a map again, beside what is there: nothing is lost if it does not succeed.

In: a map and the components. Out: one more submission, made from the description of the first, so with the original
options. What a component left before stays where it is until the new jobs are in the queue.
"""

from __future__ import annotations

import bisect
import contextlib
import logging
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from htmap.backend.protocol import Backend, JobSelection
from htmap.backend.select import Backends
from htmap.create.description import relocated, renumbered, varying_options
from htmap.create.inputs import StoredInputs
from htmap.create.jobs import ValuesOf, item_lines, varying_values
from htmap.create.places import folders_to_make_again, make_folders
from htmap.create.remaps import by_component
from htmap.create.transfers import entry_again
from htmap.exceptions import (
    BackendError,
    BackendNotAvailable,
    DamagedFile,
    InputFileNotFound,
    InvalidOption,
    MapWasRemoved,
    StorageError,
)
from htmap.language.description import Description, read
from htmap.lifecycle.submission import submit, write_submission
from htmap.store.atomic import is_there, make_private_directory, remove_tree, storage_errors
from htmap.store.locks import exclusive
from htmap.store.mapdir import MapDir, SubmissionDir
from htmap.store.place import Place, place_of
from htmap.store.records import MapRecord, SubmissionRecord, ranges_of
from htmap_common import TransferPath
from htmap_common.wire import SentFile, WireError, read_shard_header

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def changing(map_dir: MapDir) -> Iterator[None]:
    """Keep other processes from changing the map while the body checks and reruns."""
    try:
        with storage_errors(f"lock {map_dir.path}"), exclusive(map_dir.lock):
            yield
    except StorageError:
        if is_there(map_dir.path):
            raise
        raise MapWasRemoved(f"The map in {map_dir.path} has been removed.") from None


def rerun(
    map_dir: MapDir, record: MapRecord, backends: Backends, components: Sequence[int], *, elsewhere: bool = False
) -> int:
    """Submit components again; call it inside `changing`. Returns the number of the submission.

    Parameters
    ----------
    elsewhere
        To the queue that new maps go to, instead of the one that the jobs went to before.
    components
        At least one, ascending, each once; none of them active.
    """
    first = SubmissionRecord.load(map_dir.submission(0).submission)
    backend = backends.again(map_dir, elsewhere=elsewhere)
    queue = backend.identity()
    number = _next_number(map_dir, backends.of(map_dir))
    original, uid = _description_here(map_dir, first)
    again = SubmissionRecord(number, time.time(), ranges_of(components), first.chunksize, queue=queue, uid=uid)
    directory = map_dir.submission(number)
    with storage_errors(f"rerun components of {map_dir.path}"), contextlib.ExitStack() as undo:
        staging = SubmissionDir(map_dir.submissions / f".new-{number}")
        remove_tree_if_there(staging.path)
        make_private_directory(staging.path)
        undo.callback(remove_tree_if_there, staging.path)
        with staging.items.open("x", encoding="utf-8") as file:
            file.writelines(_items(map_dir, record, first, components, varying_options(original)))
        with staging.items.open(encoding="utf-8") as items:
            for folder in make_folders(folders_to_make_again(original, items)):
                undo.callback(_remove_if_empty, folder)
        write_submission(staging, renumbered(original, map_dir, number).render(), again)
        staging.path.rename(directory.path)
        aside = _set_aside(map_dir, components, undo)
        # If the answer is an error, the directory stays: the jobs may be in the queue, and then it counts. If they are
        # not, nobody sees it, and the next rerun uses its number again.
        try:
            cluster = submit(backend, map_dir, number)
        except (BackendNotAvailable, InvalidOption):
            remove_tree_if_there(directory.path)  # nothing was sent
            raise
        undo.pop_all()
    remove_tree_if_there(aside)
    logger.info("Reran %d components of %s, cluster %d.", len(components), map_dir.path, cluster)
    return number


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


def _description_here(map_dir: MapDir, first: SubmissionRecord) -> tuple[Description, str | None]:
    """The first description, made one for this place; and what new jobs carry, if that is not the uid of the map.

    The jobs of a copy carry a uid of their own: what acts on the map that it was made of would else reach them too.
    """
    description = _first_description(map_dir)
    log = Path(description.commands["log"])
    place = place_of(map_dir, log)
    uid = secrets.token_hex(8) if place is Place.ORIGINAL else first.uid
    here = relocated(description, MapDir(log.parent).home.path, map_dir.home.path, uid)
    executable = Path(here.commands.get("executable", ""))
    if here.commands.get("transfer_executable") == "true" and not executable.exists():
        raise InputFileNotFound(f"There is no file {executable} any more, which the jobs run. Make the map again.")
    return here, uid


def _first_description(map_dir: MapDir) -> Description:
    path = map_dir.submission(0).submit
    try:
        description = read(path)
        description.commands["log"]
    except (InvalidOption, BackendError, KeyError) as error:
        raise DamagedFile(
            f"The file {path} is damaged, so nothing can be rerun as it was. Make the map again."
        ) from error
    return description


def _next_number(map_dir: MapDir, backend: Backend) -> int:
    """The number for a new submission; one that a killed rerun left without jobs is swept up, and its number used."""
    numbers = list(map_dir.submission_numbers())
    last = map_dir.submission(numbers[-1])
    if SubmissionRecord.load(last.submission).cluster is None and len(numbers) > 1:
        known = {SubmissionRecord.load(map_dir.submission(each).submission).cluster for each in numbers}
        if all(job.cluster in known for job in backend.query(JobSelection(map_dir.uid), with_history=True)):
            remove_tree(last.path)
            return numbers[-1]
    return len(numbers)


def _items(
    map_dir: MapDir, record: MapRecord, first: SubmissionRecord, components: Sequence[int], options: int
) -> Iterator[str]:
    stored = _stored(map_dir, record.shards, components)
    return item_lines(map_dir, first.chunksize, stored, _values_of(map_dir, first, components, options))


def _values_of(map_dir: MapDir, first: SubmissionRecord, components: Sequence[int], options: int) -> ValuesOf:
    """Give the values of the varying options for components that share a new job, from the first items."""
    path = map_dir.submission(0).items
    wanted = set(components)
    with path.open(encoding="utf-8") as lines:
        if first.chunksize == 1:
            varying = {number: varying_values(line, options) for number, line in enumerate(lines) if number in wanted}
            if len(varying) < len(wanted):
                raise DamagedFile(f"The file {path} is cut short. Make the map again.")
            return lambda components, _files: varying[components[0]]
        if not options:
            return lambda _components, _files: ()
        # Nothing but remaps differs between components that share jobs.
        found = (by_component(*varying_values(line, options, is_chunked=True)) for line in lines)
        remaps = {component: entries for each in found for component, entries in each.items() if component in wanted}
    return lambda components, _files: ["".join(remaps.get(each, "") for each in components)]


def _stored(map_dir: MapDir, shards: int, components: Sequence[int]) -> Iterator[StoredInputs]:
    """Where the inputs of components lie, from the headers of the shards."""
    rest = components
    for shard in range(shards):
        if not rest:
            return
        try:
            header = read_shard_header(map_dir.shard(shard))
            here = bisect.bisect_left(rest, header.components.stop)
            inside = rest[:here]
            files = {each: _entries(map_dir, sent) for each in inside if (sent := header.files(each))}
        except WireError as error:
            raise DamagedFile(f"The inputs from component {rest[0]} on are damaged: {error}") from error
        yield StoredInputs(shard, inside, files)
        rest = rest[here:]


def _entries(map_dir: MapDir, files: Iterable[SentFile]) -> tuple[str, ...]:
    return tuple(
        entry_again(TransferPath(file.path, file.protocol, file.location), file.arrives_as, map_dir.links)
        for file in files
    )


def _set_aside(map_dir: MapDir, components: Sequence[int], undo: contextlib.ExitStack) -> Path:
    """Move output files and checkpoints that were sent back out of the way of what will come; moved back if undone."""
    aside = map_dir.path / "rerun.old"
    for directory in (map_dir.all_output_files, map_dir.checkpoints):
        if not directory.exists():
            continue
        make_private_directory(aside)
        for component in components:
            place, safe = directory / str(component), aside / f"{directory.name}-{component}"
            if place.exists():
                shutil.move(place, safe)
                undo.callback(shutil.move, safe, place)
    return aside


def remove_tree_if_there(path: Path) -> None:
    """Remove a directory, if there is one."""
    if path.exists():
        remove_tree(path)
