"""Choose the backend: by the setting BACKEND for a new map, by its record for an old one."""

from __future__ import annotations

import os
from collections.abc import Callable

from htmap.backend.protocol import Backend
from htmap.exceptions import InvalidSetting
from htmap.settings import Settings
from htmap.store.mapdir import Home

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


def backend_named(name: str, home: Home, settings: Settings) -> Backend:
    """The backend of that name; connects to nothing yet."""
    if name == "htcondor":
        from htmap.backend.condor import CondorBackend  # noqa: PLC0415 - one backend must work without the other

        return CondorBackend(settings["HTCONDOR.SCHEDULER"], settings["HTCONDOR.COLLECTOR"])
    if name == "local":
        from htmap.backend.local.client import LocalBackend  # noqa: PLC0415

        return LocalBackend(home.local, settings["LOCAL.SLOTS"] or cores())
    raise InvalidSetting(f"There is no backend {name!r}: it is one of {', '.join(NAMES)}.")


def backends(home: Home, settings: Settings) -> Callable[[str], Backend]:
    """Gives the backend of a name, for maps of that home."""
    return lambda name: backend_named(name, home, settings)


def cores() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
