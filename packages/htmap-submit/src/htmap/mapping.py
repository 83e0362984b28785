"""The mapping functions: from a function and its inputs to a `htmap.Map`."""

from __future__ import annotations

import copy
import functools
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from types import TracebackType
from typing import Any, overload

from htmap.backend.select import BackendsOf, chosen_backend, why_auto
from htmap.chunking import choose
from htmap.create.callables import check_function, checked_calls
from htmap.create.inputs import Call, StoredInputs
from htmap.delivery.registry import delivery_method
from htmap.exceptions import CannotAddToMap, MisalignedInputData, NoMapYet, WrongType
from htmap.lifecycle.new_map import Request, create, preview
from htmap.maps.acting import Map
from htmap.option_values import is_iterable
from htmap.options import MapOptions
from htmap.pickling import call_of
from htmap.settings import settings
from htmap.show.bars import creation_bar
from htmap.store.mapdir import Home
from htmap_common.program.calls import same


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

    Raises
    ------
    TagAlreadyExists, InvalidTag, EmptyMap, CannotPickle, InputFileNotFound, MisalignedInputData, InvalidOption
    BackendNotAvailable
        The queue cannot be reached.

    Examples
    --------
    >>> doubled = htmap.map(lambda x: 2 * x, range(3), tag="doubled")
    Created map doubled with 3 components
    >>> list(doubled)
    [0, 2, 4]
    """
    return _submit(func, _single_arguments(args), map_options, tag, quiet=quiet, inputs=args)


def starmap(  # noqa: PLR0917 - the reference's signature
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
        Tuples of positional arguments, one for each component. None, or an empty list: there are none.
    kwargs
        Dictionaries of keyword arguments, one for each component. None, or an empty list: there are none.
    map_options, tag, quiet
        As in `map`.

    Raises
    ------
    MisalignedInputData
        `args` and `kwargs` are not of the same length. Else as for `map`.

    Examples
    --------
    >>> powers = htmap.starmap(pow, [(2, 3), (3, 2)], tag="powers", quiet=True)
    >>> list(powers)
    [8, 9]
    >>> areas = htmap.starmap(lambda w, h: w * h, kwargs=[{"w": 2, "h": 3}, {"w": 4, "h": 5}], quiet=True)
    >>> list(areas)
    [6, 20]
    """
    inputs = args if _length_of(args) else kwargs
    return _submit(func, _aligned(args, kwargs), map_options, tag, quiet=quiet, inputs=inputs)


def _single_arguments(args: Iterable[Any]) -> Iterator[Call]:
    return (call_of((arg,), {}) for arg in _iterable("args", args))


def _iterable(name: str, values: Iterable[Any]) -> Iterable[Any]:
    if not is_iterable(values) or isinstance(values, (str, bytes)):
        raise WrongType(f"{name} must be a list, or another iterable, with an entry for each component: {values!r}")
    return values


_MISSING = object()


def _aligned(args: Iterable[Iterable[Any]] | None, kwargs: Iterable[Mapping[str, Any]] | None) -> Iterator[Call]:
    if args is None and kwargs is None:
        return
    for name, values in (("args", args), ("kwargs", kwargs)):
        if values is not None:
            _iterable(name, values)
    pairs: Iterable[tuple[Any, Any]] = itertools.zip_longest(
        () if args is None else args, () if kwargs is None else kwargs, fillvalue=_MISSING
    )
    no_args = no_kwargs = False
    for component, (positional, named) in enumerate(pairs):
        if component == 0:  # an empty list says the same as None
            no_args, no_kwargs = positional is _MISSING, named is _MISSING
        positional, named = () if no_args else positional, {} if no_kwargs else named  # noqa: PLW2901 - as meant
        if positional is _MISSING or named is _MISSING:
            shorter = "args" if positional is _MISSING else "kwargs"
            raise MisalignedInputData(f"args and kwargs must be of the same length, but {shorter} ends at {component}.")
        try:
            call = call_of(() if isinstance(positional, (str, bytes)) else positional, named)
            is_call = not isinstance(positional, (str, bytes)) and all(isinstance(name, str) for name in call[1])
        except (TypeError, ValueError):
            is_call = False
        if not is_call:
            raise WrongType(
                f"Component {component} of a starmap must have a tuple of positional arguments and a dictionary of "
                f"keyword arguments, not {positional!r} and {named!r}."
            )
        yield call


def _submit(
    func: Callable[..., Any],
    calls: Iterable[Call],
    map_options: MapOptions | None,
    tag: str | None,
    *,
    quiet: bool,
    inputs: object,
) -> Map:
    home = Home.of(settings)
    name = chosen_backend(settings)
    _say_once(name, quiet=quiet)
    total = _length_of(inputs)
    request = _request(func, calls, map_options, tag)
    if isinstance(request.options.chunksize, str):
        choice, request = choose(home, name, request, total, may_try=True)
        if not quiet:
            print(f"chunksize: {choice.reason}.", file=sys.stderr)  # noqa: T201 - as below
    progress = iter if quiet else creation_bar(total, _component_count)
    tag, map_dir = create(home, BackendsOf(home, settings), name, request, progress)
    created = Map(tag=tag, map_dir=map_dir.path)
    if not quiet:
        print(  # noqa: T201 - what `quiet` is for
            f"Created map {tag} with {len(created)} component{'' if len(created) == 1 else 's'}"
        )
    return created


def _checked_function(func: Callable[..., Any]) -> Callable[..., Any]:
    if isinstance(func, MappedFunction):
        func = func.function
    if not callable(func):
        raise WrongType(f"What is mapped must be a function, not {func!r}.")
    check_function(func)
    return func


def _length_of(inputs: object) -> int | None:
    """The number of inputs, if they know it themselves."""
    try:
        return len(inputs) if isinstance(inputs, Sized) else None
    except (TypeError, ValueError, OverflowError):
        return None


def _component_count(stored: StoredInputs) -> int:
    return len(stored.components)


def _request(
    func: Callable[..., Any], calls: Iterable[Call], map_options: MapOptions | None, tag: str | None
) -> Request:
    defaults = MapOptions.from_settings(settings["MAP_OPTIONS"])
    function = _checked_function(func)
    return Request(
        function=function,
        calls=checked_calls(function, calls),
        options=MapOptions.merge(MapOptions() if map_options is None else map_options, defaults),
        tag=tag,
        delivery=delivery_method(settings["DELIVERY_METHOD"]),
        max_idle=settings["LATE_MATERIALIZATION.MAX_IDLE"],
        threshold=settings["LATE_MATERIALIZATION.THRESHOLD"],
    )


def submit_description(
    func: Callable[..., Any],
    args: Iterable[Any],
    map_options: MapOptions | None = None,
    tag: str | None = None,
) -> str:
    """Return the submit description that `map` would give to HTCondor, and submit nothing.

    Everything is checked as `map` checks it, and nothing is left behind. For calls with several arguments, see
    `MapBuilder.submit_description`. That of a map that exists lies in its directory: ``submissions/0/submit``.

    Parameters
    ----------
    func, args, map_options, tag
        As in `map`.

    Returns
    -------
    str
        Text that ``condor_submit`` takes. The files it names, below the directory of the map, exist when the map does.
    """
    return _rehearsed(func, _single_arguments(args), map_options, tag)


def _rehearsed(func: Callable[..., Any], calls: Iterable[Call], map_options: MapOptions | None, tag: str | None) -> str:
    home, name, request = Home.of(settings), chosen_backend(settings), _request(func, calls, map_options, tag)
    if isinstance(request.options.chunksize, str):
        _, request = choose(home, name, request, None, may_try=False)
    return preview(home, name, request)


class MapBuilder:
    """Collects the inputs of a map, one call at a time; made by `build_map`.

    Use it in a ``with`` block: when the block ends, the inputs are submitted as a single map. If it ends with an
    exception, nothing is submitted.
    """

    def __init__(self, func: Callable[..., Any], map_options: MapOptions | None = None, tag: str | None = None) -> None:
        self._func = _checked_function(func)
        self._map_options = map_options
        self._tag = tag
        self._calls: list[Call] = []
        self._map: Map | None = None

    def __enter__(self) -> MapBuilder:  # noqa: PYI034 - Self is in typing from 3.11 on
        self._check_open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._map = _submit(self._func, self._calls, self._map_options, self._tag, quiet=False, inputs=self._calls)

    def _check_open(self) -> None:
        if self._map is not None:
            raise CannotAddToMap(
                f"The map {self._map.tag} has been created: no inputs can be added to it. Build another map."
            )

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        """Add the given inputs to the map, as they are now: what they become later does not matter."""
        self._check_open()
        self._calls.append(_kept(call_of(args, kwargs)))

    def __len__(self) -> int:
        """The number of inputs it has been sent."""
        return len(self._calls)

    def submit_description(self) -> str:
        """Return the submit description for the inputs it has been sent so far, as `htmap.submit_description` does."""
        return _rehearsed(self._func, self._calls, self._map_options, self._tag)

    @property
    def map(self) -> Map:
        """The map. Raises `NoMapYet` until the ``with`` block has ended."""
        if self._map is None:
            raise NoMapYet("There is no map yet: it is created when the with block of the map builder ends.")
        return self._map


def _kept(call: Call) -> Call:
    """The call, as it is now."""
    try:
        return copy.deepcopy(call)
    except Exception:  # noqa: BLE001 - whatever keeps an object from being copied
        return call  # if it cannot be pickled either, that is said when the map is made


def build_map(func: Callable[..., Any], map_options: MapOptions | None = None, tag: str | None = None) -> MapBuilder:
    """Return a `MapBuilder` for the given function.

    Parameters
    ----------
    func
        The function to map.
    map_options, tag
        As in `map`.

    Examples
    --------
    >>> with htmap.build_map(pow, tag="built") as builder:
    ...     for x in range(1, 4):
    ...         builder(x, x)
    Created map built with 3 components
    >>> list(builder.map)
    [1, 4, 27]
    """
    return MapBuilder(func, map_options=map_options, tag=tag)


class MappedFunction:
    """A function that can be mapped; made by `mapped`. Calling it calls the function, here and now.

    Parameters
    ----------
    func
        The function.
    map_options
        Options that every map made from it inherits. Those given to such a map come first.
    """

    def __init__(self, func: Callable[..., Any], map_options: MapOptions | None = None) -> None:
        functools.update_wrapper(self, func)
        self.function = func
        self._map_options = map_options or MapOptions()

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        bind = getattr(self.function, "__get__", None)
        return self if instance is None or bind is None else MappedFunction(bind(instance, owner), self._map_options)

    def __reduce__(self) -> tuple[Any, ...]:
        # It travels as the function itself: on the node there is nothing of this module, and a method must bind.
        return same, (self.function,)

    def __repr__(self) -> str:
        return f"MappedFunction({self.function!r}, {self._map_options!r})"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def map(self, args: Iterable[Any], tag: str | None = None, map_options: MapOptions | None = None) -> Map:
        """As `htmap.map`, but the ``func`` argument is the mapped function."""
        return map(self.function, args, map_options=self._merged(map_options), tag=tag)

    def starmap(
        self,
        args: Iterable[Iterable[Any]] | None = None,
        kwargs: Iterable[Mapping[str, Any]] | None = None,
        tag: str | None = None,
        map_options: MapOptions | None = None,
    ) -> Map:
        """As `htmap.starmap`, but the ``func`` argument is the mapped function."""
        return starmap(self.function, args, kwargs, map_options=self._merged(map_options), tag=tag)

    def build_map(self, tag: str | None = None, map_options: MapOptions | None = None) -> MapBuilder:
        """As `htmap.build_map`, but the ``func`` argument is the mapped function."""
        return build_map(self.function, map_options=self._merged(map_options), tag=tag)

    def _merged(self, map_options: MapOptions | None) -> MapOptions:
        return MapOptions.merge(map_options or MapOptions(), self._map_options)


@overload
def mapped(map_options: MapOptions | None = None) -> Callable[[Callable[..., Any]], MappedFunction]: ...
@overload
def mapped(map_options: Callable[..., Any]) -> MappedFunction: ...
def mapped(
    map_options: MapOptions | Callable[..., Any] | None = None,
) -> MappedFunction | Callable[[Callable[..., Any]], MappedFunction]:
    """A decorator that wraps a function in a `MappedFunction`. Works with and without parentheses.

    Parameters
    ----------
    map_options
        Options that every map made from the function inherits.

    Examples
    --------
    >>> @htmap.mapped
    ... def double(x):
    ...     return 2 * x
    >>> double(1), list(double.map([2, 3], tag="mapped"))
    Created map mapped with 2 components
    (2, [4, 6])
    """
    if map_options is None or isinstance(map_options, MapOptions):
        return functools.partial(MappedFunction, map_options=map_options)
    if callable(map_options):
        return MappedFunction(map_options)
    raise WrongType(f"mapped() takes MapOptions, not {map_options!r}.")


_said: set[str] = set()


def _say_once(name: str, *, quiet: bool) -> None:
    if not quiet and settings["BACKEND"] == "auto" and name not in _said:
        _said.add(name)
        print(why_auto(name), file=sys.stderr)  # noqa: T201 - what `quiet` is for
