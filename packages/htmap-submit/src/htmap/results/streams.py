"""What components printed, and the files they sent back: sequences over the components of a map.

In: how many components there are, and what fetches the element of one. Out: a sequence that fetches an element when it
is asked for.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypeVar, overload

from htmap.observe.pace import Timeout
from htmap.results.retrieval import Retrieval

T_co = TypeVar("T_co", covariant=True)


class _Fetch(Protocol[T_co]):
    def __call__(self, component: int, *, timeout: Timeout) -> T_co: ...


class _Opened(Protocol):
    @property
    def retrieval(self) -> Retrieval: ...


class _Map(Protocol):
    """What the sequences below need of a map."""

    def __len__(self) -> int: ...
    @property
    def opened(self) -> _Opened: ...


class _PerComponent(Sequence[T_co]):
    """A sequence with one element for each component."""

    def __init__(self, count: int, fetch: _Fetch[T_co]) -> None:
        self._count = count
        self._fetch = fetch

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, component: int) -> T_co: ...
    @overload
    def __getitem__(self, component: slice) -> Sequence[T_co]: ...
    def __getitem__(self, component: int | slice) -> T_co | Sequence[T_co]:
        if isinstance(component, slice):
            return [self._fetch(each, timeout=0) for each in range(self._count)[component]]
        return self._fetch(component, timeout=0)


class _Printed(_PerComponent[str]):
    def get(self, component: int, timeout: Timeout = None) -> str:
        """Return a string containing the stdout/stderr from a single map component.

        Parameters
        ----------
        component
            The index of the component.
        timeout
            How long to wait for the component to end (seconds, or a timedelta). None: for ever.

        Returns
        -------
        str
            The standard output/error of the map component. For a component that left no record, because its job
            never got as far: what the job itself printed. If the time is up and the component is still running: what
            it has printed so far, where the backend lets one see that (the local one does), else TimeoutError.
        """
        return self._fetch(component, timeout=timeout)


class MapStdOut(_Printed):
    """A map's sequence over its stdout. Use the `htmap.Map.stdout` attribute."""

    def __init__(self, map: _Map) -> None:  # noqa: A002 - the reference's name
        super().__init__(len(map), functools.partial(map.opened.retrieval.printed, stream="stdout"))


class MapStdErr(_Printed):
    """A map's sequence over its stderr. Use the `htmap.Map.stderr` attribute."""

    def __init__(self, map: _Map) -> None:  # noqa: A002 - as above
        super().__init__(len(map), functools.partial(map.opened.retrieval.printed, stream="stderr"))


class MapOutputFiles(_PerComponent[Path]):
    """A map's sequence over its output file directories. Use the `htmap.Map.output_files` attribute."""

    def __init__(self, map: _Map) -> None:  # noqa: A002 - as above
        super().__init__(len(map), map.opened.retrieval.output_files)

    def get(self, component: int, timeout: Timeout = None) -> Path:
        """Return the path to the directory containing the output files for the given component.

        Parameters
        ----------
        component
            The index of the component.
        timeout
            How long to wait for it to end (seconds, or a timedelta). None: for ever.
        """
        return self._fetch(component, timeout=timeout)
