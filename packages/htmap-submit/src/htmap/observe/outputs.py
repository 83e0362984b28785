"""Find the record that a component left, in the output file of its job.

In: places of components. Out: outcomes (typed values) and records (with payload), checked. Nothing is unpickled here.
Other side: ``htmap_exec``, which appends a record for each component as it finishes. Sequential readers open each
job's file once: it stays open until its last record has been read.
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from htmap.exceptions import DamagedFile, InvalidOutputStatus, OutputNotFound, StorageError
from htmap.store.atomic import storage_errors
from htmap.store.mapdir import MapDir
from htmap_common.agreed import RAISED, RETURNED
from htmap_common.wire import IndexEntry, Outcome, OutcomeRecord, OutputsReader, WireError, read_outcome

_SPARE = 16


class Outputs:
    """The outputs of one map."""

    def __init__(self, map_dir: MapDir) -> None:
        self._map_dir = map_dir
        self._raised: dict[tuple[int, int], frozenset[int]] = {}
        self._returned: dict[tuple[int, int], frozenset[int]] = {}
        self._unreadable: dict[tuple[int, int], tuple[int, int, int]] = {}
        self._last = _LastFile()
        # Nobody closes a Map. A finalizer, unlike __del__, comes before those of the files it has in a cycle with it.
        weakref.finalize(self, self._last.close)
        self._lock = threading.Lock()

    def outcome(self, submission: int, job: int, component: int) -> Outcome:
        """What the record of a component says in plain values; raises as `record` does."""
        with self._reader(submission, job, component) as (reader, entry):
            return _typed(reader.header(entry), component)

    def record(self, submission: int, job: int, component: int) -> OutcomeRecord:
        """The whole record of a component.

        Raises
        ------
        OutputNotFound
            The job has left no file, or it has no record of this component (yet).
        DamagedFile
            The file is there, but that record cannot be read.
        """
        with self._reader(submission, job, component) as (reader, entry):
            record = reader.record(entry)
            return OutcomeRecord(_typed(record.header, component), record.segments)

    def raised(self, submission: int, job: int, components: int | None = None) -> frozenset[int] | None:
        """Which components of an ended job raised, from the index alone. None: its output cannot be read (yet).

        Parameters
        ----------
        components
            How many the job has: a file that says it holds many more is damaged, and is not read to its end.
        """
        known = self._raised.get((submission, job))
        if known is None:
            entries = self._entries(submission, job, components, finished=True)
            if entries is None:
                return None
            known = frozenset(entry.component for entry in entries if entry.status != RETURNED)
            self._raised[submission, job] = known
        return known

    def returned(self, submission: int, job: int, components: int | None = None) -> frozenset[int]:
        """Which components of a job that failed had returned by then: those whose records came back."""
        known = self._returned.get((submission, job))
        if known is None:
            entries = self._entries(submission, job, components, finished=False)
            if entries is None:
                return frozenset()
            known = frozenset(entry.component for entry in entries if entry.status == RETURNED)
            self._returned[submission, job] = known
        return known

    def _entries(
        self, submission: int, job: int, components: int | None, *, finished: bool
    ) -> Sequence[IndexEntry] | None:
        """The records of a job's output. None: it cannot be read, or not yet; it is looked at again if it changes."""
        path = self._map_dir.submission(submission).output(job)
        try:
            status = path.stat()
            version = (status.st_ino, status.st_size, status.st_mtime_ns)
            if self._unreadable.get((submission, job)) == version:
                return None
            # A component has one record; a few more do no harm.
            with OutputsReader.open(path, most=None if components is None else 2 * components + _SPARE) as reader:
                if reader.is_finished or not finished:
                    return reader.entries
        except WireError:
            pass
        except OSError:
            return None
        self._unreadable[submission, job] = version
        return None

    @contextlib.contextmanager
    def _reader(self, submission: int, job: int, component: int) -> Iterator[tuple[OutputsReader, IndexEntry]]:
        # Hot: once per result.
        try:
            with self._lock, storage_errors(f"read the output of component {component}"):
                output = self._opened(submission, job)
                entry = output.entry(component)
                yield output.reader, entry
                if entry is output.last:
                    # Nobody closes a Map: a thousand of them must not hold a thousand files.
                    self._last.close()
        except WireError as error:
            raise DamagedFile(
                f"The output of component {component} is damaged: {error} Rerun it: map.rerun([{component}])."
            ) from error
        except StorageError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                path = self._map_dir.submission(submission).output(job)
                raise OutputNotFound(f"Component {component} has no output: there is no file {path}.") from None
            raise

    def _opened(self, submission: int, job: int) -> _OpenOutput:
        output = self._last.output
        # An unfinished file may have grown, or been replaced, since the last look.
        if output is None or not output.reader.is_finished or output.place != (submission, job):
            self._last.close()
            reader = OutputsReader.open(self._map_dir.submission(submission).output(job))
            output = self._last.output = _OpenOutput((submission, job), reader)
        return output


class _OpenOutput:
    """The output file that was read last."""

    def __init__(self, place: tuple[int, int], reader: OutputsReader) -> None:
        self.place = place
        self.reader = reader
        self._entries = {entry.component: entry for entry in reader.entries}
        self.last = next(reversed(self._entries.values()), None)

    def entry(self, component: int) -> IndexEntry:
        if component in self._entries:
            return self._entries[component]
        if self.reader.damage is not None:
            raise self.reader.damage
        raise OutputNotFound(f"Component {component} has no output: the file of its job holds no record of it.")


class _LastFile:
    """Holds the output file that was read last."""

    def __init__(self) -> None:
        self.output: _OpenOutput | None = None

    def close(self) -> None:
        if self.output is not None:
            self.output.reader.close()
            self.output = None


def _typed(header: Mapping[str, Any], component: int) -> Outcome:
    outcome = read_outcome(header)
    if outcome.status not in (RETURNED, RAISED):
        raise InvalidOutputStatus(
            f"The output of component {component} has the status {outcome.status!r}, which this version of HTMap "
            "does not know. Was it written by a newer one?"
        )
    return outcome
