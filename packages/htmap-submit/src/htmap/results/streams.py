# ruff: noqa: SLF001 - these sequences are parts of the map, made public by themselves
"""What components printed, and the files they sent back: sequences over the components of a map."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, overload

if TYPE_CHECKING:
    from htmap.maps.readable import ReadableMap
    from htmap.observe.pace import Timeout

T_co = TypeVar("T_co", covariant=True)


class _PerComponent(Sequence[T_co], abc.ABC):
    """A sequence with one element for each component; an element is fetched when it is asked for."""

    def __init__(self, map: ReadableMap) -> None:  # noqa: A002 - the reference's name
        self._map = map

    def __len__(self) -> int:
        return len(self._map)

    @overload
    def __getitem__(self, component: int) -> T_co: ...
    @overload
    def __getitem__(self, component: slice) -> Sequence[T_co]: ...
    def __getitem__(self, component: int | slice) -> T_co | Sequence[T_co]:
        if isinstance(component, slice):
            return [self.get(each, timeout=0) for each in range(len(self))[component]]
        return self.get(component, timeout=0)

    @abc.abstractmethod
    def get(self, component: int, timeout: Timeout = None) -> T_co:
        """The element of one component."""


class _Printed(_PerComponent[str]):
    stream: str

    def get(self, component: int, timeout: Timeout = None) -> str:
        """Return a string containing the stdout/stderr from a single map component.

        Parameters
        ----------
        component
            The index of the component.
        timeout
            How long to wait for the component to be over (seconds, or a timedelta). None: for ever.

        Returns
        -------
        str
            The standard output/error of the map component. For a component that left no record, because its job
            never got as far: what the job itself printed. If the time is up and the component is still running: what
            it has printed so far, where the backend lets one see that (the local one does), else TimeoutError.
        """
        return self._map._printed(component, self.stream, timeout)


class MapStdOut(_Printed):
    """A map's sequence over its stdout. Use the `htmap.Map.stdout` attribute."""

    stream = "stdout"


class MapStdErr(_Printed):
    """A map's sequence over its stderr. Use the `htmap.Map.stderr` attribute."""

    stream = "stderr"


class MapOutputFiles(_PerComponent[Path]):
    """A map's sequence over its output file directories. Use the `htmap.Map.output_files` attribute."""

    def get(self, component: int, timeout: Timeout = None) -> Path:
        """Return the path to the directory containing the output files for the given component.

        Parameters
        ----------
        component
            The index of the component.
        timeout
            How long to wait for it to finish (seconds, or a timedelta). None: for ever.
        """
        return self._map._output_directory(component, timeout)
