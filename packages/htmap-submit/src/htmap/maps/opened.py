"""A map that has been opened: all its parts in one value, which whatever reads it or acts on it shares.

In: a tag and a directory. Out: one `Opened`. Nothing but the record of the map is read yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from htmap.backend.protocol import Backend
from htmap.backend.select import BackendsOf
from htmap.exceptions import MapWasRemoved, StorageError
from htmap.observe.components import Components
from htmap.observe.watch import Watch
from htmap.results.inputs import Inputs
from htmap.results.program import Program
from htmap.results.retrieval import Retrieval
from htmap.settings import settings
from htmap.store.atomic import is_there
from htmap.store.current_tag import CurrentTag
from htmap.store.mapdir import MapDir
from htmap.store.records import MapRecord


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """The parts of one map."""

    directory: MapDir
    record: MapRecord
    tag: CurrentTag
    backend: Backend
    components: Components
    watch: Watch
    program: Program
    inputs: Inputs
    retrieval: Retrieval

    @classmethod
    def at(cls, tag: str, path: Path, backend: Backend | None = None) -> Opened:
        """Open the map in a directory.

        Parameters
        ----------
        backend
            The queue of its jobs. None: the one that its record names.

        Raises
        ------
        MapWasRemoved, DamagedFile, StorageError
        """
        directory = MapDir(path)
        try:
            record = MapRecord.load(directory.map)
        except StorageError:
            if not is_there(directory.map):
                raise MapWasRemoved(f"The map {tag} has been removed.") from None
            raise
        backend = backend or BackendsOf(directory.home, settings).of(directory)
        current = CurrentTag(directory, tag)
        components = Components(directory, record)
        watch = Watch(components, current, backend, record.delivery)
        program = Program(directory.function, current)
        inputs = Inputs(directory, record.shards, program)
        retrieval = Retrieval(components, watch, program, current)
        return cls(directory, record, current, backend, components, watch, program, inputs, retrieval)
