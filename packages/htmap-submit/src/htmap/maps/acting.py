"""`Map`: the user's window into a map, and the handle to act on it.

What it shows is read from disk (`htmap.maps.readable`); what it does goes to the queue (`htmap.backend`), and to
the directory of the map.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import numbers
import time
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from htmap.backend.protocol import Action, JobSelection
from htmap.backend.select import backend_named, backends
from htmap.delivery.advice import idle_advice
from htmap.exceptions import (
    BackendError,
    CannotRerunComponents,
    InvalidOption,
    InvalidTag,
    MapWasRemoved,
    NoSuchComponent,
    RerunOfNoSuchComponent,
    RetagToInvalidTag,
    RetagToUsedTag,
    StorageError,
    TagAlreadyExists,
    TagNotFound,
    TimeoutError,  # noqa: A004 - ours
    WrongType,
)
from htmap.lifecycle.removal import remove
from htmap.lifecycle.rerun import changing, rerun
from htmap.lifecycle.standing import Standing, standing
from htmap.maps.readable import ReadableMap
from htmap.observe.from_queue import ask_queue
from htmap.observe.pace import wait_until
from htmap.observe.statuses import ACTIVE, ComponentStatus
from htmap.settings import settings
from htmap.store import tags
from htmap.store.mapdir import Home
from htmap.store.records import spelled

logger = logging.getLogger(__name__)

_PROGRESS_CHECK_S = 0.5

# A schedd answers a few milliseconds before it writes to the log.
_LOG_LAG_S = 5.0
# A shadow writes to the log that a job is suspended before the schedd knows it, and would continue it.
_RESUME_TRIES = 3
# What no component is any more when such an action is done.
_LEAVES = {
    Action.HOLD: (ComponentStatus.IDLE, ComponentStatus.RUNNING, ComponentStatus.SUSPENDED),
    Action.RELEASE: (ComponentStatus.HELD,),
    Action.SUSPEND: (ComponentStatus.RUNNING,),
    Action.CONTINUE: (ComponentStatus.SUSPENDED,),
}


class Map(ReadableMap):
    """Represents the results from a map call.

    You never make one yourself: you get it from a mapping function like `htmap.map`, or from `htmap.load`.
    """

    def __init__(self, *, tag: str, map_dir: Path) -> None:
        super().__init__(tag=tag, map_dir=map_dir)
        self._backend = backend_named(self._record.backend, self._dir.home, settings)
        self._progress_checked = self._queue_asked = float("-inf")
        self._is_advised = False

    def __reduce__(self) -> tuple[Any, ...]:
        # A map is on disk: another process opens it anew.
        return functools.partial(type(self), tag=self._tag, map_dir=self._dir.path), ()

    @classmethod
    def load(cls, tag: str) -> Map:
        """Load a Map by looking up its tag.

        Raises
        ------
        TagNotFound
            The tag does not exist.
        """
        home = Home.of(settings)
        found = tags.find(home, tag)
        map_dir = home.map(found.uid)
        try:
            if map_dir.path.exists() and standing(map_dir, backends(home, settings)) is Standing.MAP:
                return cls(tag=found.tag, map_dir=map_dir.path)
        except (StorageError, MapWasRemoved):
            if map_dir.path.exists():
                raise  # else it was removed a moment ago
        raise TagNotFound(
            f"There is no map with the tag {tag!r} in {home.path}: its creation, or its removal, is under way or "
            "was cut short. htmap.clean() sweeps up what was left behind."
        )

    def _keep_going(self) -> None:
        now = time.monotonic()
        if now - self._progress_checked > _PROGRESS_CHECK_S:
            self._progress_checked = now
            self._backend.ensure_progress()
        silence_s = settings["QUEUE_CHECK_TIME"]
        if now - self._queue_asked > silence_s and time.time() - self._components.silent_since() > silence_s:
            self._queue_asked = now
            self._ask_queue()
            self._advise()

    def _advise(self) -> None:
        """Say once if idle components will never start, as far as that can be known."""
        if not self._is_advised and self._components.counts().get(ComponentStatus.IDLE):
            self._is_advised = True
            if advice := idle_advice(self._record.delivery, self._backend.count_machines):
                warnings.warn(f"Map {self._tag}: {advice}", stacklevel=2)

    def _scratch_of(self, component: int) -> Path | None:
        place = self._components.place(component)
        for cluster, submission in self._components.numbers().items():
            if submission == place.submission:
                return self._backend.scratch(cluster, place.job)
        return None

    def _ask_queue(self) -> None:
        """Let the queue settle what the log leaves open, if it can be asked now."""
        active = self._components.active_jobs()
        try:
            states = ask_queue(
                self._backend,
                self._dir.uid,
                active,
                self._components.outputs,
                self._components.numbers(),
                self._components.unseen_jobs(),
            )
        except BackendError as error:
            logger.warning("The log of map %s is silent, and the queue cannot be asked: %s", self._tag, error)
        else:
            self._components.settle(states)

    @property
    def is_transient(self) -> bool:
        """True if the map never had an explicit tag, so that `htmap.clean` removes it."""
        self._check_exists()
        return tags.find(self._dir.home, self.tag).transient

    def remove(self, force: bool = False) -> None:
        """Take the map out of the queue, whatever its jobs are doing, and delete all of its data for ever.

        Parameters
        ----------
        force
            If True, local data is deleted even if the queue cannot be reached or does not answer.
        """
        self._check_exists()
        remove(self._dir, self._backend, self.tag, force=force)

    def hold(self) -> None:
        """Hold the map: its components are not allowed to run until released (see `release`)."""
        self._act(Action.HOLD)

    def release(self) -> None:
        """Release the map, undoing holds: its held components become idle again.

        HTCondor itself holds components that something is wrong with; solve the problem first.
        """
        self._act(Action.RELEASE)

    def pause(self) -> None:
        """Pause the map: running components keep their resource claims, but stop executing (see `resume`)."""
        self._act(Action.SUSPEND)

    def resume(self) -> None:
        """Resume the map, undoing `pause`."""
        for _ in range(_RESUME_TRIES):
            self._act(Action.CONTINUE)
            if not self._components.counts().get(ComponentStatus.SUSPENDED):
                return

    def vacate(self) -> None:
        """Vacate the map: running components give up their claimed resources and become idle again.

        Components that checkpoint go on from their last checkpoint.
        """
        self._act(Action.VACATE)

    def set_memory(self, memory: int) -> None:
        """Change the amount of memory that each map component needs.

        It does not affect components that are running; to restart them with it, `vacate` the map.

        Parameters
        ----------
        memory
            The memory to request, in MB.
        """
        self._edit("RequestMemory", memory)

    def set_disk(self, disk: int) -> None:
        """Change the amount of disk space that each map component needs.

        It does not affect components that are running; to restart them with it, `vacate` the map.

        Parameters
        ----------
        disk
            The disk space to request, in KB.
        """
        self._edit("RequestDisk", disk)

    def rerun(self, components: Iterable[int] | None = None) -> None:
        """Re-run (part of) the map from scratch, with its original map options, without any subsequent edits.

        Existing output of these components is replaced. If the submission fails, all stays as it was.

        Parameters
        ----------
        components
            The components to rerun: completed, errored or removed ones. None: the entire map.

        Raises
        ------
        CannotRerunComponents
            Some of them are active.
        RerunOfNoSuchComponent
            The map has not that many.
        """
        self._check_exists()
        if components is None:
            components = range(len(self))
        elif not isinstance(components, Iterable):
            raise WrongType(f"rerun() takes the indices of components, such as [{components!r}].")
        try:
            wanted = sorted({self._index(each) for each in components})
        except NoSuchComponent as error:
            raise RerunOfNoSuchComponent(*error.args) from None
        if not wanted:
            return
        with changing(self._dir):
            self._refresh()
            statuses = self._components.statuses()
            active = [component for component in wanted if statuses[component] in ACTIVE]
            if active:
                raise CannotRerunComponents(
                    f"Components {spelled(active)} of map {self._tag} are active: only completed, errored or removed "
                    "components can be rerun. Wait for them, or remove the map."
                )
            rerun(self._dir, self._record, self._backend, wanted)

    def retag(self, tag: str) -> None:
        """Give this map a new tag; the old one can be used again at once. The map is not transient any more.

        Raises
        ------
        RetagToUsedTag, RetagToInvalidTag, MapWasRemoved
        """
        self._check_exists()
        try:
            tag = tags.check(tag)
            self._retag(tag)
        except InvalidTag as error:
            raise RetagToInvalidTag(*error.args) from None
        except TagAlreadyExists as error:
            raise RetagToUsedTag(*error.args) from None
        logger.info("Retagged map %s as %s.", self._tag, tag)
        self._tag = tag

    def _retag(self, tag: str) -> None:
        home = self._dir.home
        with changing(self._dir):
            self._check_exists()
            old = tags.tag_of(home, self._dir.uid)
            tags.replace(home, old, tags.Tag(tag, self._dir.uid, transient=False))

    def _act(self, action: Action) -> None:
        self._check_exists()
        jobs = self._backend.act(action, self._all_jobs(), f"HTMap: {action.value} by the user")
        logger.info("%s map %s: %d jobs.", action.value.capitalize(), self._tag, jobs)
        if action in _LEAVES:
            self._let_log_catch_up(_LEAVES[action])

    def _let_log_catch_up(self, left: Iterable[ComponentStatus]) -> None:
        """Wait a moment for the log to say what the queue has done: statuses, and `wait`, would speak of the past."""
        with contextlib.suppress(TimeoutError):
            wait_until(
                lambda: not any(self._components.counts().get(status) for status in left),
                self._refresh,
                settings["WAIT_TIME"],
                _LOG_LAG_S,
                lambda: "the event log",
            )

    def _edit(self, attribute: str, value: int) -> None:
        if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < 1:
            raise InvalidOption(f"{attribute} must be a whole number, 1 or more, not {value!r}.")
        self._check_exists()
        jobs = self._backend.edit(self._all_jobs(), {attribute: str(int(value))})
        logger.info("Set %s = %d for map %s: %d jobs.", attribute, value, self._tag, jobs)

    def _all_jobs(self) -> JobSelection:
        self._refresh()
        clusters = self._components.clusters()
        return JobSelection(self._dir.uid, dict.fromkeys(clusters) if clusters else None)
