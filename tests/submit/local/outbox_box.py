"""A queue with one event log, for the tests of its outbox."""

from __future__ import annotations

from pathlib import Path

from htmap.backend.local.queue import Queue


class Box:
    """A queue with one log."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.log = folder / "events"
        self.queue = Queue(self.home)
        with self.queue.transaction():
            self.queue.set_log(self.queue.add_cluster("uid", "{}", "{}"), self.log)

    def post(self, *texts: str) -> None:
        for text in texts:
            self.queue.post(1, text)
