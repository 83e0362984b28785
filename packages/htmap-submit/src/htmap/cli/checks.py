"""What ``htmap doctor`` looks at. In: this machine, settings, a pool. Out: findings, each with what to do about it."""

from __future__ import annotations

import enum
import importlib.metadata
import os
import platform
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from htmap.backend.condor import examine
from htmap.backend.protocol import JobSelection, PoolCondition
from htmap.backend.select import backend_named, chosen_backend, condor_configuration, cores
from htmap.delivery.registry import delivery_method
from htmap.exceptions import BackendError, HTMapException
from htmap.logfile import level_of
from htmap.maps.survey import survey
from htmap.settings import KNOWN, Settings
from htmap.show.units import count, size
from htmap.store.atomic import storage_errors
from htmap.store.locks import exclusive
from htmap.store.mapdir import Home
from htmap.versions import __version__


class Grade(enum.Enum):
    """How bad a finding is."""

    GOOD = "ok"
    NOTE = "note"  # not as everybody wants it
    BAD = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was looked at."""

    grade: Grade
    subject: str
    text: str
    advice: str = ""


def all_findings(settings: Settings) -> Iterator[Finding]:
    """Look at everything; what depends on something broken is left out."""
    yield Finding(Grade.GOOD, "HTMap", f"{__version__} with Python {platform.python_version()}")
    problem = _problem_of(lambda: [settings[known.key] for known in KNOWN])
    if problem:
        yield Finding(Grade.BAD, "settings", problem)
        return
    yield from _settings(settings)
    problem = _problem_of(lambda: Home.of(settings))
    if problem:
        yield Finding(Grade.BAD, "HTMAP_DIR", problem)
        return
    yield from _home(Home.of(settings))
    yield from _backend(settings)


def _problem_of(attempt: Callable[[], object]) -> str | None:
    try:
        attempt()
    except HTMapException as error:
        return str(error)
    return None


def _settings(settings: Settings) -> Iterator[Finding]:
    attempts: dict[str, Callable[[], object]] = {
        "BACKEND": lambda: chosen_backend(settings),
        "DELIVERY_METHOD": lambda: delivery_method(settings["DELIVERY_METHOD"]),
        "LOG_LEVEL": lambda: level_of(settings),
    }
    problems = [problem for attempt in attempts.values() if (problem := _problem_of(attempt))]
    for problem in problems:
        yield Finding(Grade.BAD, "settings", problem)
    if not problems:
        yield Finding(Grade.GOOD, "settings", f"delivery {settings['DELIVERY_METHOD']}; `htmap settings` shows all")


# --- HTMAP_DIR ------------------------------------------------------------------------------------------------------

_FEW_BYTES, _FEW_INODES = 1024**3, 10_000
_SHARED = {
    "nfs": "event logs may be seen late there, which HTMap expects (settings OUTPUT_GRACE, QUEUE_CHECK_TIME)",
    "afs": "HTCondor may lack the tokens to write there",
    "fuse": "its locks and renames may not be those of a local disk",
    "tmpfs": "it is lost when this machine restarts",
}
_QUOTA_TIMEOUT_S = 10


def _home(home: Home) -> Iterator[Finding]:
    kind = file_system_of(home.path)
    remark = next((text for name, text in _SHARED.items() if name in kind), "")
    yield Finding(
        Grade.NOTE if remark else Grade.GOOD,
        "HTMAP_DIR",
        f"{home.path} on {kind}{f': {remark}' if remark else ''}",
        "The setting HTMAP_DIR puts maps elsewhere." if remark else "",
    )
    if problem := _problem_of(lambda: _try_out(home)):
        yield Finding(Grade.BAD, "HTMAP_DIR", problem)
    yield from _space(home)
    yield from _quota()
    found = survey(home)
    if found.of_old_tool:
        yield Finding(Grade.NOTE, "old maps", found.of_old_tool.problem)
    if broken := found.broken:
        yield Finding(
            Grade.BAD, "maps", f"{len(broken)} of what lies there cannot be used", "`htmap status` says which, and why."
        )


def file_system_of(path: Path) -> str:
    """The type of the file system that holds a path."""
    import psutil  # noqa: PLC0415 - no other command needs it

    mounts = [mount for mount in psutil.disk_partitions(all=True) if path.resolve().is_relative_to(mount.mountpoint)]
    return max(mounts, key=lambda mount: len(mount.mountpoint)).fstype if mounts else "an unknown file system"


def _try_out(home: Home) -> None:
    """Do there what HTMap relies on: links, locks and renames."""
    with storage_errors(f"use {home.path} as HTMAP_DIR"), tempfile.TemporaryDirectory(dir=home.path) as folder:
        file = Path(folder, "file")
        with exclusive(file):
            Path(folder, "link").hardlink_to(file)
            Path(folder, "link").rename(file)


def _space(home: Home) -> Iterator[Finding]:
    status = os.statvfs(home.path)
    free_bytes = status.f_bavail * status.f_frsize
    # A file system without a fixed number of inodes says 0 of 0.
    is_short = free_bytes < _FEW_BYTES or (status.f_files > 0 and status.f_favail < _FEW_INODES)
    yield Finding(
        Grade.BAD if is_short else Grade.GOOD,
        "disk",
        f"{size(free_bytes)} free" + (f", {count(status.f_favail, 'file')} can be made" if status.f_files else ""),
        "`htmap clean` removes transient maps; the setting HTMAP_DIR puts maps elsewhere." if is_short else "",
    )


def _quota() -> Iterator[Finding]:
    """What ``quota`` says, where there is one: with -q, only of file systems on which this user has too much."""
    program = shutil.which("quota")
    if program is None:
        return
    try:
        said = subprocess.run(
            [program, "-q"], capture_output=True, text=True, check=False, timeout=_QUOTA_TIMEOUT_S
        ).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return  # it is not ours to mend
    yield Finding(
        Grade.BAD if said else Grade.GOOD,
        "quota",
        said.splitlines()[0] if said else "within it",
        "`quota` says more; `htmap clean` removes transient maps." if said else "",
    )


# --- where maps run -------------------------------------------------------------------------------------------------


def _backend(settings: Settings) -> Iterator[Finding]:
    if _problem_of(lambda: chosen_backend(settings)):
        return
    configuration = condor_configuration()
    if chosen_backend(settings) == "local":
        if configuration is None:
            yield Finding(
                Grade.NOTE,
                "HTCondor",
                "none is set up on this machine, so maps run right here",
                "For a pool, log in to one of its access points, or name one: settings HTCONDOR.SCHEDULER and "
                "HTCONDOR.COLLECTOR.",
            )
        else:
            yield Finding(
                Grade.NOTE,
                "HTCondor",
                f'is set up ({configuration}), but not used: the setting BACKEND is "local"',
                "`htmap set BACKEND auto` uses it.",
            )
        yield _local(settings)
        return
    source = configuration or f"the setting HTCONDOR.SCHEDULER ({settings['HTCONDOR.SCHEDULER']})"
    yield Finding(Grade.GOOD, "backend", f"htcondor, by {source}; bindings {bindings_version()}")
    try:
        condition = examine(settings["HTCONDOR.SCHEDULER"], settings["HTCONDOR.COLLECTOR"])
    except BackendError as error:
        yield Finding(Grade.BAD, "schedd", str(error))
        return
    yield from _pool(condition)


def _local(settings: Settings) -> Finding:
    home = Home.of(settings)
    if home.local.exists() and (
        problem := _problem_of(lambda: backend_named("local", home, settings).query(JobSelection("")))
    ):
        return Finding(
            Grade.BAD, "backend", problem, f"Remove {home.local} when no map runs; maps that have ended stay."
        )
    slots = settings["LOCAL.SLOTS"] or cores()
    return Finding(Grade.GOOD, "backend", f"local, {count(slots, 'job')} at a time (setting LOCAL.SLOTS)")


def bindings_version() -> str:
    """The version of HTCondor's Python package, or that there is none."""
    try:
        return importlib.metadata.version("htcondor")
    except importlib.metadata.PackageNotFoundError:
        return "are not installed"


def _pool(condition: PoolCondition) -> Iterator[Finding]:
    version = f", HTCondor {condition.schedd_version}" if condition.schedd_version else ""
    pool = f" of the pool {condition.pool}" if condition.pool else ""
    yield Finding(Grade.GOOD, "schedd", f"{condition.schedd}{pool} answers{version}")
    if condition.machines is None:
        yield Finding(Grade.BAD, "collector", condition.why_no_machines, "Jobs can be submitted, but will not start.")
        return
    machines = condition.machines
    if not machines:
        yield Finding(
            Grade.NOTE,
            "execute nodes",
            "the pool has none at the moment",
            "Jobs wait until some join; in a pool of pilots (OSPool) that is normal.",
        )
        return
    features = Counter(feature for each in machines.values() for feature in each)
    named = ", ".join(f"{features[name]} with {name}" for name in ("docker", "apptainer or singularity"))
    has_container = any(features[name] for name in ("docker", "apptainer or singularity"))
    yield Finding(Grade.GOOD, "execute nodes", f"{count(len(machines), 'machine')}: {named}")
    if not has_container:
        yield Finding(
            Grade.NOTE,
            "containers",
            "no machine says that it can run them",
            "The deliveries bundle and shared need none.",
        )
