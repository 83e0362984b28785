"""What one job is to do.

In: the command line (`htmap_exec.command_line`), or the self-test. Out: one value, which everybody here reads and
nobody changes.
"""

from __future__ import annotations

from typing import NamedTuple


class Task(NamedTuple):
    """What to run.

    Attributes
    ----------
    function, inputs
        Names of files in the scratch directory.
    components
        In the order in which they run.
    outputs, scratch
        Absolute paths.
    with_locals
        Whether records of failures show local variables.
    has_fresh_processes
        Whether each component runs in a process of its own.
    sent
        Names of what was in the scratch directory before anything ran, and of the outputs file.
    end_within_s
        How long what was left for the end of the program may take.
    leave_at
        When to have checkpoints sent to the access point, on the clock of time.monotonic(). None: never.
    """

    function: str
    components: list[int]
    inputs: list[str]
    outputs: str
    scratch: str
    with_locals: bool = True
    has_fresh_processes: bool = False
    sent: frozenset[str] = frozenset()
    end_within_s: float = 300.0
    leave_at: float | None = None
