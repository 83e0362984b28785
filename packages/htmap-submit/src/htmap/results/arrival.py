"""Components in the order in which they arrive.

In: the statuses of a map. Out: what is made of each component, as it completes; a held, removed or errored one raises,
once, after all that is there has been given. The iterator can go on after it has raised.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TypeVar

from htmap.observe.pace import Deadline, Pacer, Timeout
from htmap.observe.statuses import ACTIVE, ComponentStatus
from htmap.results.retrieval import Retrieval
from htmap.settings import settings

T = TypeVar("T")


class Arrivals(Iterator[T]):
    """Iterates over what `fetch` makes of each component.

    Parameters
    ----------
    fetch
        Given a component that has ended, or is held; raises if it left no result. A status is not everything: the job
        of a component may have failed after it had left one.
    timeout
        For the whole iteration.
    """

    def __init__(self, retrieval: Retrieval, fetch: Callable[[int], T], timeout: Timeout) -> None:
        self._retrieval = retrieval
        self._fetch = fetch
        self._deadline = Deadline(timeout)
        self._pacer = Pacer(settings["WAIT_TIME"])
        self._pending = list(range(retrieval.components.count))
        self._completed: deque[int] = deque()
        self._troubled: deque[int] = deque()

    def __next__(self) -> T:
        while not (self._completed or self._troubled):
            if not self._pending:
                raise StopIteration
            self._look()
        return self._fetch((self._completed or self._troubled).popleft())

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
