"""The functions of ClassAd expressions that are known here.

In: values of arguments. Out: a value, the one that HTCondor computes. On the other side: ``classad``.
`ifThenElse` is not here, since it does not look at all of its arguments; nor is `time`, which needs a clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from htmap.language.operators import ERROR, UNDEFINED, Missing, Value, strcat

Apply: TypeAlias = "Callable[[Sequence[Value]], Value]"


@dataclass(frozen=True, slots=True)
class Function:
    """A function.

    Parameters
    ----------
    count
        How many arguments it takes; None: any number.
    takes_list
        Its one argument is a list, written in braces, whose parts it gets.
    """

    apply: Apply
    count: int | None = 1
    takes_list: bool = False


def _is(kind: Callable[[Value], bool]) -> Function:
    return Function(lambda values: kind(values[0]))


def _number(value: Value) -> bool | float | Missing:
    """The number that a value is, or that a text spells."""
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return ERROR


def _to_int(values: Sequence[Value]) -> Value:
    number = _number(values[0])
    return number if isinstance(number, Missing) else _whole(number, math.trunc)


def _to_real(values: Sequence[Value]) -> Value:
    number = _number(values[0])
    return number if isinstance(number, Missing) else float(number)


def _rounded(how: Callable[[float], int]) -> Function:
    def apply(values: Sequence[Value]) -> Value:
        number = _number(values[0])
        return ERROR if isinstance(number, Missing) else _whole(number, how)

    return Function(apply)


def _whole(number: float, how: Callable[[float], int]) -> int:
    if isinstance(number, int):
        return int(number)
    # What has no place in 64 bits becomes the lowest of all numbers, as in C.
    return how(number) if abs(number) < 2.0**63 else -(2**63)


def _extreme(choose: Callable[[Sequence[float]], float]) -> Function:
    def apply(values: Sequence[Value]) -> Value:
        numbers = [value for value in values if value is not UNDEFINED]
        found: list[float] = []
        for number in numbers:
            if isinstance(number, str | Missing):
                return ERROR
            found.append(number)
        if not found:
            return UNDEFINED
        chosen = choose(found)
        return float(chosen) if any(isinstance(number, float) for number in found) else int(chosen)

    return Function(apply, takes_list=True)


FUNCTIONS: Mapping[str, Function] = {
    "ceiling": _rounded(math.ceil),
    "floor": _rounded(math.floor),
    "int": Function(_to_int),
    "isboolean": _is(lambda value: isinstance(value, bool)),
    "iserror": _is(lambda value: value is ERROR),
    "isinteger": _is(lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "isreal": _is(lambda value: isinstance(value, float)),
    "isstring": _is(lambda value: isinstance(value, str)),
    "isundefined": _is(lambda value: value is UNDEFINED),
    "max": _extreme(max),
    "min": _extreme(min),
    "real": Function(_to_real),
    "round": _rounded(round),
    "strcat": Function(lambda values: strcat(list(values)), count=None),
}
