"""The values of ClassAd expressions, and what operators do to them.

In: values. Out: a value, the one that HTCondor computes. On the other side: ``classad``, which reads expressions.
The right side of a binary operator is a function: ``||`` and ``&&`` may not need it.
"""

from __future__ import annotations

import enum
import math
import operator
from collections.abc import Callable, Mapping
from typing import TypeAlias


class Missing(enum.Enum):
    """The two values that are no value."""

    UNDEFINED = "undefined"  # an attribute that the job does not have
    ERROR = "error"  # an operation that means nothing, as 1 + "a"


UNDEFINED = Missing.UNDEFINED
ERROR = Missing.ERROR

Value: TypeAlias = "bool | int | float | str | Missing"
Binary: TypeAlias = "Callable[[Value, Callable[[], Value]], Value]"


def truth(value: Value) -> bool | Missing:
    """The value as a condition: numbers count, text does not."""
    if isinstance(value, Missing):
        return value
    return ERROR if isinstance(value, str) else bool(value)


def choose(condition: Value, then: Callable[[], Value], otherwise: Callable[[], Value]) -> Value:
    """``ifThenElse``, and the operator of three parts."""
    decided = truth(condition)
    if isinstance(decided, Missing):
        return decided
    return then() if decided else otherwise()


def strcat(values: list[Value]) -> Value:
    """The text of all values, one after the other."""
    if ERROR in values:
        return ERROR
    return UNDEFINED if UNDEFINED in values else "".join(map(_to_text, values))


def _to_text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.15E}" if value else "0.0"
    return value.value if isinstance(value, Missing) else str(value)


def _decided_by(deciding: bool) -> Binary:
    """``||`` is decided by true, ``&&`` by false: then it does not matter that the other side is undefined."""

    def apply(left: Value, right: Callable[[], Value]) -> Value:
        first = truth(left)
        if first is deciding or first is ERROR:
            return first
        second = truth(right())
        return second if second is deciding or first is not UNDEFINED or second is ERROR else UNDEFINED

    return apply


def _is_identical(left: Value, right: Callable[[], Value]) -> bool:
    other = right()
    return type(left) is type(other) and left == other


def _is_different(left: Value, right: Callable[[], Value]) -> bool:
    return not _is_identical(left, right)


def _strict(apply: Callable[[Value, Value], Value]) -> Binary:
    """An operation that has no value when one of its sides has none."""

    def strict(left: Value, right: Callable[[], Value]) -> Value:
        other = right()
        if ERROR in (left, other):
            return ERROR
        return UNDEFINED if UNDEFINED in (left, other) else apply(left, other)

    return strict


def _comparison(compare: Callable[..., bool]) -> Binary:
    def apply(left: Value, right: Value) -> Value:
        if isinstance(left, str) and isinstance(right, str):  # compared without regard to case, as in HTCondor
            return compare(left.casefold(), right.casefold())
        return ERROR if isinstance(left, str) or isinstance(right, str) else compare(left, right)

    return _strict(apply)


def _arithmetic(compute: Callable[..., int | float]) -> Binary:
    def apply(left: Value, right: Value) -> Value:
        if isinstance(left, str) or isinstance(right, str):
            return ERROR
        try:
            return compute(left, right)
        except (ArithmeticError, ValueError):  # ValueError: fmod by zero
            return ERROR

    return _strict(apply)


def _divide(left: float, right: float) -> int | float:
    """Division towards zero if both are integers, as in C."""
    exact = isinstance(left, int) and isinstance(right, int)
    return math.trunc(left / right) if exact else left / right


def _remainder(left: float, right: float) -> int:
    return int(math.fmod(int(left), int(right)))


def _negate(value: Value) -> Value:
    if isinstance(value, Missing):
        return value
    return ERROR if isinstance(value, str) else -value


def _not(value: Value) -> Value:
    decided = truth(value)
    return decided if isinstance(decided, Missing) else not decided


# Each level binds tighter than the one before.
LEVELS: tuple[Mapping[str, Binary], ...] = (
    {"||": _decided_by(True)},
    {"&&": _decided_by(False)},
    {
        "=?=": _is_identical,
        "=!=": _is_different,
        "==": _comparison(operator.eq),
        "!=": _comparison(operator.ne),
    },
    {
        "<": _comparison(operator.lt),
        "<=": _comparison(operator.le),
        ">": _comparison(operator.gt),
        ">=": _comparison(operator.ge),
    },
    {"+": _arithmetic(operator.add), "-": _arithmetic(operator.sub)},
    {"*": _arithmetic(operator.mul), "/": _arithmetic(_divide), "%": _arithmetic(_remainder)},
)
UNARY: Mapping[str, Callable[[Value], Value]] = {"!": _not, "-": _negate, "+": lambda value: value}
