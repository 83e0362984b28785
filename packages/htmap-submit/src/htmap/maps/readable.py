"""The reading half of a map: statuses, waiting, results, errors, usage. Nothing here changes anything.

In: an opened map. On the other side: its event log and its outputs. `htmap.maps.acting` adds what acts on the map.
"""

from __future__ import annotations

import collections
import contextlib
import datetime as dt
import html
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, overload

from htmap.exceptions import (
    ExpectedError,
    TimeoutError,  # noqa: A004 - ours
)
from htmap.maps.advice import advice
from htmap.maps.component_errors import error_of
from htmap.maps.opened import Opened
from htmap.maps.report import page
from htmap.maps.table import rows
from htmap.maps.why import why
from htmap.observe.holds import ComponentHold
from htmap.observe.pace import Deadline, Pacer, Timeout
from htmap.observe.statuses import ACTIVE, ComponentStatus
from htmap.results.arrival import Arrivals
from htmap.results.errors import ComponentError
from htmap.results.inputs import Call
from htmap.results.retrieval import Given
from htmap.results.streams import MapOutputFiles, MapStdErr, MapStdOut
from htmap.settings import settings
from htmap.show.bars import component_bar, summary
from htmap.show.holds import hold_table
from htmap.show.notebook import map_html
from htmap.store.atomic import size_of

Errors = Literal["raise", "skip", "return"]


class ReadableMap(Sequence[Any]):
    """What can be known of a map."""

    def __init__(self, opened: Opened) -> None:
        self.opened = opened  # the parts that this map stands on, for HTMap's own tools

    @property
    def exists(self) -> bool:
        """True if and only if the map has not been successfully removed."""
        return self.opened.watch.exists()

    def __repr__(self) -> str:
        return f"Map(tag={self.opened.tag.last!r})"

    def __len__(self) -> int:
        """The length of a Map is the number of components it contains."""
        return self.opened.record.components

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ReadableMap) and self.opened.directory == other.opened.directory

    def __hash__(self) -> int:
        return hash(self.opened.directory)

    @property
    def tag(self) -> str:
        """The tag of this map. Another process may have changed it since it was loaded."""
        return self.opened.tag.look()

    @property
    def created(self) -> dt.datetime:
        """When the map was made, in the local time zone."""
        return dt.datetime.fromtimestamp(self.opened.record.created).astimezone()

    # --- statuses -------------------------------------------------------------------------------------------------

    @property
    def components(self) -> tuple[int, ...]:
        """The component indices."""
        self.opened.watch.check_exists()
        return tuple(range(len(self)))

    @property
    def component_statuses(self) -> list[ComponentStatus]:
        """The current status of each component."""
        self.opened.watch.look()
        return list(self.opened.components.statuses())

    def components_by_status(self) -> Mapping[ComponentStatus, tuple[int, ...]]:
        """Return the component indices grouped by their statuses."""
        grouped = collections.defaultdict(list)
        for component, status in enumerate(self.component_statuses):
            grouped[status].append(component)
        return {status: tuple(grouped.get(status, ())) for status in ComponentStatus}

    def status(self) -> str:
        """Return a string containing the number of components in each status."""
        text = f"Map {self.opened.tag} ({len(self)} components): {summary(self._counts())}"
        why = self.opened.watch.why_unasked
        return f"{text}\nThat is what was last known. {why}" if why else text

    def _repr_html_(self) -> str:
        if not self.exists:
            return f"<div>The map <b>{html.escape(self.opened.tag.last)}</b> has been removed.</div>"
        counts = self._counts()
        components = self.opened.components
        return map_html(
            self.tag, self.opened.record.function_name, counts, components.peak_memory_mb(), components.totals()
        )

    @property
    def is_done(self) -> bool:
        """True if all of the output is available for this map."""
        return self._counts()[ComponentStatus.COMPLETED] == len(self)

    @property
    def is_active(self) -> bool:
        """True if any map components are not complete (or errored!)."""
        self.opened.watch.look()
        return self.opened.components.is_active()

    def _counts(self) -> Mapping[ComponentStatus, int]:
        self.opened.watch.look()
        return self.opened.components.counts()

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

        Examples
        --------
        >>> inverses = htmap.map(lambda x: 1 / x, [1, 0], tag="inverses", quiet=True)
        >>> inverses.wait(timeout=60, errors_ok=True)
        >>> inverses.component_statuses.count("ERRORED")
        1
        """
        deadline, pacer = Deadline(timeout), Pacer(settings["WAIT_TIME"])
        with component_bar(self.opened.tag.last, len(self), shown=show_progress_bar) as show:
            while True:
                if self.opened.watch.look():
                    pacer.saw_news()
                counts = self.opened.components.counts()
                show(counts)
                self._raise_for_first_problem(counts, holds_ok=holds_ok, errors_ok=errors_ok)
                if _is_settled(counts):
                    return
                deadline.check(lambda: f"map {self.opened.tag} ({summary(counts)})")  # noqa: B023 - called at once
                pacer.pause(deadline.remaining_s())

    def _raise_for_first_problem(
        self, counts: Mapping[ComponentStatus, int], *, holds_ok: bool, errors_ok: bool
    ) -> None:
        problems = [] if errors_ok else [ComponentStatus.ERRORED, ComponentStatus.REMOVED]
        problems += [] if holds_ok else [ComponentStatus.HELD]
        for problem in problems:
            if counts.get(problem):
                statuses = enumerate(self.opened.components.statuses())
                for component in [each for each, status in statuses if status is problem]:
                    # Of a job that failed, a component may have left a result before.
                    self.opened.retrieval.returned_record(component, timeout=None)

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

        Examples
        --------
        >>> squares = htmap.map(lambda x: x**2, [3, 4], tag="squares", quiet=True)
        >>> squares.get(1), squares.get(-1, timeout=60)
        (16, 16)
        """
        return self.opened.retrieval.result(component, timeout)

    def get_err(self, component: int, timeout: Timeout = None) -> ComponentError:
        """Return the error associated with the input component index.

        Raises
        ------
        ExpectedError
            The component actually succeeded.
        """
        component = self.opened.retrieval.index(component)
        self.opened.retrieval.wait_for(component, timeout)
        self.opened.retrieval.raise_if_held_or_removed(component)
        return error_of(self, self.opened, component, timeout)

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
        self.opened.watch.check_exists()
        return (self.get(component) for component in reversed(range(len(self))))

    def __contains__(self, value: object) -> bool:
        return any(value is each or value == each for each in self)

    def iter(self, timeout: Timeout = None, errors: Errors = "raise") -> Iterator[Any]:
        """Iterate over the output in the order of the inputs, waiting `timeout` for each to become available.

        Parameters
        ----------
        timeout
            How long to wait for each (seconds, or a timedelta). None: for ever.
        errors
            What to do about a component that is held, removed or errored, or whose output cannot be read: ``"raise"``,
            which ends the iteration; ``"skip"`` it; or ``"return"`` its exception in place of the output.
        """
        self.opened.watch.check_exists()
        return self.opened.retrieval.results(timeout, self._bare(errors))

    def iter_with_inputs(self, timeout: Timeout = None, errors: Errors = "raise") -> Iterator[tuple[Call, Any]]:
        """As `iter`, with the inputs: pairs ``((args, kwargs), output)``."""
        self.opened.watch.check_exists()
        return self.opened.retrieval.results(timeout, self._with_input(errors))

    def iter_as_available(self, timeout: Timeout = None, errors: Errors = "raise") -> Iterator[Any]:
        """Iterate over the output as it becomes available; `timeout` is for the whole iteration.

        What is there is given before a component that is held, removed or errored raises. The iterator can go on after
        that: each of them raises once. `errors` as for `iter`.
        """
        self.opened.watch.check_exists()
        return Arrivals(timeout, self._bare(errors))

    def iter_as_available_with_inputs(
        self, timeout: Timeout = None, errors: Errors = "raise"
    ) -> Iterator[tuple[Call, Any]]:
        """As `iter_as_available`, with the inputs: pairs ``((args, kwargs), output)``."""
        self.opened.watch.check_exists()
        return Arrivals(timeout, self._with_input(errors))

    def _bare(self, errors: Errors) -> Given[Any]:
        return Given(self.opened.retrieval, errors, lambda _component, output: output)

    def _with_input(self, errors: Errors) -> Given[tuple[Call, Any]]:
        inputs = self.opened.inputs
        return Given(self.opened.retrieval, errors, lambda component, output: (inputs.get(component), output))

    def iter_inputs(self) -> Iterator[Call]:
        """Iterate over the inputs: pairs ``(args, kwargs)``."""
        self.opened.watch.check_exists()
        return iter(self.opened.inputs)

    # --- errors and holds -----------------------------------------------------------------------------------------

    @property
    def errors(self) -> dict[int, ComponentError]:
        """The errors of the components that have errored so far. Does not wait for the others."""
        return dict(self._errored())

    def error_reports(self) -> Iterator[str]:
        """Yield the error report of each component that has errored so far. Does not wait for the others."""
        self.opened.watch.check_exists()
        return (error.report() for _, error in self._errored())

    def _errored(self) -> Iterator[tuple[int, ComponentError]]:
        for component in self.components_by_status()[ComponentStatus.ERRORED]:
            # Of a job that failed, some components may have returned before.
            # Of a job that ended a moment ago, the output may be late.
            with contextlib.suppress(ExpectedError, TimeoutError):
                yield component, error_of(self, self.opened, component, 0)

    @property
    def holds(self) -> dict[int, ComponentHold]:
        """The holds of the components that are held."""
        self.opened.watch.look()
        return {
            component: ComponentHold(hold.code, hold.reason, subcode=hold.subcode)
            for component, hold in self.opened.components.holds().items()
        }

    def hold_report(self) -> str:
        """Return a string containing a formatted table describing any held components, and what may be done."""
        return hold_table(self.holds)

    def why(self, component: int | None = None) -> str:
        """Return why components do not run, or what became of them, in sentences.

        Of an idle component the queue is asked: which of its requirements and requests no machine of the pool
        satisfies, how many satisfy each, what the largest machine has; or what the slots of this machine are busy with.

        Parameters
        ----------
        component
            The index of the component. None: the components of each status.
        """
        return why(self.opened, component)

    def advice(self) -> list[str]:
        """Return what to ask for next time, from what the jobs of this map have used so far.

        From ten jobs on that ended well, the request for memory or disk should be the largest use that was seen and a
        fourth of it on top; a request is spoken of if it is half as much again as that, or if less than a tenth of it
        was left. Cores are spoken of if half of them were never busy; jobs, if there are many that hardly take longer
        than it takes to start them. Components that were held for using too much memory are spoken of in any case.
        """
        self.opened.watch.look()
        return [str(each) for each in advice(self.opened)]

    def report(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return a page with pictures of this map, as HTML that needs no network and runs no script.

        States over time, hosts, memory used against asked for, wall times, attempts, evictions and holds, the slowest,
        the largest and the failed components with their errors, and `advice`. Of a map that still runs, ask again for
        newer figures. Needs ``pip install 'htmap-submit[report]'``.

        Parameters
        ----------
        path
            A file to write it to as well.

        Raises
        ------
        MissingPackage
        """
        return page([self.opened], path)

    # --- usage ----------------------------------------------------------------------------------------------------

    def table(self) -> list[dict[str, Any]]:
        """Return a row for each component: ``pandas.DataFrame(map.table())`` makes a table of them.

        The columns are ``component``, ``status``; ``host``, ``started``, ``ended`` of its last run, in UTC; ``wall_s``
        and ``cpu_s``, in seconds, with the time of programs that it ran; ``peak_memory_mb`` and
        ``requested_memory_mb``; ``cores``, how many it kept busy, and ``requested_cpus``; ``disk_kb`` and
        ``requested_disk_kb``; ``attempts`` and ``evictions``; and ``problem``, its hold or its error in short.

        What is not known (yet) is None. Of components that share a job, cores, disk, attempts and evictions are those
        of the job. The output of each job that has ended is opened, and nothing is unpickled.
        """
        self.opened.watch.look()
        return [dict(row) for row in rows(self.opened)]

    @property
    def memory_usage(self) -> list[int]:
        """Return the latest peak memory usage of each map component, measured in MB.

        A component that has not reported yet shows a 0. Programs that a function runs count, as far as the queue or the
        runner saw them; a component that shares its job shows what the runner measured for it alone.
        """
        self.opened.watch.look()
        return [self.opened.retrieval.memory_mb(component) for component in range(len(self))]

    @property
    def runtime(self) -> list[dt.timedelta]:
        """Return the total runtime (user + system) of each component; zero if it has not finished."""
        self.opened.watch.look()
        return [dt.timedelta(seconds=self.opened.retrieval.cpu_s(each)) for each in range(len(self))]

    @property
    def local_data(self) -> int:
        """Return the number of bytes stored on the local disk by the map."""
        self.opened.watch.check_exists()
        return size_of(self.opened.directory.path)

    @property
    def stdout(self) -> MapStdOut:
        """A sequence containing the stdout for each map component."""
        self.opened.watch.check_exists()
        return MapStdOut(self)

    @property
    def stderr(self) -> MapStdErr:
        """A sequence containing the stderr for each map component."""
        self.opened.watch.check_exists()
        return MapStdErr(self)

    @property
    def output_files(self) -> MapOutputFiles:
        """A sequence containing the path to the directory of output files for each map component."""
        self.opened.watch.check_exists()
        return MapOutputFiles(self)


def _is_settled(counts: Mapping[ComponentStatus, int]) -> bool:
    """Whether nothing more happens by itself: every component has ended, or is held."""
    return not any(number for status, number in counts.items() if status in ACTIVE - {ComponentStatus.HELD})
