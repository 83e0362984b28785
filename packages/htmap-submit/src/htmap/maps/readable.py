"""The reading half of a map: statuses, waiting, results, errors, usage. Nothing here changes anything.

In: a tag and a directory. On the other side: the event log and the outputs below that directory. `htmap.maps.Map`
adds what acts on the map.
"""

from __future__ import annotations

import collections
import contextlib
import datetime as dt
import html
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, overload

from htmap.exceptions import (
    DamagedFile,
    ExpectedError,
    MapWasRemoved,
    NoSuchComponent,
    StorageError,
    TagNotFound,
    TimeoutError,  # noqa: A004 - ours
)
from htmap.observe.components import Components
from htmap.observe.pace import Deadline, Pacer, Timeout
from htmap.observe.statuses import ACTIVE, ComponentStatus
from htmap.results.arrival import Available
from htmap.results.errors import ComponentError, ComponentHold, hold_table
from htmap.results.inputs import Call, Inputs
from htmap.results.retrieval import Pace, Retrieval
from htmap.results.streams import MapOutputFiles, MapStdErr, MapStdOut
from htmap.settings import settings
from htmap.show.bars import component_bar, summary
from htmap.show.notebook import map_html
from htmap.store import tags
from htmap.store.atomic import size_of
from htmap.store.mapdir import MapDir
from htmap.store.records import MapRecord
from htmap_common.agreed import RAISED, STREAMS, stream_name

T = TypeVar("T")


class ReadableMap(Sequence[Any]):
    """What can be known of a map."""

    def __init__(self, *, tag: str, map_dir: Path) -> None:
        self._tag = tag
        self._dir = MapDir(Path(map_dir))
        try:
            self._record = MapRecord.load(self._dir.map)
        except StorageError:
            self._check_exists()
            raise
        self._components = Components(self._dir, self._record)
        self._inputs = Inputs(self._dir, self._record.shards)
        self._retrieval = Retrieval(self._components, lambda: self._tag, self._refresh, _pace)

    def _check_exists(self) -> None:
        if not self.exists:
            raise MapWasRemoved(f"The map {self._tag} has been removed.")

    def _refresh(self) -> bool:
        """Read what is new; returns whether anything was."""
        self._check_exists()
        news = self._components.refresh()
        if self._components.is_active():
            self._keep_going()
        return news

    def _keep_going(self) -> None:
        """Called at each look at a map with unfinished components."""

    @property
    def exists(self) -> bool:
        """True if and only if the map has not been successfully removed."""
        return self._dir.map.exists()

    def __repr__(self) -> str:
        return f"Map(tag={self._tag!r})"

    def __len__(self) -> int:
        """The length of a Map is the number of components it contains."""
        return self._record.components

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ReadableMap) and self._dir == other._dir

    def __hash__(self) -> int:
        return hash(self._dir)

    @property
    def tag(self) -> str:
        """The tag of this map. Another process may have changed it since it was loaded."""
        with contextlib.suppress(TagNotFound, DamagedFile):
            if tags.find(self._dir.home, self._tag).uid == self._dir.uid:
                return self._tag
        now = tags.tag_of(self._dir.home, self._dir.uid)
        if now is not None:
            self._tag = now.tag
        return self._tag

    # --- statuses -------------------------------------------------------------------------------------------------

    @property
    def components(self) -> tuple[int, ...]:
        """The component indices."""
        self._check_exists()
        return tuple(range(len(self)))

    @property
    def component_statuses(self) -> list[ComponentStatus]:
        """The current status of each component."""
        self._refresh()
        return list(self._components.statuses())

    def components_by_status(self) -> Mapping[ComponentStatus, tuple[int, ...]]:
        """Return the component indices grouped by their statuses."""
        grouped = collections.defaultdict(list)
        for component, status in enumerate(self.component_statuses):
            grouped[status].append(component)
        return {status: tuple(grouped.get(status, ())) for status in ComponentStatus}

    def status(self) -> str:
        """Return a string containing the number of components in each status."""
        return f"Map {self._tag} ({len(self)} components): {summary(self._counts())}"

    def _repr_html_(self) -> str:
        if not self.exists:
            return f"<div>The map <b>{html.escape(self._tag)}</b> has been removed.</div>"
        counts = self._counts()
        components = self._components
        return map_html(
            self.tag, self._record.function_name, counts, components.peak_memory_mb(), components.total_cpu_s()
        )

    @property
    def is_done(self) -> bool:
        """True if all of the output is available for this map."""
        return self._counts()[ComponentStatus.COMPLETED] == len(self)

    @property
    def is_active(self) -> bool:
        """True if any map components are not complete (or errored!)."""
        self._refresh()
        return self._components.is_active()

    def _counts(self) -> Mapping[ComponentStatus, int]:
        self._refresh()
        return self._components.counts()

    # --- waiting and results --------------------------------------------------------------------------------------

    def wait(
        self,
        timeout: Timeout = None,
        show_progress_bar: bool = False,
        holds_ok: bool = False,
        errors_ok: bool = False,
    ) -> None:
        """Wait until all output associated with this Map is available.

        Parameters
        ----------
        timeout
            How long to wait (seconds, or a timedelta). None: for ever.
        show_progress_bar
            If True, a progress bar will be displayed.
        holds_ok
            If True, held components raise nothing: they count as finished, like all that has ended. Nothing more
            happens to them until somebody releases them.
        errors_ok
            If True, components that errored or were removed raise nothing: they count as finished.

        Raises
        ------
        TimeoutError, MapComponentHeld, MapComponentError, MapComponentRemoved
        """
        deadline, pacer = Deadline(timeout), Pacer(settings["WAIT_TIME"])
        with component_bar(self._tag, len(self), shown=show_progress_bar) as show:
            while True:
                if self._refresh():
                    pacer.saw_news()
                counts = self._components.counts()
                show(counts)
                self._raise_for_first_problem(counts, holds_ok=holds_ok, errors_ok=errors_ok)
                if _is_settled(counts):
                    return
                deadline.check(lambda: f"map {self._tag} ({summary(counts)})")  # noqa: B023 - called at once
                pacer.pause(deadline.remaining_s())

    def _raise_for_first_problem(
        self, counts: Mapping[ComponentStatus, int], *, holds_ok: bool, errors_ok: bool
    ) -> None:
        problems = [] if errors_ok else [ComponentStatus.ERRORED, ComponentStatus.REMOVED]
        problems += [] if holds_ok else [ComponentStatus.HELD]
        for problem in problems:
            if counts.get(problem):
                self._retrieval.settled_result(self._components.statuses().index(problem), timeout=None)

    def get(self, component: int, timeout: Timeout = None) -> Any:
        """Return the output associated with the input component index.

        Parameters
        ----------
        component
            The index of the input; negative ones count from the end.
        timeout
            How long to wait for it (seconds, or a timedelta). None: for ever.

        Raises
        ------
        MapComponentError
            The component raised; the cause is its own exception. See also `get_err`, `error_reports`.
        OutputNotReady
            It is not there when the time is up; a TimeoutError and an OutputNotFound.
        MapComponentHeld, MapComponentRemoved
        """
        return self._retrieval.result(self._index(component), timeout)

    def get_err(self, component: int, timeout: Timeout = None) -> ComponentError:
        """Return the error associated with the input component index.

        Raises
        ------
        ExpectedError
            The component actually succeeded.
        """
        component = self._index(component)
        self._retrieval.wait_for(component, timeout)
        status = self._components.status(component)
        if status is ComponentStatus.HELD:
            self._retrieval.raise_held(component)
        if status is ComponentStatus.REMOVED:
            self._retrieval.raise_removed(component)
        return self._error(component, timeout)

    def _error(self, component: int, timeout: Timeout) -> ComponentError:
        try:
            outcome = self._retrieval.outcome(component, timeout)
        except DamagedFile as error:
            return ComponentError.without_output(self, component, str(error))
        if outcome is None:
            return ComponentError.without_output(self, component, self._retrieval.why_no_output(component))
        if outcome.status != RAISED:
            raise ExpectedError(f"Component {component} of map {self._tag} returned: it has no error. Use map.get().")
        return ComponentError.from_outcome(self, component, outcome, self._components.created)

    @overload
    def __getitem__(self, item: int) -> Any: ...
    @overload
    def __getitem__(self, item: slice) -> list[Any]: ...
    def __getitem__(self, item: int | slice) -> Any:
        """Return the output associated with the input index (or indices). Does not block."""
        if isinstance(item, slice):
            return [self.get(component, timeout=0) for component in range(len(self))[item]]
        return self.get(item, timeout=0)

    def __iter__(self) -> Iterator[Any]:
        return self.iter()

    def __reversed__(self) -> Iterator[Any]:
        self._check_exists()
        return (self.get(component) for component in reversed(range(len(self))))

    def __contains__(self, value: object) -> bool:
        return any(value is each or value == each for each in self)

    def _index(self, component: int) -> int:
        try:
            return range(len(self))[operator.index(component)]
        except IndexError:
            raise NoSuchComponent(
                f"Map {self._tag} has no component {component}: it has {len(self)}, from 0 to {len(self) - 1}."
            ) from None
        except TypeError:
            raise TypeError(f"A component is named by its index, a whole number, not by {component!r}.") from None

    def iter(self, timeout: Timeout = None) -> Iterator[Any]:
        """Iterate over the output in the order of the inputs, waiting `timeout` for each to become available."""
        self._check_exists()
        return self._retrieval.results(timeout)

    def iter_with_inputs(self, timeout: Timeout = None) -> Iterator[tuple[Call, Any]]:
        """As `iter`, with the inputs: pairs ``((args, kwargs), output)``."""
        return zip(self.iter_inputs(), self._retrieval.results(timeout), strict=True)

    def iter_as_available(self, timeout: Timeout = None) -> Iterator[Any]:
        """Iterate over the output as it becomes available; `timeout` is for the whole iteration.

        What is there is given before a component that is held, removed or errored raises. The iterator can go on after
        that: each of them raises once.
        """
        return self._available(lambda component: self._retrieval.settled_result(component, None), timeout)

    def iter_as_available_with_inputs(self, timeout: Timeout = None) -> Iterator[tuple[Call, Any]]:
        """As `iter_as_available`, with the inputs: pairs ``((args, kwargs), output)``."""
        return self._available(
            lambda component: (self._inputs.get(component), self._retrieval.settled_result(component, None)), timeout
        )

    def _available(self, fetch: Callable[[int], T], timeout: Timeout) -> Iterator[T]:
        self._check_exists()
        return Available(self._components, self._retrieval, self._refresh, fetch, timeout, settings["WAIT_TIME"])

    def iter_inputs(self) -> Iterator[Call]:
        """Iterate over the inputs: pairs ``(args, kwargs)``."""
        self._check_exists()
        return iter(self._inputs)

    # --- errors and holds -----------------------------------------------------------------------------------------

    @property
    def errors(self) -> dict[int, ComponentError]:
        """The errors of the components that have errored so far. Does not wait for the others."""
        return dict(self._errored())

    def error_reports(self) -> Iterator[str]:
        """Yield the error report of each component that has errored so far. Does not wait for the others."""
        self._check_exists()
        return (error.report() for _, error in self._errored())

    def _errored(self) -> Iterator[tuple[int, ComponentError]]:
        for component in self.components_by_status()[ComponentStatus.ERRORED]:
            # Of a job that failed, some components may have returned before.
            # Of a job that ended a moment ago, the output may be late.
            with contextlib.suppress(ExpectedError, TimeoutError):
                yield component, self._error(component, 0)

    @property
    def holds(self) -> dict[int, ComponentHold]:
        """The holds of the components that are held."""
        self._refresh()
        return {component: ComponentHold(hold.code, hold.reason) for component, hold in self._components.holds()}

    def hold_report(self) -> str:
        """Return a string containing a formatted table describing any held components, and what may be done."""
        return hold_table(self.holds)

    # --- usage ----------------------------------------------------------------------------------------------------

    @property
    def memory_usage(self) -> list[int]:
        """Return the latest peak memory usage of each map component, measured in MB.

        A component that has not reported yet shows a 0. A finished one shows what the runner measured for it alone.
        """
        self._refresh()
        return [self._retrieval.memory_mb(component) for component in range(len(self))]

    @property
    def runtime(self) -> list[dt.timedelta]:
        """Return the total runtime (user + system) of each component; zero if it has not finished."""
        self._refresh()
        return [dt.timedelta(seconds=self._retrieval.cpu_s(each)) for each in range(len(self))]

    @property
    def local_data(self) -> int:
        """Return the number of bytes stored on the local disk by the map."""
        self._check_exists()
        return size_of(self._dir.path)

    @property
    def stdout(self) -> MapStdOut:
        """A sequence containing the stdout for each map component."""
        self._check_exists()
        return MapStdOut(self)

    @property
    def stderr(self) -> MapStdErr:
        """A sequence containing the stderr for each map component."""
        self._check_exists()
        return MapStdErr(self)

    @property
    def output_files(self) -> MapOutputFiles:
        """A sequence containing the path to the directory of output files for each map component."""
        self._check_exists()
        return MapOutputFiles(self)

    def _scratch_of(self, _component: int) -> Path | None:
        """Where the job of a component works, if that can be read from here."""
        return None

    def _printed(self, component: int, stream: str, timeout: Timeout) -> str:
        component = self._index(component)
        try:
            self._retrieval.wait_for(component, timeout)
        except TimeoutError:
            scratch = self._scratch_of(component)
            if scratch is None:
                raise
            # The runner keeps it there until the component is over.
            with contextlib.suppress(FileNotFoundError):
                return (scratch / STREAMS / stream_name(component, stream)).read_text(
                    encoding="utf-8", errors="replace"
                )
            raise
        return self._retrieval.printed(component, stream)

    def _output_directory(self, component: int, timeout: Timeout) -> Path:
        component = self._index(component)
        self._retrieval.wait_for(component, timeout)
        path = self._dir.output_files(component)
        with contextlib.suppress(OSError):
            path.mkdir(mode=0o700, exist_ok=True)  # of a component that sent nothing back
        return path


def _is_settled(counts: Mapping[ComponentStatus, int]) -> bool:
    """Whether nothing more happens by itself: every component has ended, or is held."""
    return not any(number for status, number in counts.items() if status in ACTIVE - {ComponentStatus.HELD})


def _pace() -> Pace:
    return Pace(longest_s=settings["WAIT_TIME"], grace_s=settings["OUTPUT_GRACE"])
