"""Look at a map: at its event log, and, where the log is silent for long, at its queue.

In: the components of a map, and the backend of its jobs. Out: whether there was news; `until` waits for it at next to
no cost: one stat of the event log at each look, and the looks get rarer while nothing happens. On the other side:
whoever waits for a map, reads it or acts on it (`htmap.results`, `htmap.maps`).
"""

from __future__ import annotations

import contextlib
import logging
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from htmap.backend.protocol import Backend
from htmap.delivery.advice import idle_advice, request_advice
from htmap.exceptions import BackendError, InvalidOption, MapWasRemoved
from htmap.language.description import read
from htmap.language.words import TRUE
from htmap.observe.components import Components
from htmap.observe.from_queue import ask_queue
from htmap.observe.pace import Timeout, wait_until
from htmap.observe.statuses import ComponentStatus
from htmap.settings import settings
from htmap.store.atomic import is_there
from htmap.store.current_tag import CurrentTag

logger = logging.getLogger(__name__)

_PROGRESS_CHECK_S = 0.5


class Watch:
    """Looks at one map.

    Parameters
    ----------
    components
        What is brought up to date.
    delivery
        The delivery method of the map: some need what no machine of a pool may have.

    Attributes
    ----------
    why_unasked
        Why the queue could not be asked when it was last tried: what is shown is then what was last known. Empty: it
        could.
    """

    def __init__(self, components: Components, tag: CurrentTag, backend: Backend, delivery: str) -> None:
        self._components = components
        self._tag = tag
        self._backend = backend
        self._delivery = delivery
        self._progress_checked = self._queue_asked = float("-inf")
        self._is_advised = False
        self._is_first_look = True
        self.why_unasked = ""

    def exists(self) -> bool:
        """Whether the map has not been removed."""
        return is_there(self._components.map_dir.map)

    def check_exists(self) -> None:
        """Raise `htmap.exceptions.MapWasRemoved` if the map has been removed."""
        if not self.exists():
            raise MapWasRemoved(f"The map {self._tag} has been removed.")

    def look_at_log(self) -> bool:
        """Read what is new in the log, and nothing else; returns whether anything was."""
        self.check_exists()
        return self._components.refresh()

    def look(self) -> bool:
        """Read what is new in the log; see to it that unfinished jobs go on, and ask the queue about silent ones.

        Returns
        -------
        bool
            Whether anything was new in the log.
        """
        news = self.look_at_log()
        if self._components.is_active():
            self._see_to_jobs()
        return news

    def until(self, is_true: Callable[[], bool], timeout: Timeout, waiting_for: Callable[[], str]) -> None:
        """Look until something is true.

        Raises
        ------
        TimeoutError
            It did not become true in time; the message says what was waited for.
        """
        wait_until(is_true, self.look, settings["WAIT_TIME"], timeout, waiting_for)

    def scratch(self, component: int) -> Path | None:
        """Where the job of a component works, if that can be read from here."""
        job = self._components.job_of(component)
        return None if job is None else self._backend.scratch(*job)

    def _see_to_jobs(self) -> None:
        now = time.monotonic()
        if now - self._progress_checked > _PROGRESS_CHECK_S:
            self._progress_checked = now
            self._backend.ensure_progress()
        silence_s = settings["QUEUE_CHECK_TIME"]
        is_silent = now - self._queue_asked > silence_s and self._components.silence_s() > silence_s
        # A job that was submitted on hold is told of in the queue alone.
        if is_silent or self._starts_on_hold():
            self._queue_asked = now
            self._ask_queue()
            self._advise()

    def _starts_on_hold(self) -> bool:
        """Whether jobs were submitted on hold; asked at the first look only, as it takes time to find out."""
        is_first, self._is_first_look = self._is_first_look, False
        return is_first and any(commands.get("hold", "").strip().casefold() in TRUE for commands in self._commands())

    def _commands(self) -> Iterator[Mapping[str, str]]:
        """The submit commands of each submission that can be read."""
        for submission in self._components.submissions():
            path = self._components.map_dir.submission(submission.number).submit
            with contextlib.suppress(BackendError, InvalidOption, OSError, UnicodeDecodeError):
                yield read(path).commands

    def why_idle(self) -> str | None:
        """Why idle components may never start, as far as that can be known from the pool; None: nothing is known."""
        if not self._components.counts().get(ComponentStatus.IDLE):
            return None
        ask = self._backend.count_machines
        reasons = (request_advice(commands, ask) for commands in self._commands())
        return idle_advice(self._delivery, ask) or next(filter(None, reasons), None)

    def _ask_queue(self) -> None:
        """Let the queue settle what the log leaves open, if it can be asked now."""
        silence = self._components.silence()
        try:
            answers = ask_queue(self._backend, self._components.map_dir.uid, silence, self._components.outputs)
        except BackendError as error:
            self.why_unasked = str(error)
            logger.warning("The log of map %s is silent, and the queue cannot be asked: %s", self._tag.last, error)
        else:
            self.why_unasked = ""
            self._components.settle(silence, answers)

    def _advise(self) -> None:
        """Say once if idle components will never start, as far as that can be known."""
        if not self._is_advised and self._components.counts().get(ComponentStatus.IDLE):
            self._is_advised = True
            if advice := self.why_idle():
                warnings.warn(f"Map {self._tag}: {advice}", stacklevel=2)
