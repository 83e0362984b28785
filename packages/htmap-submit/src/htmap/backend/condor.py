"""Door 1 to HTCondor: the only module that talks to a schedd.

In: submit descriptions, actions, edits, queries (`htmap.backend.protocol`). On the other side: HTCondor's bindings
(``htcondor2``), imported at the first call. Their exceptions become ours here, their objects go no further.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from htmap.backend.constraints import constraints
from htmap.backend.matching import prospects_of
from htmap.backend.protocol import (
    Action,
    HoldCode,
    JobSelection,
    JobStatus,
    PoolCondition,
    Prospects,
    QueuedJob,
    QueueIsGone,
)
from htmap.backend.refusals import explained
from htmap.exceptions import BackendError, BackendNotAvailable, InsufficientHTCondorVersion
from htmap.interrupts import uninterrupted
from htmap.store.records import QueueIdentity

logger = logging.getLogger(__name__)

_ACTIONS = {
    Action.HOLD: "Hold",
    Action.RELEASE: "Release",
    Action.SUSPEND: "Suspend",
    Action.CONTINUE: "Continue",
    Action.VACATE: "Vacate",
    Action.REMOVE: "Remove",
}

_PROJECTION = [
    "ClusterId", "ProcId", "JobStatus", "HoldReasonCode", "HoldReasonSubCode", "HoldReason",
    "ExitCode", "ExitBySignal", "ExitSignal", "RemoveReason",
]  # fmt: skip

_HINT = (
    "Is this an access point, and is HTCondor running there (`condor_q`)? "
    'Settings: HTCONDOR.SCHEDULER names the schedd, BACKEND = "local" runs maps on this machine instead.'
)

# Tried with bindings of 25.14 and a schedd of 23.9.
_FS_HINT = (
    "The bindings here are newer than this access point's HTCondor, and want its answer bound to its address, which it "
    "cannot do yet. Install the package htcondor in the version that `condor_version` shows, or set the environment "
    "variable _CONDOR_SEC_FS_ENFORCE_CHANNEL_BINDING=False."
)


_BATCH_NAME = re.compile(r"^batch_name = (.*)$", re.MULTILINE)  # the tag


class CondorBackend:
    """The queue of an HTCondor access point.

    Parameters
    ----------
    scheduler
        Name of the schedd. None: the one of this machine.
    collector
        Address of the collector that knows it. None: the one that HTCondor's configuration names.
    queue
        The one queue that is meant, wherever it can be reached from. None: the one that the other two name.
    """

    name = "htcondor"

    def __init__(
        self, scheduler: str | None = None, collector: str | None = None, queue: QueueIdentity | None = None
    ) -> None:
        self._scheduler = scheduler
        self._collector = collector
        self._queue = queue

    def identity(self) -> QueueIdentity:
        with _translated("ask which queue this is"):
            return self._found().identity

    def submit(self, description: Path, uid: str) -> int:
        htcondor2 = _bindings()
        text = description.read_text(encoding="utf-8")
        tag = _BATCH_NAME.search(text)
        doing = self._doing("submit", f"{tag[1]}, {uid}" if tag else uid)
        with _translated(doing):
            schedd = self._schedd
        # Of an error after the connection was made, the schedd may have queued the jobs all the same.
        with _translated(doing, _NOTHING_SENT_WORDS):
            submit = htcondor2.Submit(text)
            with warnings.catch_warnings():
                # The bindings warn of each submit command that they do not know: user options, seen already.
                warnings.simplefilter("ignore")
                result = schedd.submit(submit)
        return int(result.cluster())

    def act(self, action: Action, selection: JobSelection, reason: str) -> int:
        htcondor2 = _bindings()
        verb = getattr(htcondor2.JobAction, _ACTIONS[action])
        done = 0
        with _translated(self._doing(action.value, selection.uid)):
            schedd = self._schedd
            for constraint, _ in constraints(selection):
                # Workaround for htcondor2 25.14: act(reason="text") drops the text, a (text, code) tuple works.
                with _said_to(schedd):
                    result = schedd.act(verb, constraint, (reason, HoldCode.USER_REQUEST.value))
                done += int(result["TotalSuccess"]) if result is not None else 0
        return done

    def edit(self, selection: JobSelection, attributes: Mapping[str, str]) -> int:
        with _translated(self._doing("edit", selection.uid)):
            schedd = self._schedd
            with _said_to(schedd):
                return sum(_edit(schedd, constraint, attributes) for constraint, _ in constraints(selection))

    def query(self, selection: JobSelection, *, with_history: bool = False) -> list[QueuedJob]:
        found: dict[tuple[int, int], QueuedJob] = {}
        with _translated(self._doing("query", selection.uid)):
            schedd, options = self._schedd, _bindings().QueryOpts.IncludeClusterAd
            for constraint, most in constraints(selection):
                ads = list(schedd.query(constraint, _PROJECTION, opts=options))
                if with_history:
                    # It is read from its end, and may be many gigabytes: stop when all are found.
                    ads += schedd.history(constraint, _PROJECTION, match=most)
                for ad in ads:
                    job = _queued_job(ad)
                    found.setdefault((job.cluster, job.proc), job)
        return list(found.values())

    def scratch(self, cluster: int, proc: int) -> Path | None:  # noqa: ARG002 - it is on another machine
        """Nothing can be read there: HTCondor brings files back when the job ends."""
        return None

    def count_machines(self, constraint: str) -> int | None:
        htcondor2 = _bindings()
        try:
            with _translated("ask the collector"):
                return len(_collector(self._collector).query(htcondor2.AdType.Startd, constraint, ["Name"]))
        except BackendError:
            return None

    def prospects(self, selection: JobSelection) -> Prospects | None:
        htcondor2 = _bindings()
        import classad2  # noqa: PLC0415 - as the bindings

        with _translated(f"ask why the jobs of the map ({selection.uid}) are idle"):
            schedd = self._schedd
            for constraint, _ in constraints(selection):
                idle = f"({constraint}) && JobStatus == {JobStatus.IDLE.value}"
                if ads := schedd.query(idle, limit=1):
                    # The slots that partitionable ones are parted into come and go with jobs.
                    whole = 'SlotType =!= "Dynamic"'
                    machines = _collector(self._collector).query(htcondor2.AdType.Startd, whole)
                    return prospects_of(ads[0], machines, classad2.ExprTree)
        return None

    def ensure_progress(self) -> None:
        """Nothing to do: the jobs are the schedd's."""

    def _doing(self, what: str, uid: str) -> str:
        return f"{what} the jobs of the map ({uid})" + (f" at {self._queue}" if self._queue else "")

    @property
    def _schedd(self) -> Any:
        # Located at each use: a schedd that was restarted may listen elsewhere.
        return _bindings().Schedd(self._found().location)

    def _found(self) -> _Schedd:
        """The schedd that is meant."""
        if self._queue is None:
            return _named(self._scheduler, self._collector)
        return _meant(self._queue, self._scheduler, self._collector)


class _Schedd(NamedTuple):
    """A schedd that a collector, or a file of this machine, knows."""

    location: Any
    identity: QueueIdentity


# What there must be in an ad to reach its schedd, and what says which it is.
_LOCATION = ["Name", "Machine", "MyAddress", "AddressV1", "CondorVersion", "CondorPlatform", "JobQueueBirthdate"]


def _named(scheduler: str | None, collector: str | None) -> _Schedd:
    """The schedd that settings name, or that of this machine."""
    asked = _collector(collector)
    schedd = _bindings().DaemonType.Schedd
    is_local = scheduler is None and collector is None
    # Of this machine's, a file beside its queue says it all.
    ad = asked.locate(schedd) if is_local else asked.locate(schedd, scheduler)
    if ad is None:
        # Tried with 25.14: Schedd(None) is the one of this machine.
        raise BackendNotAvailable(
            f"The collector knows no schedd {scheduler!r}: `condor_status -schedd` lists those it knows. "
            "The settings HTCONDOR.SCHEDULER and HTCONDOR.COLLECTOR say which one is meant."
        )
    if "JobQueueBirthdate" not in ad:
        ad = next(iter(_known_as(asked, str(ad["Name"]))), ad)
    return _as_schedd(ad, collector)


def _meant(queue: QueueIdentity, scheduler: str | None, collector: str | None) -> _Schedd:
    """The schedd of a queue: the one that settings name, or one that it is known by in a pool."""
    places: list[Callable[[], Iterable[_Schedd]]] = [
        lambda: [_named(scheduler, collector)],
        lambda: [_as_schedd(ad, collector) for ad in _known_as(_collector(collector), queue.schedd)],
        lambda: [_as_schedd(ad, queue.pool) for ad in _known_as(_collector(queue.pool), queue.schedd)],
    ]
    seen: list[QueueIdentity] = []
    problem: Exception | None = None
    for look in places:
        try:
            for schedd in look():
                if queue.is_same(schedd.identity):
                    return schedd
                seen.append(schedd.identity)
        except (BackendError, RuntimeError, ValueError, KeyError, _bindings().HTCondorException) as error:
            problem = problem or error
    if any(queue.was_replaced_by(other) for other in seen):
        raise QueueIsGone(f"The queue {queue} was set up anew: the jobs that were in it are gone.") from problem
    here = f"This access point is {seen[0]}, another one" if seen else f"No access point answers here ({problem})"
    raise BackendNotAvailable(
        f"The jobs are at the access point {queue}, which cannot be asked from here. {here}. "
        f"Log in there, or see to it that it answers: `condor_status -pool {queue.pool} -schedd` should list it."
    ) from problem


def _collector(address: str | None) -> Any:
    htcondor2 = _bindings()
    return htcondor2.Collector(address) if address else htcondor2.Collector()


def _known_as(collector: Any, name: str) -> list[Any]:
    """The ads of schedds of that name."""
    quoted = name.replace("\\", r"\\").replace('"', r"\"")
    ads: list[Any] = collector.query(_bindings().AdType.Schedd, f'Name == "{quoted}"', _LOCATION)
    return ads


def _as_schedd(ad: Any, collector: str | None) -> _Schedd:
    return _Schedd(ad, QueueIdentity(str(ad["Name"]), _pool_of(collector), int(ad.get("JobQueueBirthdate", 0))))


def _pool_of(collector: str | None) -> str:
    """The pool of a collector, as others would name it."""
    htcondor2 = _bindings()
    name = str(collector or htcondor2.param.get("COLLECTOR_HOST") or "")
    if name.endswith(":0"):
        # A port that is given anew at each start says nothing to others: its address does, while it runs.
        address = str(_collector(collector).locate(htcondor2.DaemonType.Collector)["MyAddress"])
        name = address.strip("<>").partition("?")[0]
    return name


def _bindings() -> Any:
    try:
        import htcondor2  # noqa: PLC0415 - imported when needed: `import htmap` must work, and be fast, without it
    except ImportError as error:
        if importlib.util.find_spec("htcondor") is not None:
            raise InsufficientHTCondorVersion(
                "HTCondor's Python bindings here are too old: they have no module htcondor2. Install the package "
                'htcondor in version 24 or newer (Linux only), or set BACKEND = "local".'
            ) from error
        raise BackendNotAvailable(
            "HTCondor's Python bindings are not installed here: install the package htcondor (Linux only), "
            'or set BACKEND = "local".'
        ) from error
    return htcondor2


@contextlib.contextmanager
def _translated(doing: str, words: Iterable[str] | None = None) -> Iterator[None]:
    """The vendor's exceptions become ours.

    Parameters
    ----------
    words
        What an error must speak of to mean that HTCondor cannot be reached.
    """
    words = _CONNECTION_WORDS if words is None else words
    htcondor2 = _bindings()
    try:
        # Workaround for htcondor2 25.14: an exception that a signal handler raises inside of it ends Python by a
        # segmentation fault.
        with uninterrupted():
            yield
    except htcondor2.HTCondorException as error:
        text = str(error).strip()
        if _says(text, words):
            raise BackendNotAvailable(f"Cannot {doing}: HTCondor cannot be reached ({text}). {_hint(text)}") from error
        reason = explained(text, htcondor2.param)
        said = f"HTCondor says: {text}"
        raise BackendError(f"Cannot {doing}: {reason} ({said})" if reason else f"Cannot {doing}: {said}") from error
    except (RuntimeError, ValueError, KeyError, TypeError, OSError) as error:
        # locate() and the submit parser raise plain exceptions.
        raise BackendError(f"Cannot {doing}: {type(error).__name__}: {error}") from error


_NOTHING_SENT_WORDS = ("failed to connect",)
_CONNECTION_WORDS = ("locate", "unable to find", "connect", "communicat", "timed out", "contact")


def _hint(text: str) -> str:
    return _FS_HINT if "match server's network address" in text else _HINT


def _says(text: str, words: Iterable[str]) -> bool:
    lowered = text.casefold()
    return any(word in lowered for word in words)


@contextlib.contextmanager
def _said_to(schedd: Any) -> Iterator[None]:
    """Tell a schedd that refuses from one that is not there: the bindings say the same of both."""
    htcondor2 = _bindings()
    try:
        yield
    except htcondor2.HTCondorException:
        schedd.query("false", ["ClusterId"])  # raises, and says so, if nobody answers
        raise


def _edit(schedd: Any, constraint: str, attributes: Mapping[str, str]) -> int:
    """Edit jobs, if there are any left; how many."""
    htcondor2 = _bindings()
    try:
        return max((int(schedd.edit(constraint, name, value) or 0) for name, value in attributes.items()), default=0)
    except htcondor2.HTCondorException:
        # To HTCondor, an edit of no jobs at all is an error. (Tried on 23.9.6.)
        if schedd.query(constraint, ["ClusterId"], opts=htcondor2.QueryOpts.IncludeClusterAd, limit=1):
            raise
        return 0


def _queued_job(ad: Any) -> QueuedJob:
    by_signal = bool(ad.get("ExitBySignal", False))
    code, signal = ad.get("ExitCode"), ad.get("ExitSignal")
    return QueuedJob(
        cluster=int(ad["ClusterId"]),
        proc=int(ad.get("ProcId", -1)),  # the ad of a late-materialized cluster has none
        status=JobStatus(int(ad.get("JobStatus", JobStatus.IDLE.value))),
        hold_code=int(ad.get("HoldReasonCode", 0)),
        hold_subcode=int(ad.get("HoldReasonSubCode", 0)),
        hold_reason=str(ad.get("HoldReason", "")),
        exit_code=int(code) if code is not None and not by_signal else None,
        remove_reason=str(ad.get("RemoveReason", "")),
        exit_signal=int(signal) if signal is not None and by_signal else None,
    )


_FEATURES = {"docker": "HasDocker", "apptainer or singularity": "HasSingularity", "file transfer": "HasFileTransfer"}


def examine(scheduler: str | None, collector: str | None) -> PoolCondition:
    """Ask the schedd whether it answers, and the collector for the execute nodes.

    Raises
    ------
    BackendError
        The schedd cannot be asked.
    """
    htcondor2 = _bindings()
    backend = CondorBackend(scheduler, collector)
    with _translated("ask the schedd"):
        backend._schedd.query("false", ["ClusterId"])  # noqa: SLF001 - the same door
    try:
        with _translated("ask the collector"):
            asked = _collector(collector)
            schedds = asked.query(htcondor2.AdType.Schedd, projection=["Name", "Machine", "CondorVersion"])
            slots = asked.query(
                htcondor2.AdType.Startd, 'SlotType =!= "Dynamic"', projection=["Machine", *_FEATURES.values()]
            )
    except BackendError as error:
        return PoolCondition(scheduler or "", "", None, str(error))
    wanted = scheduler or htcondor2.param.get("FULL_HOSTNAME", "")
    named = [ad for ad in schedds if wanted in {ad.get("Name"), ad.get("Machine")}]
    found = named or (schedds if len(schedds) == 1 else [])
    machines: dict[str, set[str]] = {}
    for ad in slots:
        machines.setdefault(str(ad["Machine"]), set()).update(
            name for name, attribute in _FEATURES.items() if ad.get(attribute) is True
        )
    return PoolCondition(
        schedd=str(found[0]["Name"]) if found else wanted,
        schedd_version=str(found[0]["CondorVersion"]).split()[1] if found else "",
        machines={machine: frozenset(features) for machine, features in machines.items()},
        pool=_pool_of(collector),
    )


def translated_log(path: Path) -> Iterator[bytes]:
    """The events of a log in XML or JSON, as the text format writes them, as far as HTMap reads it.

    Yields an empty text when there is no more for now; asked again, it goes on with what has been added.
    """
    htcondor2 = _bindings()
    doing = f"read the event log {path}"
    with _translated(doing):
        log = htcondor2.JobEventLog(str(path))
    while True:
        with _translated(doing):
            events = [_as_text(event) for event in log.events(stop_after=0)]
        yield from events
        yield b""


def _as_text(event: Any) -> bytes:
    lines = [f"{int(event.type):03d} ({event.cluster}.{event.proc}.000) {event.timestamp}"]
    if "UserNotes" in event:
        lines.append(f"    {event['UserNotes']}")
    if "ReturnValue" in event:
        lines.append(f"\t(1) Normal termination (return value {event['ReturnValue']})")
    if "TerminatedBySignal" in event:
        lines.append(f"\t(0) Abnormal termination (signal {event['TerminatedBySignal']})")
    if "TotalRemoteUsage" in event:
        lines.append(f"\t\t{event['TotalRemoteUsage']}  -  Total Remote Usage")
    if "MemoryUsage" in event:
        lines.append(f"\t{event['MemoryUsage']}  -  MemoryUsage of job (MB)")
    if "HoldReason" in event:
        lines.append(f"\t{event['HoldReason']}")
        lines.append(f"\tCode {event.get('HoldReasonCode', 0)} Subcode {event.get('HoldReasonSubCode', 0)}")
    return "\n".join([*lines, "...", ""]).encode()
