"""Components in the order in which they arrive.

In: the statuses of a map. Out: what each component left, as it completes; what a held, removed or errored one gives
comes after all that is there. The iterator can go on after it has raised.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TypeVar

from htmap.observe.pace import Deadline, Pacer, Timeout
from htmap.observe.statuses import ACTIVE, ComponentStatus
from htmap.results.retrieval import Given
from htmap.settings import settings

T = TypeVar("T")


class Arrivals(Iterator[T]):
    """Iterates over what components left.

    Parameters
    ----------
    timeout
        For the whole iteration.
    given
        What is given of each component that has ended, or is held. A status is not everything: the job of a component
        may have failed after the component had left a result.
    """

    def __init__(self, timeout: Timeout, given: Given[T]) -> None:
        self._retrieval = given.retrieval
        self._given = given
        self._deadline = Deadline(timeout)
        self._pacer = Pacer(settings["WAIT_TIME"])
        self._pending = list(range(self._retrieval.components.count))
        self._completed: deque[int] = deque()
        self._troubled: deque[int] = deque()

    def __next__(self) -> T:
        while True:
            while not (self._completed or self._troubled):
                if not self._pending:
                    raise StopIteration
                self._look()
            for each in self._given.of((self._completed or self._troubled).popleft(), None):
                return each

    def _look(self) -> None:
        """Sort what is pending; sleep a little if nothing is there."""
        if self._retrieval.watch.look():
            self._pacer.saw_news()
        statuses = self._retrieval.components.statuses()
        pending = []
        for component in self._pending:
            status = statuses[component]
            if status is ComponentStatus.COMPLETED:
                self._completed.append(component)
            elif status in ACTIVE and status is not ComponentStatus.HELD:
                pending.append(component)
            else:
                self._troubled.append(component)
        self._pending = pending
        if not (self._completed or self._troubled):
            self._deadline.check(lambda: f"{len(pending)} components of map {self._retrieval.tag}")
            self._pacer.pause(self._deadline.remaining_s())
