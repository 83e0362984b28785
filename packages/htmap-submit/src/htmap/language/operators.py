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
        return _real_to_text(value)
    return value.value if isinstance(value, Missing) else str(value)


def _real_to_text(value: float) -> str:
    if math.isnan(value):
        return 'real("NaN")'
    if math.isinf(value):
        return 'real("INF")' if value > 0 else 'real("-INF")'
    return f"{value:.15E}" if value else f"{value:.1f}"


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
        if not isinstance(left, _NUMBERS) or not isinstance(right, _NUMBERS):
            return ERROR
        if isinstance(left, float) or isinstance(right, float):  # as in C: beyond 2^53, unlike numbers may be equal
            return compare(float(left), float(right))
        return compare(left, right)

    return _strict(apply)


_NUMBERS = (bool, int, float)
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1


def _wrapped(number: int) -> int:
    """The number in the 64 bits that HTCondor has for it."""
    return (number - _LOWEST) % 2**64 + _LOWEST


def _arithmetic(whole: Callable[[int, int], Value], real: Callable[[float, float], Value]) -> Binary:
    """An operation on numbers; truth values count as 0 and 1.

    Parameters
    ----------
    whole
        What it is on two integers.
    real
        What it is if one of them is none. Too large a result is an error; HTCondor notices only those above zero.
    """

    def apply(left: Value, right: Value) -> Value:
        if not isinstance(left, _NUMBERS) or not isinstance(right, _NUMBERS):
            return ERROR
        if isinstance(left, float) or isinstance(right, float):
            result = real(float(left), float(right))
            return ERROR if result == math.inf else result
        result = whole(int(left), int(right))
        return _wrapped(result) if isinstance(result, int) else result

    return _strict(apply)


def _divide(left: int, right: int) -> Value:
    """Towards zero, as in C."""
    if right == 0:
        return ERROR
    quotient = abs(left) // abs(right)
    return min(quotient if (left < 0) == (right < 0) else -quotient, _HIGHEST)


def _divide_real(left: float, right: float) -> Value:
    if right:
        return left / right
    return math.nan if left == 0 or math.isnan(left) else math.copysign(math.inf, left) * math.copysign(1, right)


def _remainder(left: int, right: int) -> Value:
    """With the sign of the left side, as in C."""
    if right == 0:
        return ERROR
    rest = abs(left) % abs(right)
    return -rest if left < 0 else rest


def _no_remainder(_left: float, _right: float) -> Value:
    return ERROR


def _negate(value: Value) -> Value:
    if isinstance(value, bool | str):
        return ERROR
    if isinstance(value, Missing):
        return value
    return _wrapped(-value) if isinstance(value, int) else -value


def _plus(value: Value) -> Value:
    return ERROR if isinstance(value, bool | str) else value


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
    {"+": _arithmetic(operator.add, operator.add), "-": _arithmetic(operator.sub, operator.sub)},
    {
        "*": _arithmetic(operator.mul, operator.mul),
        "/": _arithmetic(_divide, _divide_real),
        "%": _arithmetic(_remainder, _no_remainder),
    },
)
UNARY: Mapping[str, Callable[[Value], Value]] = {"!": _not, "-": _negate, "+": _plus}
