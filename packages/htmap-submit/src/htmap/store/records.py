"""What the small files of a map say: `map` and `submission`.

In and out: frozen values. On disk: single-record files of the kinds of the same names, see ``docs/wire-format.md``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from htmap.exceptions import DamagedFile
from htmap.store.atomic import storage_errors, write_file
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
        return cls(**_load(path, Kind.MAP, cls))


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
    """

    number: int
    created: float
    ranges: tuple[tuple[int, int], ...]
    chunksize: int
    cluster: int | None = None

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
        _save(path, Kind.SUBMISSION, asdict(self))

    def with_cluster(self, cluster: int) -> SubmissionRecord:
        return replace(self, cluster=cluster)

    @classmethod
    def load(cls, path: Path) -> SubmissionRecord:
        fields = _load(path, Kind.SUBMISSION, cls)
        return cls(**{**fields, "ranges": tuple((start, stop) for start, stop in fields["ranges"])})


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


def _load(path: Path, kind: Kind, cls: type[Any]) -> dict[str, Any]:
    try:
        with storage_errors(f"read {path}"):
            header = read_header(path, kind)
        # Keys that a later version may have added are not ours to understand.
        return {name: header[name] for name in cls.__dataclass_fields__}
    except UnknownFormat as error:
        raise DamagedFile(str(error)) from error
    except WireError as error:
        raise DamagedFile(
            f"{error} Without it the map cannot be used; htmap.remove() with its tag takes it away."
        ) from error
    except KeyError as error:
        raise DamagedFile(
            f"The file {path} is damaged: it does not say {error}. Without that the map cannot be used."
        ) from error
