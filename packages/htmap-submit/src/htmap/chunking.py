"""Choose how many components share a job, from how long a component takes.

In: what the user asked for (``chunksize="auto"``, ``"10min"``), and the function. Out: a number, and a sentence on it.
How long a component takes is read from an earlier map of the same function. If there is none, the first few components
run as a small map of their own, which is removed again: nothing of ours could watch the first jobs of a map and decide
about the others, as no process of ours runs on an access point.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import mean

from htmap.backend.select import BackendsOf
from htmap.create.inputs import Call
from htmap.exceptions import HTMapException
from htmap.language.words import to_seconds
from htmap.lifecycle.new_map import Request, create
from htmap.maps.acting import Map
from htmap.options import MapOptions
from htmap.settings import settings
from htmap.store.mapdir import Home, MapDir
from htmap_common.agreed import RETURNED
from htmap_common.program.shapes import code_of
from htmap_common.wire import Kind, OutputsReader, WireError, read_header, read_outcome

logger = logging.getLogger(__name__)

_TRIED = 4  # components of the small map
_LOADING_IS_LITTLE_S = 10.0  # the first component of a job also loads the function, and all that it imports
_SAMPLE = 100  # components of an earlier map

# A job should take much longer than starting it does, and not so long that too few of them run side by side.
_SHORTEST_JOB_S = {"htcondor": 60.0, "local": 1.0}
_LONGEST_JOB_S = {"htcondor": 600.0, "local": 60.0}
_JOBS_AIMED_AT = 100  # on a pool, whose size nobody tells


@dataclass(frozen=True, slots=True)
class Choice:
    """How many components share a job, and why."""

    chunksize: int
    reason: str


def choose(home: Home, backend: str, request: Request, total: int | None, *, may_try: bool) -> tuple[Choice, Request]:
    """Choose a chunksize for a request that leaves it to us.

    Parameters
    ----------
    total
        The number of components, if it is known before they have been seen.
    may_try
        Whether components may be run to see how long they take.

    Returns
    -------
    tuple
        The choice, and the request with it: its calls have been put back if some were taken.
    """
    wanted = request.options.chunksize
    assert isinstance(wanted, str)  # noqa: S101 - for the type checker
    if request.options.per_component():
        return _chosen(request, Choice(1, "options vary over the components, so each has a job of its own"))
    found = _from_earlier(home, request)
    if found is None and may_try:
        found, request = _from_trial(home, backend, request)
    if found is None:
        return _chosen(request, Choice(1, "nothing tells how long a component takes, so each has a job of its own"))
    each_s, source = found
    size = _size(wanted, each_s, total, backend)
    return _chosen(request, Choice(size, f"a component takes {each_s:.2g} s ({source}), so {size} share a job"))


def _chosen(request: Request, choice: Choice) -> tuple[Choice, Request]:
    options = MapOptions.merge(MapOptions(chunksize=choice.chunksize), request.options)
    return choice, replace(request, options=options)


def _size(wanted: str, each_s: float, total: int | None, backend: str) -> int:
    each_s = max(each_s, 1e-4)  # what the runner does for each takes about that long
    job_s = to_seconds(wanted)
    if job_s is not None:
        size = job_s / each_s
    else:
        least, most = _SHORTEST_JOB_S[backend] / each_s, _LONGEST_JOB_S[backend] / each_s
        size = most if total is None else min(max(total / _jobs_aimed_at(backend), least), most)
    return max(1, min(math.ceil(size), total or math.ceil(size)))


def _jobs_aimed_at(backend: str) -> int:
    if backend == "local":
        return 4 * (settings["LOCAL.SLOTS"] or os.cpu_count() or 1)
    return _JOBS_AIMED_AT


def _from_earlier(home: Home, request: Request) -> tuple[float, str] | None:
    """How long components of the latest map of the same function took."""
    for map_dir in sorted(_maps_of_same_function(home, request), key=_made, reverse=True):
        if times := list(itertools.islice(_wall_times(map_dir), _SAMPLE)):
            return mean(times), "as in an earlier map"
    return None


def _maps_of_same_function(home: Home, request: Request) -> Iterator[MapDir]:
    function = request.function
    # All lambdas have one name.
    code = code_of(function) if "<lambda>" in str(getattr(function, "__qualname__", None)) else None
    for path in home.maps.iterdir():
        map_dir = MapDir(path)
        with contextlib.suppress(WireError, OSError):
            header = read_header(map_dir.function, Kind.FUNCTION)
            names = [header.get(name) for name in ("module", "qualname")]
            if names != [getattr(function, "__module__", None), getattr(function, "__qualname__", None)]:
                continue
            if code is None or header.get("code") == code:
                yield map_dir


def _made(map_dir: MapDir) -> float:
    try:
        return map_dir.map.stat().st_mtime
    except OSError:
        return 0.0


def _wall_times(map_dir: MapDir) -> Iterator[float]:
    for path in map_dir.submission(0).outputs.glob("*/*"):
        with contextlib.suppress(WireError, OSError), OutputsReader.open(path) as reader:
            for number, entry in enumerate(reader.entries):
                wall_s = read_outcome(reader.header(entry)).wall_s
                if entry.status == RETURNED and (number > 0 or wall_s > _LOADING_IS_LITTLE_S):
                    yield wall_s


def _from_trial(home: Home, backend: str, request: Request) -> tuple[tuple[float, str] | None, Request]:
    """Run the first few components, and put them back."""
    calls = iter(request.calls)
    first = list(itertools.islice(calls, _TRIED))
    times = _tried(home, backend, request, first) if first else []
    found = (mean(times), "measured by running the first few") if times else None
    return found, replace(request, calls=itertools.chain(first, calls))


def _tried(home: Home, backend: str, request: Request, calls: Sequence[Call]) -> list[float]:
    options = MapOptions.merge(MapOptions(chunksize=_TRIED), request.options)
    trial = replace(request, calls=calls, options=options, tag=None)
    tag, map_dir = create(home, BackendsOf(home, settings), backend, trial)
    trial_map = Map(tag=tag, map_dir=map_dir.path)
    try:
        with contextlib.suppress(HTMapException):  # held, removed, not started in time: then nothing is known
            trial_map.wait(settings["CHUNKSIZE.TRIAL_TIME"], errors_ok=True)
        return list(_wall_times(map_dir))
    finally:
        trial_map.remove()
