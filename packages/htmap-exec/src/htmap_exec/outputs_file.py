"""The outputs file of a job, for worker and keeper alike.

In: records. Out: the file, and the exit code that follows from it.
On the other side: the submit side, which reads the file when HTCondor has brought it back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from htmap_common.agreed import ALL_RETURNED, RETURNED, SOME_RAISED
from htmap_common.wire import OutputsWriter, WireError

from .errors import RunnerFailure
from .records import OutputRecord
from .task import Task


class Outputs:
    """The file, open for appending.

    Raises
    ------
    RunnerFailure
        It cannot be made, or there is something else of that name.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        with self._explaining():
            self._writer = OutputsWriter.open(task.outputs)

    def unfinished(self) -> list[int]:
        """Return the components that have no record yet, in the order of the task."""
        recorded = {entry.component for entry in self._writer.entries}
        return [component for component in self._task.components if component not in recorded]

    def append(self, record: OutputRecord) -> None:
        """Write a record. Raises OSError, and then there is nothing of it in the file."""
        self._writer.append(record.header, record.segments, align=record.align)

    def finish(self) -> int:
        """Say that no record is missing, and return the exit code of the job. Raises `RunnerFailure`."""
        statuses = {entry.component: entry.status for entry in self._writer.entries}
        with self._explaining():
            self._writer.finish()
        if all(statuses[component] == RETURNED for component in self._task.components):
            return ALL_RETURNED
        return SOME_RAISED

    def close(self) -> None:
        """Close the file as it is."""
        self._writer.close()

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except WireError as error:
            raise RunnerFailure(f"{error} The records of this job cannot be added to it.") from error
        except OSError as error:
            raise RunnerFailure(
                f"The outputs file {self._task.outputs!r} cannot be written: {error.strerror}. "
                "If the disk is full, ask for more with MapOptions(request_disk=...)."
            ) from error
