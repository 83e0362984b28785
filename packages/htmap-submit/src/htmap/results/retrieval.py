"""Wait for components, and give what they left or raise what became of them.

In: the statuses of a map (`htmap.observe.components`), its outputs, and its watch, which waits for more. Out: result
objects, outcomes, what was printed; or one of our exceptions that names map and component. This is all of
`htmap.Map.get` and its relatives but the facade.
"""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar

from htmap.exceptions import (
    DamagedFile,
    HTMapException,
    InvalidOption,
    MapComponentError,
    MapComponentHeld,
    MapComponentRemoved,
    MapWasRemoved,
    NoSuchComponent,
    OutputNotFound,
    OutputNotReady,
    TimeoutError,  # noqa: A004 - ours
)
from htmap.observe.components import Components
from htmap.observe.pace import Deadline, Pacer, Timeout, seconds
from htmap.observe.statuses import ACTIVE, ComponentStatus
from htmap.observe.watch import Watch
from htmap.results.program import Program
from htmap.results.tracebacks import format_exception
from htmap.results.unpickle import exception_of, result_of
from htmap.settings import settings
from htmap.store.current_tag import CurrentTag
from htmap_common.agreed import RAISED, STREAMS, stream_name
from htmap_common.wire import Outcome, OutcomeRecord, WireError, read_exception
from htmap_common.wording import visible

T = TypeVar("T")


_TOLERANCES = ("raise", "skip", "return")


class Given(Generic[T]):
    """How an iterator gives what a component left, and what it does about one that left no result.

    Parameters
    ----------
    errors
        ``"raise"``, ``"skip"``, or ``"return"``: give the exception in place of the result.
    dressed
        What to make of a component and its result, or its exception.

    Raises
    ------
    InvalidOption
        `errors` is none of these.
    """

    def __init__(self, retrieval: Retrieval, errors: str, dressed: Callable[[int, Any], T]) -> None:
        if errors not in _TOLERANCES:
            raise InvalidOption(f"errors must be one of {', '.join(_TOLERANCES)}, not {errors!r}.")
        self.retrieval = retrieval
        self._errors = errors
        self._dressed = dressed

    def of(self, component: int, timeout: Timeout) -> Iterator[T]:
        """What to give of a component that has ended, or is held: one thing, or none."""
        try:
            result = self.retrieval.settled_result(component, timeout)
        except (MapWasRemoved, TimeoutError):
            raise
        except HTMapException as error:
            if self._errors == "raise":
                raise
            if self._errors == "skip":
                return
            result = error
        yield self._dressed(component, result)


class Retrieval:
    """Gets what the components of one map left."""

    def __init__(self, components: Components, watch: Watch, program: Program, tag: CurrentTag) -> None:
        self._program = program
        self.components = components
        self.watch = watch
        self.tag = tag

    def index(self, component: int) -> int:
        """The index of a component, as a sequence takes it: negative ones count from the end.

        Raises
        ------
        NoSuchComponent, TypeError
        """
        count = self.components.count
        try:
            return range(count)[operator.index(component)]
        except IndexError:
            raise NoSuchComponent(
                f"Map {self.tag} has no component {component}: it has {count}, from 0 to {count - 1}."
            ) from None
        except TypeError:
            raise TypeError(f"A component is named by its index, a whole number, not by {component!r}.") from None

    def result(self, component: int, timeout: Timeout) -> Any:
        """The result of a component; waits for it, and raises if it is held, removed or errored."""
        component = self.index(component)
        self.wait_for(component, timeout)
        return self.settled_result(component, timeout)

    def results(self, timeout: Timeout, given: Given[T]) -> Iterator[T]:
        """What all components left, in order, waiting for each; news is looked for only where something is missing."""
        self.watch.look()
        for component in range(self.components.count):
            if self.components.status(component) is not ComponentStatus.COMPLETED:
                self.wait_for(component, timeout)
            yield from given.of(component, timeout)

    def settled_result(self, component: int, timeout: Timeout) -> Any:
        """The result of a component that has ended, or is held; raises if it has none."""
        return result_of(self.returned_record(component, timeout), component, self._program)

    def returned_record(self, component: int, timeout: Timeout) -> OutcomeRecord:
        """The record of a component that has ended, or is held; raises unless it returned."""
        self.raise_if_held_or_removed(component)
        record = self.record(component, timeout)
        if record is None or record.outcome.status == RAISED:
            self.raise_error(component, record)
        return record

    def wait_for(self, component: int, timeout: Timeout) -> None:
        """Wait until a component has ended, or is held."""

        def has_settled() -> bool:
            status = self.components.status(component)
            return status not in ACTIVE or status is ComponentStatus.HELD

        try:
            self.watch.until(has_settled, timeout, lambda: f"component {component}")
        except TimeoutError:
            raise OutputNotReady(
                f"The output of component {component} of map {self.tag} is not there yet: the component is "
                f"{self.components.status(component)}{_waited(timeout)}."
            ) from None

    def record(self, component: int, timeout: Timeout) -> OutcomeRecord | None:
        """The record of a component that has ended. None: its job failed and left none."""
        try:
            return self.components.outputs.record(*self.components.place(component), component)
        except (OutputNotFound, DamagedFile):
            self.watch.look()  # the whole map may be gone
            return self._late_record(component, timeout)

    def _late_record(self, component: int, timeout: Timeout) -> OutcomeRecord | None:
        place = self.components.place(component)
        failed = self.components.exit_of(component) is not None
        deadline, pacer = Deadline(timeout), Pacer(settings["WAIT_TIME"])
        while True:
            try:
                return self.components.outputs.record(*place, component)
            except (OutputNotFound, DamagedFile) as error:
                grace_s = 0.0 if failed else self._grace_left_s()
                if grace_s > 0:
                    if deadline.remaining_s() <= 0:
                        raise OutputNotReady(
                            f"The output of component {component} of map {self.tag} is not there yet, although its "
                            f"job has ended{_waited(timeout)}: a shared disk may be slow to show it."
                        ) from None
                    pacer.pause(min(grace_s, deadline.remaining_s()))
                elif isinstance(error, DamagedFile):
                    raise
                else:
                    return None

    def _grace_left_s(self) -> float:
        grace_s: float = settings["OUTPUT_GRACE"]
        return grace_s - self.components.silence_s()

    def outcome(self, component: int, timeout: Timeout) -> Outcome | None:
        """What the record of a component that has ended says. None: it left no record."""
        record = self.record(component, timeout)
        return None if record is None else record.outcome

    def printed(self, component: int, stream: str, timeout: Timeout) -> str:
        """What a component printed; for one that left no record, what its job printed.

        Raises
        ------
        OutputNotReady
            It has not ended in time, and what it has printed so far cannot be seen from here.
        """
        component = self.index(component)
        try:
            self.wait_for(component, timeout)
        except OutputNotReady:
            scratch = self.watch.scratch(component)
            if scratch is None:
                raise
            # The runner keeps it there until the component has ended.
            with contextlib.suppress(FileNotFoundError):
                return _text(scratch / STREAMS / stream_name(component, stream))
            raise
        return self._printed_to_the_end(component, stream)

    def _printed_to_the_end(self, component: int, stream: str) -> str:
        place = self.components.place(component)
        try:
            record = self.components.outputs.record(*place, component)
        except (OutputNotFound, DamagedFile):
            log = self.components.map_dir.submission(place.submission).log(place.job)
            return _text(log) if log.exists() else ""
        try:
            return record.printed(stream).decode("utf-8", "replace")
        except WireError as error:
            raise DamagedFile(f"What component {component} printed cannot be read: {error}") from error

    def output_files(self, component: int, timeout: Timeout) -> Path:
        """The directory of what a component sent back; waits for it to end, or to be held."""
        component = self.index(component)
        self.wait_for(component, timeout)
        path = self.components.map_dir.output_files(component)
        with contextlib.suppress(OSError):
            path.mkdir(mode=0o700, exist_ok=True)  # of a component that sent nothing back
        return path

    def memory_mb(self, component: int) -> int:
        """Peak memory of a component so far, in MB, rounded up; 0 if nothing has been reported.

        What the queue saw counts the programs that the function has started, but may have come between two of its
        looks; what the runner saw is of a component alone. The larger is nearer to the truth; but of a component that
        shares its job, the queue knows nothing.
        """
        measured = self.measured(component)
        measured_mb = -(-measured.peak_memory_kb // 1024) if measured else 0
        if measured_mb and self.components.shares_job(component):
            return measured_mb
        return max(measured_mb, self.components.figures(component).memory_mb)

    def cpu_s(self, component: int) -> float:
        """User and system time of a component, in seconds; 0 if it has not finished."""
        measured = self.measured(component)
        return float(measured.user_cpu_s + measured.system_cpu_s) if measured else 0.0

    def measured(self, component: int) -> Outcome | None:
        """What the record of a component says, if it has ended and left one that can be read."""
        if self.components.status(component) in ACTIVE:
            return None
        try:
            return self.components.outputs.outcome(*self.components.place(component), component)
        except HTMapException:
            return None  # what is wrong with it is said where the output itself is asked for

    def why_no_output(self, component: int) -> str:
        """One sentence on a component whose job has ended but left no record."""
        code = self.components.exit_of(component)
        if code is None:
            return "The job ended well, but its output is not there."
        ended = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return f"The job {ended} and left no output."

    def raise_error(self, component: int, record: OutcomeRecord | None) -> NoReturn:
        """Raise for an errored component; the cause is the user's own exception, where it pickles."""
        if record is None:
            raise MapComponentError(
                f"Component {component} of map {self.tag} has no output. {self.why_no_output(component)} "
                f"See map.stderr[{component}]; map.rerun([{component}]) tries again."
            )
        exception = record.outcome.exception or read_exception({})
        hint = visible(f"\n{exception.hint}") if exception.hint else ""
        trace = format_exception(exception, self.components.created)
        raise MapComponentError(
            f"Component {component} of map {self.tag} raised.\n{trace}{hint}\n"
            f"map.get_err({component}).report() tells more."
        ) from exception_of(record, self._program)

    def raise_if_held_or_removed(self, component: int) -> None:
        """Raise for a component that has not ended, and will not by itself."""
        status = self.components.status(component)
        if status is ComponentStatus.HELD:
            hold = self.components.hold(component)
            why = visible(f"[{hold.code}] {hold.reason}") if hold else "no reason given"
            raise MapComponentHeld(
                f"Component {component} of map {self.tag} is held: {why}\n"
                "Solve the problem, then map.release(). map.hold_report() shows all holds."
            )
        if status is ComponentStatus.REMOVED:
            reason = self.components.removal(component)
            why = f": {visible(reason)}" if reason else ""
            raise MapComponentRemoved(
                f"Component {component} of map {self.tag} was removed from the queue before it finished{why}. "
                f"map.rerun([{component}]) submits it again."
            )


def _waited(timeout: Timeout) -> str:
    """For messages: that somebody has waited, and for how long."""
    waited_s = seconds(timeout)
    return f", after {waited_s:g} s" if waited_s is not None and waited_s > 0 else ""


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
