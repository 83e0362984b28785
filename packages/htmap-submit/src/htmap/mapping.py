"""The mapping functions: from a function and its inputs to a `htmap.Map`."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from htmap.backend.select import backend_named, chosen_backend, why_auto
from htmap.create.inputs import Call
from htmap.create.new_map import Request, create
from htmap.delivery.registry import delivery_method
from htmap.exceptions import MisalignedInputData
from htmap.maps import Map
from htmap.objects import call_of
from htmap.options import MapOptions
from htmap.settings import settings
from htmap.store.mapdir import Home


def map(  # noqa: A001 - the reference's name
    func: Callable[..., Any],
    args: Iterable[Any],
    map_options: MapOptions | None = None,
    tag: str | None = None,
    quiet: bool = False,
) -> Map:
    """Map a function call over a one-dimensional iterable of arguments.

    Parameters
    ----------
    func
        The function; it is called with exactly one positional argument and no keyword arguments.
    args
        The arguments, one for each component. Read once, so a generator will do.
    map_options
        Options for the jobs.
    tag
        The tag of the map. None: a random one, and the map is transient.
    quiet
        If True, nothing is printed.

    Returns
    -------
    Map
        A `htmap.Map` representing the map.
    """
    return _submit(func, (call_of((arg,), {}) for arg in args), map_options, tag, quiet=quiet)


def starmap(
    func: Callable[..., Any],
    args: Iterable[Iterable[Any]] | None = None,
    kwargs: Iterable[Mapping[str, Any]] | None = None,
    map_options: MapOptions | None = None,
    tag: str | None = None,
    quiet: bool = False,
) -> Map:
    """Map a function call over aligned iterables of arguments and keyword arguments.

    Parameters
    ----------
    func
        The function; each element of `args` and `kwargs` is unpacked into its signature.
    args
        Tuples of positional arguments, one for each component. None: there are none.
    kwargs
        Dictionaries of keyword arguments, one for each component. None: there are none.
    map_options, tag, quiet
        As in `map`.

    Raises
    ------
    MisalignedInputData
        `args` and `kwargs` are not of the same length.
    """
    return _submit(func, _aligned(args, kwargs), map_options, tag, quiet=quiet)


_MISSING = object()


def _aligned(args: Iterable[Iterable[Any]] | None, kwargs: Iterable[Mapping[str, Any]] | None) -> Iterator[Call]:
    if args is None and kwargs is None:
        return
    pairs: Iterable[tuple[Any, Any]]
    if args is None:
        pairs = (((), each) for each in kwargs or ())
    elif kwargs is None:
        pairs = ((each, {}) for each in args)
    else:
        pairs = itertools.zip_longest(args, kwargs, fillvalue=_MISSING)
    for component, (positional, named) in enumerate(pairs):
        if positional is _MISSING or named is _MISSING:
            shorter = "args" if positional is _MISSING else "kwargs"
            raise MisalignedInputData(f"args and kwargs must be of the same length, but {shorter} ends at {component}.")
        yield call_of(positional, named)


def _submit(
    func: Callable[..., Any],
    calls: Iterable[Call],
    map_options: MapOptions | None,
    tag: str | None,
    *,
    quiet: bool,
) -> Map:
    home = Home.of(settings)
    name = chosen_backend(settings)
    _say_once(name, quiet=quiet)
    defaults = MapOptions.from_settings(settings["MAP_OPTIONS"])
    request = Request(
        function=func,
        calls=calls,
        options=MapOptions.merge(map_options or MapOptions(), defaults),
        tag=tag,
        delivery=delivery_method(settings["DELIVERY_METHOD"]),
        max_idle=settings["LATE_MATERIALIZATION.MAX_IDLE"],
        threshold=settings["LATE_MATERIALIZATION.THRESHOLD"],
    )
    tag, map_dir = create(home, backend_named(name, home, settings), request)
    if not quiet:
        print(f"Created map {tag} with {len(loaded := Map(tag=tag, map_dir=map_dir.path))} components")
        return loaded
    return Map(tag=tag, map_dir=map_dir.path)


_said: set[str] = set()


def _say_once(name: str, *, quiet: bool) -> None:
    if not quiet and settings["BACKEND"] == "auto" and name not in _said:
        _said.add(name)
        print(why_auto(name), file=sys.stderr)
