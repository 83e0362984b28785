"""Wait for components, and give what they left or raise what became of them.

In: the statuses of a map (`htmap.observe.components`) and its outputs. Out: result objects, error records; or one of
our exceptions that names map and component. This is all of `htmap.Map.get` and its relatives but the facade.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from htmap.exceptions import (
    DamagedFile,
    HTMapException,
    MapComponentError,
    MapComponentHeld,
    MapComponentRemoved,
    OutputNotFound,
    OutputNotReady,
    TimeoutError,  # noqa: A004 - ours
)
from htmap.observe.components import Components
from htmap.observe.pace import Deadline, Pacer, Timeout, seconds, wait_until
from htmap.observe.statuses import ACTIVE, ComponentStatus
from htmap.results.errors import format_chain
from htmap.results.inputs import exception_of, result_of
from htmap_common.agreed import RAISED
from htmap_common.wire import Outcome, OutcomeRecord, WireError, read_exception


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to wait for what."""

    longest_s: float  # between two looks at the log
    grace_s: float  # for the output of a job that has ended: a shared disk may show it late


class Retrieval:
    """Gets outputs of the components of one map.

    Parameters
    ----------
    tag
        Gives the tag of the map, for messages.
    refresh
        Brings `components` up to date; returns whether there was news.
    """

    def __init__(
        self, components: Components, tag: Callable[[], str], refresh: Callable[[], bool], pace: Callable[[], Pace]
    ) -> None:
        self._components = components
        self.tag = tag
        self._refresh = refresh
        self._pace = pace

    def result(self, component: int, timeout: Timeout) -> Any:
        """The result of a component; waits for it, and raises if it is held, removed or errored."""
        self.wait_for(component, timeout)
        return self.settled_result(component, timeout)

    def results(self, timeout: Timeout) -> Iterator[Any]:
        """The results of all components in order, waiting for each; news is looked for only where one is not there."""
        self._refresh()
        for component in range(self._components.count):
            if self._components.status(component) is not ComponentStatus.COMPLETED:
                self.wait_for(component, timeout)
            yield self.settled_result(component, timeout)

    def settled_result(self, component: int, timeout: Timeout) -> Any:
        """The result of a component that is known to be over, or held; raises if it has none."""
        status = self._components.status(component)
        if status is ComponentStatus.HELD:
            self.raise_held(component)
        if status is ComponentStatus.REMOVED:
            self.raise_removed(component)
        record = self.record(component, timeout)
        if record is None or record.outcome.status == RAISED:
            self.raise_error(component, record)
        return result_of(record, component)

    def wait_for(self, component: int, timeout: Timeout) -> None:
        """Wait until a component is over, or held."""

        def is_settled() -> bool:
            status = self._components.status(component)
            return status not in ACTIVE or status is ComponentStatus.HELD

        try:
            wait_until(is_settled, self._refresh, self._pace().longest_s, timeout, lambda: f"component {component}")
        except TimeoutError:
            raise OutputNotReady(
                f"The output of component {component} of map {self.tag()} is not there yet: the component is "
                f"{self._components.status(component)}{_waited(timeout)}."
            ) from None

    def record(self, component: int, timeout: Timeout) -> OutcomeRecord | None:
        """The record of a component that is over. None: its job failed and left none."""
        try:
            return self._components.outputs.record(*self._components.place(component), component)
        except (OutputNotFound, DamagedFile):
            self._refresh()  # the whole map may be gone
            return self._late_record(component, timeout)

    def _late_record(self, component: int, timeout: Timeout) -> OutcomeRecord | None:
        place = self._components.place(component)
        failed = self._components.exit_of(component) is not None
        deadline, pacer = Deadline(timeout), Pacer(self._pace().longest_s)
        while True:
            try:
                return self._components.outputs.record(*place, component)
            except (OutputNotFound, DamagedFile) as error:
                grace_s = 0.0 if failed else self._grace_left_s()
                if grace_s > 0:
                    if deadline.remaining_s() <= 0:
                        raise OutputNotReady(
                            f"The output of component {component} of map {self.tag()} is not there yet, although its "
                            f"job has ended{_waited(timeout)}: a shared disk may be slow to show it."
                        ) from None
                    pacer.pause(min(grace_s, deadline.remaining_s()))
                elif isinstance(error, DamagedFile):
                    raise
                else:
                    return None

    def _grace_left_s(self) -> float:
        return self._components.silent_since() + self._pace().grace_s - time.time()

    def outcome(self, component: int, timeout: Timeout) -> Outcome | None:
        """What the record of a component that is over says. None: it left no record."""
        record = self.record(component, timeout)
        return None if record is None else record.outcome

    def printed(self, component: int, stream: str) -> str:
        """What a settled component printed; for one without a record, what its job printed."""
        place = self._components.place(component)
        try:
            record = self._components.outputs.record(*place, component)
        except (OutputNotFound, DamagedFile):
            log = self._components.map_dir.submission(place.submission).log(place.job)
            return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        try:
            return record.printed(stream).decode("utf-8", "replace")
        except WireError as error:
            raise DamagedFile(f"What component {component} printed cannot be read: {error}") from error

    def memory_mb(self, component: int) -> int:
        """Peak memory of a component, in MB, rounded up; 0 if nothing has been reported."""
        measured = self._measured(component)
        measured_kb = measured.peak_memory_kb if measured else 0
        return -(-measured_kb // 1024) or self._components.memory_mb(component)

    def cpu_s(self, component: int) -> float:
        """User and system time of a component, in seconds; 0 if it has not finished."""
        measured = self._measured(component)
        return float(measured.user_cpu_s + measured.system_cpu_s) if measured else 0.0

    def _measured(self, component: int) -> Outcome | None:
        if self._components.status(component) in ACTIVE:
            return None
        try:
            return self._components.outputs.outcome(*self._components.place(component), component)
        except HTMapException:
            return None  # what is wrong with it is said where the output itself is asked for

    def why_no_output(self, component: int) -> str:
        """One sentence on a component whose job is over but left no record."""
        code = self._components.exit_of(component)
        if code is None:
            return "The job ended well, but its output is not there."
        ended = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return f"The job {ended} and left no output."

    def raise_error(self, component: int, record: OutcomeRecord | None) -> NoReturn:
        """Raise for an errored component; the cause is the user's own exception, where it pickles."""
        if record is None:
            raise MapComponentError(
                f"Component {component} of map {self.tag()} has no output. {self.why_no_output(component)} "
                f"See map.stderr[{component}]; map.rerun([{component}]) tries again."
            )
        exception = record.outcome.exception or read_exception({})
        hint = f"\n{exception.hint}" if exception.hint else ""
        trace = format_chain(exception, self._components.created)
        raise MapComponentError(
            f"Component {component} of map {self.tag()} raised.\n{trace}{hint}\n"
            f"map.get_err({component}).report() tells more."
        ) from exception_of(record)

    def raise_held(self, component: int) -> NoReturn:
        """Raise for a held component."""
        hold = self._components.hold(component)
        why = f"[{hold.code}] {hold.reason}" if hold else "no reason given"
        raise MapComponentHeld(
            f"Component {component} of map {self.tag()} is held: {why}\n"
            "Solve the problem, then map.release(). map.hold_report() shows all holds."
        )

    def raise_removed(self, component: int) -> NoReturn:
        """Raise for a removed component."""
        raise MapComponentRemoved(
            f"Component {component} of map {self.tag()} was removed from the queue before it finished. "
            f"map.rerun([{component}]) submits it again."
        )


def _waited(timeout: Timeout) -> str:
    """For messages: that somebody has waited, and for how long."""
    waited_s = seconds(timeout)
    return f", after {waited_s:g} s" if waited_s is not None and waited_s > 0 else ""
