"""The statuses that a map component can be in."""

from __future__ import annotations

import enum


class ComponentStatus(str, enum.Enum):
    """An enumeration of the possible statuses that a map component can be in.

    These are mostly identical to the HTCondor job statuses of the same name. Each is also its name as text: it equals
    ``"COMPLETED"``, is found under it in dictionaries, and is written so to JSON.
    """

    UNKNOWN = "UNKNOWN"
    """Nothing is known, as the event log cannot be read."""
    UNMATERIALIZED = "UNMATERIALIZED"
    """Submitted, but not in the queue yet, which takes the jobs of large maps bit by bit."""
    IDLE = "IDLE"
    """In the queue, waiting for a machine."""
    RUNNING = "RUNNING"
    """Its job is on a machine (and may be busy with another component of the same job)."""
    REMOVED = "REMOVED"
    """Taken out of the queue before it finished. Unlike HELD, it will not go on; it can be rerun."""
    COMPLETED = "COMPLETED"
    """The function returned."""
    HELD = "HELD"
    """In the queue, but not allowed to run until it is released."""
    SUSPENDED = "SUSPENDED"
    """On a machine, but stopped; keeps its place until it is resumed."""
    ERRORED = "ERRORED"
    """The function raised, or its job ended without leaving an output. Unlike HELD, the job has ended."""

    def __str__(self) -> str:
        return self.value

    @classmethod
    def display_statuses(cls) -> tuple[ComponentStatus, ...]:
        """The statuses that a table shows, in the order of a component's life."""
        return (
            cls.HELD,
            cls.ERRORED,
            cls.UNMATERIALIZED,
            cls.IDLE,
            cls.RUNNING,
            cls.SUSPENDED,
            cls.REMOVED,
            cls.COMPLETED,
        )


ACTIVE = frozenset({
    ComponentStatus.UNKNOWN,
    ComponentStatus.UNMATERIALIZED,
    ComponentStatus.IDLE,
    ComponentStatus.RUNNING,
    ComponentStatus.HELD,
    ComponentStatus.SUSPENDED,
})  # fmt: skip
"""Statuses in which something may still happen to a component."""
