"""Whether a function can be mapped, and takes the arguments that it is to be called with.

In: what the user maps, and its calls, as they come. Out: the same calls; or an exception before anything is submitted,
where it is sure that each component would fail. What cannot be known here is left to the node.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from htmap.exceptions import WrongType

Call = tuple[tuple[Any, ...], dict[str, Any]]


def check_function(function: Callable[..., Any]) -> None:
    """Raise `WrongType` for a function whose result cannot be one: a call only makes something that is yet to run."""
    name = name_of(function)
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise WrongType(
            f"{name} is an async function (async def): a call of it makes a coroutine, and runs nothing. Map a "
            f"function that runs it: def run(x): return asyncio.run({name}(x))"
        )
    if inspect.isgeneratorfunction(function):
        raise WrongType(
            f"{name} is a generator function (it has a yield): a call of it makes a generator, which cannot be sent "
            f"back. Map a function that returns a list: def run(x): return list({name}(x))"
        )


def checked_calls(function: Callable[..., Any], calls: Iterable[Call]) -> Iterator[Call]:
    """The calls, each of which the function takes, as far as its signature says so.

    Raises
    ------
    WrongType
        It does not take one of them.
    """
    signature = _signature(function)
    if signature is None:
        yield from calls
        return
    known: set[tuple[int, tuple[str, ...]]] = set()
    for component, call in enumerate(calls):
        # Hot: once per component. What is taken depends on how many there are and on their names only.
        shape = len(call[0]), tuple(call[1])
        if shape not in known:
            _check(function, signature, component, call)
            known.add(shape)
        yield call


def name_of(function: Callable[..., Any]) -> str:
    """What a user calls a function."""
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__name__", None)
    return name if isinstance(name, str) else type(function).__name__


def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    if hasattr(function, "__signature__"):
        return None  # for readers; what is called may take something else
    try:
        # As it is called: a decorator may add arguments, or take some away.
        return inspect.signature(function, follow_wrapped=False)
    except (TypeError, ValueError):
        return None  # compiled


def _check(function: Callable[..., Any], signature: inspect.Signature, component: int, call: Call) -> None:
    args, kwargs = call
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        name = name_of(function)
        raise WrongType(
            f"{name}({_spelled(signature)}) cannot be called with the input of component {component}, "
            f"{_count(len(args), kwargs)}: {error}.{_advice(signature, args, kwargs)}"
        ) from None


def _spelled(signature: inspect.Signature) -> str:
    """The parameters; what a default looks like is up to its __repr__."""
    parameters = signature.parameters.values()
    bare = [each.replace(annotation=each.empty, default=each.empty) for each in parameters]
    return ", ".join(
        f"{each}=..." if given.default is not given.empty else str(each)
        for each, given in zip(bare, parameters, strict=True)
    )


def _count(positional: int, kwargs: dict[str, Any]) -> str:
    counted = f"{positional} positional argument{'' if positional == 1 else 's'}"
    return f"{counted} and {', '.join(kwargs)}" if kwargs else counted


def _advice(signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    if len(args) != 1 or kwargs:
        return ""
    if not isinstance(args[0], (tuple, list)):
        return " map gives one argument to each call; for more, use starmap."
    try:
        signature.bind(*args[0])
    except TypeError:
        return " map gives one argument to each call; for more, use starmap."
    return " map gives each input as one argument: use starmap, which unpacks it into several."
