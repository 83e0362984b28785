"""Mirrors htmap.create.callables: what can be mapped, and what it can be called with."""

from __future__ import annotations

import functools
import math
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from htmap.create.callables import check_function, checked_calls
from htmap.exceptions import WrongType


def two(x: int, y: int) -> int:
    return x + y


async def later(x: int) -> int:
    return x


async def many_later(x: int) -> AsyncIterator[int]:
    yield x


def many(x: int) -> Iterator[int]:
    yield x


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (later, r"later is an async function .*asyncio\.run\(later\(x\)\)"),
        (functools.partial(later, 1), "later is an async function"),
        (many_later, "many_later is an async function"),
        (many, r"many is a generator function .*list\(many\(x\)\)"),
        (functools.partial(many, 1), "many is a generator function"),
    ],
)
def test_a_function_that_returns_what_is_yet_to_run_is_refused(function: Callable[..., Any], words: str) -> None:
    with pytest.raises(WrongType, match=words):
        check_function(function)


@pytest.mark.parametrize("function", [two, math.sqrt, print, dict, functools.partial(two, 1), lambda: 1])
def test_others_are_not(function: Callable[..., Any]) -> None:
    check_function(function)


def checked(function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    list(checked_calls(function, [(args, kwargs)]))


def test_an_input_for_two_arguments_names_starmap() -> None:
    with pytest.raises(WrongType, match=r"two\(x, y\) .*argument: 'y'. map gives each input as one.*starmap"):
        checked(two, (1, 2))
    with pytest.raises(WrongType, match=r"map gives one argument to each call; for more, use starmap"):
        checked(two, 1)


def test_the_component_is_named() -> None:
    calls: list[Any] = [((1, 2), {}), ((1,), {"y": 2}), ((1, 2, 3), {})]
    found = checked_calls(two, calls)
    assert [next(found), next(found)] == calls[:2]
    with pytest.raises(WrongType, match="input of component 2, 3 positional arguments: too many positional arguments"):
        next(found)


def test_wrong_names_are_refused() -> None:
    with pytest.raises(WrongType, match="2 positional arguments and z: got an unexpected keyword argument 'z'"):
        checked(two, 1, 2, z=3)


class LargeDefault:
    def __repr__(self) -> str:
        raise AssertionError("nobody is to look")


def test_defaults_are_not_shown() -> None:
    def function(x: int, table: object = LargeDefault(), *rest: int, key: int = 1) -> None: ...

    with pytest.raises(WrongType, match=r"function\(x, table=..., \*rest, key=...\) cannot be called"):
        checked(function)


class Callable1:
    def __call__(self, x: int) -> int:
        return x

    def method(self, x: int) -> int:
        return x


class Made:
    def __init__(self, x: int) -> None:
        self.x = x


def passing_one(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(x: int) -> Any:
        return function(x, x)

    return wrapper


def with_own_signature(*args: int) -> int:
    return sum(args)


with_own_signature.__signature__ = "of another"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "function",
    [
        Callable1(),
        Callable1().method,
        Made,
        functools.partial(two, 1),
        functools.partial(two, y=1),
        passing_one(two),
        with_own_signature,
        int,
        math.sqrt,
        print,
        lambda *_: 1,
        lambda _x, _y=2: 1,
    ],
)
def test_what_takes_one_argument_is_not_refused(function: Callable[..., Any]) -> None:
    checked(function, 1)
