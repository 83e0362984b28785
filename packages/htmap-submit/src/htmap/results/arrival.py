"""Components in the order in which they become available.

In: the statuses of a map. Out: the indices of completed components, as they complete; a held, removed or errored one
raises, once, after all that is there has been given. The iterator can go on after it has raised.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TypeVar

from htmap.observe.components import Components
from htmap.observe.pace import Deadline, Pacer, Timeout
from htmap.observe.statuses import ACTIVE, ComponentStatus
from htmap.results.retrieval import Retrieval

T = TypeVar("T")


class Available(Iterator[T]):
    """Iterates over what `fetch` makes of each component.

    Parameters
    ----------
    refresh
        Brings `components` up to date; returns whether there was news.
    timeout
        For the whole iteration.
    """

    def __init__(  # noqa: PLR0917 - what it stands on, and what it does
        self,
        components: Components,
        retrieval: Retrieval,
        refresh: Callable[[], bool],
        fetch: Callable[[int], T],
        timeout: Timeout,
        longest_s: float,
    ) -> None:
        self._components = components
        self._retrieval = retrieval
        self._refresh = refresh
        self._fetch = fetch
        self._deadline = Deadline(timeout)
        self._pacer = Pacer(longest_s)
        self._pending = list(range(components.count))
        self._ready: deque[int] = deque()
        self._troubled: deque[int] = deque()

    def __next__(self) -> T:
        while not self._ready:
            if self._troubled:
                self._retrieval.settled_result(self._troubled.popleft(), None)
                continue  # its job failed after it had left a result: a status is not everything
            if not self._pending:
                raise StopIteration
            self._look()
        return self._fetch(self._ready.popleft())

    def _look(self) -> None:
        """Sort what is pending; sleep a little if nothing is there."""
        if self._refresh():
            self._pacer.saw_news()
        statuses = self._components.statuses()
        pending = []
        for component in self._pending:
            status = statuses[component]
            if status is ComponentStatus.COMPLETED:
                self._ready.append(component)
            elif status in ACTIVE and status is not ComponentStatus.HELD:
                pending.append(component)
            else:
                self._troubled.append(component)
        self._pending = pending
        if not self._ready and not self._troubled:
            self._deadline.check(lambda: f"{len(pending)} components of map {self._retrieval.tag()}")
            self._pacer.pause(self._deadline.remaining_s())
