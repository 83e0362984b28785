"""`Map`: the user's window into a map, and the handle to act on it.

What it shows is read from disk (`htmap.maps.readable`); what it does goes to the queue (`htmap.backend`), and to the
directory of the map.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import numbers
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from htmap.backend.protocol import Action, JobSelection
from htmap.backend.select import BackendsOf
from htmap.exceptions import (
    CannotRerunComponents,
    HTMapException,
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
from htmap.language.words import to_size
from htmap.lifecycle.removal import remove
from htmap.lifecycle.rerun import changing, rerun
from htmap.lifecycle.standing import Standing, standing
from htmap.maps.opened import Opened
from htmap.maps.readable import ReadableMap
from htmap.observe.statuses import ACTIVE, ComponentStatus
from htmap.option_values import is_iterable
from htmap.settings import settings
from htmap.store import tags
from htmap.store.atomic import is_there
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
        super().__init__(Opened.at(tag, Path(map_dir)))

    def __reduce__(self) -> tuple[Any, ...]:
        # A map is on disk: another process opens it anew.
        return functools.partial(type(self), tag=self.opened.tag.last, map_dir=self.opened.directory.path), ()

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
            if is_there(map_dir.path) and standing(map_dir, BackendsOf(home, settings)) is Standing.MAP:
                return cls(tag=found.tag, map_dir=map_dir.path)
        except (StorageError, MapWasRemoved):
            if is_there(map_dir.path):
                raise  # else it was removed a moment ago
        raise TagNotFound(
            f"There is no map with the tag {tag!r} in {home.path}: its creation, or its removal, is under way or "
            "was cut short. htmap.clean() sweeps up what was left behind."
        )

    @property
    def is_transient(self) -> bool:
        """True if the map never had an explicit tag, so that `htmap.clean` removes it."""
        self.opened.watch.check_exists()
        return tags.find(self.opened.directory.home, self.tag).transient

    def remove(self, force: bool = False) -> None:
        """Take the map out of the queue, whatever its jobs are doing, and delete all of its data for ever.

        Parameters
        ----------
        force
            If True, local data is deleted even if jobs may still run: the queue cannot be reached, or does not let go
            of them in time. A warning says what was left then.

        Raises
        ------
        BackendError
            Jobs may still run, and nothing was deleted.
        """
        try:
            self.opened.watch.look_at_log()
            may_run = self.opened.components.is_active()
        except MapWasRemoved:
            raise
        except HTMapException:
            may_run = True  # what cannot be read is removed too
        remove(self.opened.directory, self.opened.backend, self.tag, may_run=may_run, force=force)

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
            if not self.opened.components.counts().get(ComponentStatus.SUSPENDED):
                return

    def vacate(self) -> None:
        """Vacate the map: running components give up their claimed resources and become idle again.

        Components that checkpoint go on from their last checkpoint.
        """
        self._act(Action.VACATE)

    def set_memory(self, memory: int | str) -> None:
        """Change the amount of memory that each map component needs.

        It does not affect components that are running; to restart them with it, `vacate` the map.

        Parameters
        ----------
        memory
            The memory to request: a number of MB, or text such as ``"2GB"``.
        """
        self._edit("RequestMemory", _amount(memory, "m") if isinstance(memory, str) else memory)

    def set_disk(self, disk: int | str) -> None:
        """Change the amount of disk space that each map component needs.

        It does not affect components that are running; to restart them with it, `vacate` the map.

        Parameters
        ----------
        disk
            The disk space to request: a number of KB, or text such as ``"2GB"``.
        """
        if isinstance(disk, str) and to_size(disk, "") is not None:
            raise InvalidOption(f"{disk!r} of what? Write '{disk}GB' or '{disk}KB', or a number without quotes for KB.")
        self._edit("RequestDisk", _amount(disk, "k") if isinstance(disk, str) else disk)

    def rerun(self, components: Iterable[int] | None = None, *, elsewhere: bool = False) -> None:
        """Re-run (part of) the map from scratch, with its original map options, without any subsequent edits.

        Existing output of these components is replaced. If the submission fails, all stays as it was.

        Parameters
        ----------
        components
            The components to rerun: completed, errored or removed ones. None: the entire map.
        elsewhere
            If True, submit them where new maps go now, not to the access point that the map was submitted to before. No
            component of the map may be active then.

        Raises
        ------
        CannotRerunComponents
            Some of them are active.
        RerunOfNoSuchComponent
            The map has not that many.

        Examples
        --------
        >>> flaky = htmap.map(lambda x: 1 / x, [1, 0], tag="flaky", quiet=True)
        >>> flaky.wait(errors_ok=True)
        >>> flaky.rerun(flaky.components_by_status()["ERRORED"])
        >>> flaky.wait(errors_ok=True)
        >>> flaky.component_statuses == ["COMPLETED", "ERRORED"]
        True
        """
        self.opened.watch.check_exists()
        if components is None:
            components = range(len(self))
        elif not is_iterable(components):
            raise WrongType(f"rerun() takes the indices of components, such as [{components!r}].")
        try:
            wanted = sorted({self.opened.retrieval.index(each) for each in components})
        except NoSuchComponent as error:
            raise RerunOfNoSuchComponent(*error.args) from None
        if not wanted:
            return
        with changing(self.opened.directory):
            self.opened.watch.look()
            statuses = self.opened.components.statuses()
            # Jobs of two queues may have the same numbers, and write to the same log.
            asked = range(len(self)) if elsewhere else wanted
            active = [component for component in asked if statuses[component] in ACTIVE]
            if active:
                raise CannotRerunComponents(
                    f"Components {spelled(active)} of map {self.opened.tag} are active: only completed, errored or "
                    "removed components can be rerun. Wait for them, or remove the map."
                )
            rerun(
                self.opened.directory,
                self.opened.record,
                BackendsOf(self.opened.directory.home, settings),
                wanted,
                elsewhere=elsewhere,
            )

    def retag(self, tag: str) -> None:
        """Give this map a new tag; the old one can be used again at once. The map is not transient any more.

        Raises
        ------
        RetagToUsedTag, RetagToInvalidTag, MapWasRemoved

        Examples
        --------
        >>> kept = htmap.map(abs, [1], quiet=True)
        >>> kept.is_transient
        True
        >>> kept.retag("kept")
        >>> kept.is_transient
        False
        """
        self.opened.watch.check_exists()
        try:
            tag = tags.check(tag)
            self._retag(tag)
        except InvalidTag as error:
            raise RetagToInvalidTag(*error.args) from None
        except TagAlreadyExists as error:
            raise RetagToUsedTag(*error.args) from None
        logger.info("Retagged map %s as %s.", self.opened.tag.last, tag)
        self.opened.tag.last = tag

    def _retag(self, tag: str) -> None:
        home = self.opened.directory.home
        with changing(self.opened.directory):
            self.opened.watch.check_exists()
            old = tags.tag_of(home, self.opened.directory.uid)
            tags.replace(home, old, tags.Tag(tag, self.opened.directory.uid, transient=False))

    def _act(self, action: Action) -> None:
        self.opened.watch.check_exists()
        jobs = self.opened.backend.act(action, self._all_jobs(), f"HTMap: {action.value} by the user")
        logger.info("%s map %s: %d jobs.", action.value.capitalize(), self.opened.tag.last, jobs)
        if action in _LEAVES:
            self._let_log_catch_up(_LEAVES[action])

    def _let_log_catch_up(self, left: Iterable[ComponentStatus]) -> None:
        """Wait a moment for the log to say what the queue has done: statuses, and `wait`, would speak of the past."""
        counts = self.opened.components.counts
        with contextlib.suppress(TimeoutError):
            self.opened.watch.until(
                lambda: not any(counts().get(status) for status in left), _LOG_LAG_S, lambda: "the event log"
            )

    def _edit(self, attribute: str, value: int) -> None:
        if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < 1:
            raise InvalidOption(f"{attribute} must be a whole number, 1 or more, not {value!r}.")
        self.opened.watch.check_exists()
        jobs = self.opened.backend.edit(self._all_jobs(), {attribute: str(int(value))})
        logger.info("Set %s = %d for map %s: %d jobs.", attribute, value, self.opened.tag.last, jobs)

    def _all_jobs(self) -> JobSelection:
        self.opened.watch.look()
        clusters = self.opened.components.clusters()
        return JobSelection(self.opened.directory.uid, dict.fromkeys(clusters) if clusters else None)


def _amount(text: str, unit: str) -> int:
    amount = to_size(text, unit)
    if not amount:
        raise InvalidOption(f"{text!r} is no amount like '2GB' or '512MB'.")
    return amount
