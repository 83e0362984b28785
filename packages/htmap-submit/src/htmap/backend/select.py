"""Choose the backend: by the setting BACKEND for a new map, by its record for an old one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Protocol

from htmap.backend.of_map import QueuesOfMap, last_queue
from htmap.backend.protocol import Backend, QueueIsGone
from htmap.exceptions import InvalidSetting
from htmap.settings import Settings
from htmap.store.mapdir import Home, MapDir
from htmap.store.records import MapRecord, QueueIdentity

NAMES = ("htcondor", "local")

# Where HTCondor itself looks for its configuration, besides the variable CONDOR_CONFIG.
_CONFIGURATIONS = ("/etc/condor/condor_config", "/usr/local/etc/condor_config", "~condor/condor_config")


def chosen_backend(settings: Settings) -> str:
    """The name of the backend for new maps.

    ``auto`` takes HTCondor when this machine is set up for it, reachable or not: a schedd that is down must be an
    error, not a reason to run ten thousand jobs on the access point.
    """
    wanted = settings["BACKEND"].casefold()
    if wanted in NAMES:
        return str(wanted)
    if wanted != "auto":
        raise InvalidSetting(f"The setting BACKEND must be auto, {' or '.join(NAMES)}, not {settings['BACKEND']!r}.")
    return "htcondor" if settings["HTCONDOR.SCHEDULER"] or condor_configuration() else "local"


def why_auto(name: str) -> str:
    """One line for the user on what ``auto`` chose."""
    if name == "htcondor":
        return 'HTMap uses HTCondor, which this machine is set up for (BACKEND = "local" runs maps right here).'
    return "HTMap runs maps on this machine: no HTCondor is set up here (setting BACKEND)."


def condor_configuration() -> str | None:
    """What says that HTCondor is set up on this machine: a file, or the value of CONDOR_CONFIG. None: nothing does."""
    named = os.environ.get("CONDOR_CONFIG")
    if named:
        return named
    # Unlike pathlib's, this leaves a ~user alone whom the machine does not know.
    places = (os.path.expanduser(path) for path in _CONFIGURATIONS)  # noqa: PTH111
    return next((place for place in places if os.path.exists(place)), None)  # noqa: PTH110


def backend_named(name: str, home: Home, settings: Settings, queue: QueueIdentity | None = None) -> Backend:
    """The backend of that name; connects to nothing yet.

    Parameters
    ----------
    queue
        Which queue of that backend is meant. None: the one that settings name.
    """
    if name == "htcondor":
        from htmap.backend.condor import CondorBackend  # noqa: PLC0415 - one backend must work without the other

        return CondorBackend(settings["HTCONDOR.SCHEDULER"], settings["HTCONDOR.COLLECTOR"], queue)
    if name == "local":
        from htmap.backend.local.client import LocalBackend  # noqa: PLC0415

        return LocalBackend(
            home.local, settings["LOCAL.SLOTS"] or cores(), limits_memory=settings["LOCAL.LIMIT_MEMORY"]
        )
    raise InvalidSetting(f"There is no backend {name!r}: it is one of {', '.join(NAMES)}.")


class Backends(Protocol):
    """Gives backends."""

    def new(self, name: str) -> Backend:
        """The one of that name which new maps go to."""
        ...

    def of(self, map_dir: MapDir) -> Backend:
        """The one that has the jobs of a map. Raises `DamagedFile` or `StorageError` if its record cannot be read."""
        ...

    def again(self, map_dir: MapDir, *, elsewhere: bool) -> Backend:
        """The one that a map is submitted to again: where its jobs were, or, `elsewhere`, where new maps go."""
        ...


@dataclass(frozen=True, slots=True)
class BackendsOf:
    """The backends for the maps of a home, as settings name them."""

    home: Home
    settings: Settings

    def new(self, name: str) -> Backend:
        return backend_named(name, self.home, self.settings)

    def of(self, map_dir: MapDir) -> Backend:
        name = MapRecord.load(map_dir.map).backend
        return QueuesOfMap(map_dir, name, lambda queue: backend_named(name, self.home, self.settings, queue))

    def again(self, map_dir: MapDir, *, elsewhere: bool) -> Backend:
        name = MapRecord.load(map_dir.map).backend
        queue = None if elsewhere else last_queue(map_dir)
        backend = backend_named(name, self.home, self.settings, queue)
        try:
            backend.identity()
        except QueueIsGone:
            return self.new(name)
        return backend


def cores() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
