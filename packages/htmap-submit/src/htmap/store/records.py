"""What the small files of a map say: `map` and `submission`.

In and out: frozen values. On disk: single-record files of the kinds of the same names, see ``docs/wire-format.md``.
What such a file says may be of any type, whoever wrote it: what has not the one it should have is `DamagedFile`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from htmap.exceptions import DamagedFile
from htmap.store.atomic import storage_errors, write_file
from htmap.store.trust import check_trusted
from htmap_common.wire import Kind, UnknownFormat, WireError, encode_file, read_header


@dataclass(frozen=True, slots=True)
class MapRecord:
    """The facts of a map that never change."""

    uid: str
    tag: str  # at creation; the tag now is in tags/
    created: float  # seconds since 1970
    function_name: str
    components: int
    shards: int
    backend: str
    delivery: str
    versions: dict[str, str]

    def save(self, path: Path) -> None:
        _save(path, Kind.MAP, asdict(self))

    @classmethod
    def load(cls, path: Path) -> MapRecord:
        """Read it. Raises `DamagedFile` or `StorageError`."""
        fields = _load(path, Kind.MAP)
        return cls(
            uid=fields.get("uid", str),
            tag=fields.get("tag", str),
            created=fields.time("created"),
            function_name=fields.get("function_name", str),
            components=fields.count("components", least=1),
            shards=fields.count("shards"),
            backend=fields.get("backend", str),
            delivery=fields.get("delivery", str),
            versions=fields.texts("versions"),
        )


@dataclass(frozen=True, slots=True)
class QueueIdentity:
    """Which queue it is that jobs went to, so that no other is taken for it.

    Parameters
    ----------
    schedd
        Its name in the pool.
    pool
        Where its collector is.
    born
        When the queue was set up, in seconds since 1970: one that is set up anew under the same name is another. 0: it
        does not say.
    """

    schedd: str
    pool: str
    born: int

    def is_same(self, other: QueueIdentity) -> bool:
        """Whether that is this queue. Its pool may have moved meanwhile."""
        if not (self.born and other.born):
            return (self.schedd, self.pool) == (other.schedd, other.pool)
        return (self.schedd, self.born) == (other.schedd, other.born)

    def was_replaced_by(self, other: QueueIdentity) -> bool:
        """Whether that is a queue that was set up anew in the place of this one, whose jobs are gone then."""
        return (self.schedd, self.pool) == (other.schedd, other.pool) and 0 < self.born < other.born

    def __str__(self) -> str:
        return f"{self.schedd} of the pool {self.pool}"


@dataclass(frozen=True, slots=True)
class SubmissionRecord:
    """One submission: which components it runs, and in which jobs.

    Parameters
    ----------
    ranges
        The components, in the order in which they are dealt out to jobs: half-open ranges [start, stop).
    chunksize
        How many components a job has (the last may have fewer).
    cluster
        None until the queue has answered.
    queue
        Where its jobs are. None: not known, as of those that were made before this was written down.
    uid
        What its jobs carry, if not the uid of the map: that of a copy, whose original has jobs of its own.
    """

    number: int
    created: float
    ranges: tuple[tuple[int, int], ...]
    chunksize: int
    cluster: int | None = None
    queue: QueueIdentity | None = None
    uid: str | None = None

    @property
    def components(self) -> int:
        return sum(stop - start for start, stop in self.ranges)

    @property
    def jobs(self) -> int:
        return -(-self.components // self.chunksize)

    def components_of(self, job: int) -> Sequence[int]:
        """The components that a job runs, in order."""
        first, last = job * self.chunksize, (job + 1) * self.chunksize
        if len(self.ranges) == 1:
            start, stop = self.ranges[0]
            return range(start + first, min(start + last, stop))
        return list(self)[first:last]

    def __iter__(self) -> Iterator[int]:
        """All components, in the order in which they are dealt out."""
        for start, stop in self.ranges:
            yield from range(start, stop)

    def save(self, path: Path) -> None:
        _save(path, Kind.SUBMISSION, {name: value for name, value in asdict(self).items() if value is not None})

    def with_cluster(self, cluster: int) -> SubmissionRecord:
        return replace(self, cluster=cluster)

    def with_queue(self, queue: QueueIdentity) -> SubmissionRecord:
        return replace(self, queue=queue)

    @classmethod
    def load(cls, path: Path) -> SubmissionRecord:
        """Read it. Raises `DamagedFile` or `StorageError`."""
        fields = _load(path, Kind.SUBMISSION)
        return cls(
            number=fields.count("number"),
            created=fields.time("created"),
            ranges=fields.ranges("ranges"),
            chunksize=fields.count("chunksize", least=1),
            cluster=fields.count("cluster") if fields.has("cluster") else None,
            queue=_queue(fields.part("queue")) if fields.has("queue") else None,
            uid=fields.get("uid", str) if fields.has("uid") else None,
        )


def _queue(fields: _Fields) -> QueueIdentity:
    return QueueIdentity(fields.get("schedd", str), fields.get("pool", str), fields.count("born"))


def ranges_of(components: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Components as half-open ranges: ``[3, 4, 5, 9]`` is ``((3, 6), (9, 10))``."""
    ranges: list[tuple[int, int]] = []
    for component in components:
        if ranges and ranges[-1][1] == component:
            ranges[-1] = (ranges[-1][0], component + 1)
        else:
            ranges.append((component, component + 1))
    return tuple(ranges)


def spelled(components: Sequence[int]) -> str:
    """Components as the runner takes them: ``3-5,9``."""
    return ",".join(str(start) if stop == start + 1 else f"{start}-{stop - 1}" for start, stop in ranges_of(components))


def _save(path: Path, kind: Kind, header: dict[str, Any]) -> None:
    with storage_errors(f"write {path}"):
        write_file(path, encode_file(kind, header))


_LATEST = 2.0**37  # the year 6325


class _Fields:
    """The header of a file, as it is asked for: each value of the type that it should have. Others are unknown."""

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        self._path = path
        self._header = header

    def has(self, name: str) -> bool:
        return self._header.get(name) is not None

    def get(self, name: str, *kinds: type) -> Any:
        """A value of one of some types, exactly: True is no number here."""
        try:
            value = self._header[name]
        except KeyError as error:
            raise self._damaged(f"it does not say {error}") from error
        if type(value) not in kinds:
            raise self._wrong(name)
        return value

    def time(self, name: str) -> float:
        """Seconds since 1970, of a year that a calendar has."""
        value: float = self.get(name, float, int)
        if not 0 <= value < _LATEST:  # nor NaN
            raise self._wrong(name)
        return value

    def count(self, name: str, least: int = 0) -> int:
        """A whole number that is not too small."""
        value: int = self.get(name, int)
        if value < least:
            raise self._wrong(name)
        return value

    def texts(self, name: str) -> dict[str, str]:
        """Texts by name."""
        value: dict[str, str] = self.get(name, dict)
        if not all(type(each) is str for pair in value.items() for each in pair):
            raise self._wrong(name)
        return value

    def ranges(self, name: str) -> tuple[tuple[int, int], ...]:
        """Half-open ranges of numbers."""
        pairs = self.get(name, list)
        if not all(type(pair) is list and list(map(type, pair)) == [int, int] for pair in pairs):
            raise self._wrong(name)
        if not all(0 <= start <= stop for start, stop in pairs):
            raise self._wrong(name)
        return tuple((start, stop) for start, stop in pairs)

    def part(self, name: str) -> _Fields:
        """A group of values."""
        return _Fields(self._path, self.get(name, dict))

    def _wrong(self, name: str) -> DamagedFile:
        return self._damaged(f"{name!r} cannot be {self._header[name]!r:.60}")

    def _damaged(self, why: str) -> DamagedFile:
        return DamagedFile(f"The file {self._path} is damaged: {why}. Without that the map cannot be used.")


def _load(path: Path, kind: Kind) -> _Fields:
    try:
        with storage_errors(f"read {path}"):
            check_trusted(path.parent)
            check_trusted(path)
            return _Fields(path, read_header(path, kind))
    except UnknownFormat as error:
        raise DamagedFile(str(error)) from error
    except WireError as error:
        raise DamagedFile(
            f"{error} Without it the map cannot be used; htmap.remove() with its tag takes it away."
        ) from error
