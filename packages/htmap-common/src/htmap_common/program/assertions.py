"""What a function calls whose ``assert`` statements pytest has rewritten, on a node without pytest.

In: the calls that ``_pytest.assertion.rewrite`` puts into the code of a test module. Out: the texts of failed
assertions, as pytest itself writes them where no plugin has more to say: on a node none has.
"""

from __future__ import annotations

import reprlib
import types
from collections.abc import Iterable, Sequence
from typing import Any

_LONGEST = 240
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _LONGEST


def _saferepr(thing: object) -> str:
    if isinstance(thing, types.MethodType):
        return thing.__name__
    try:
        text = _SHORT.repr(thing)
    except Exception as error:  # noqa: BLE001 - __repr__ is the user's
        text = f"<[{type(error).__name__} raised in repr()] {type(thing).__name__} object>"
    return text.replace("\n", "\\n")


def _format_assertmsg(message: Any) -> str:
    text = message if isinstance(message, str) else _saferepr(message).replace("\\n", "\n~")
    return text.replace("\n", "\n~").replace("%", "%%")


def _should_repr_global_name(thing: object) -> bool:
    try:
        return not callable(thing) and not hasattr(thing, "__name__")
    except Exception:  # noqa: BLE001 - __getattr__ is the user's
        return True


def _format_boolop(explanations: Iterable[str], is_or: bool) -> str:
    text = "(" + (" or " if is_or else " and ").join(explanations) + ")"
    return text.replace("%", "%%")


def _call_reprcompare(
    _operators: Sequence[str], results: Sequence[bool], explanations: Sequence[str], _things: Sequence[object]
) -> str:
    for result, explanation in zip(results, explanations, strict=False):
        try:
            is_it = not result
        except Exception:  # noqa: BLE001 - __bool__ is the user's
            is_it = True
        if is_it:
            return explanation
    return explanations[-1]


def _call_assertion_pass(_line: int, _source: str, _explanation: str) -> None:
    """Tell nobody."""


def _check_if_assertion_pass_impl() -> bool:
    return False


def _format_explanation(explanation: str) -> str:
    """Lay out nested explanations: ``{`` and ``}`` begin and end one, ``~`` and ``>`` go on with a line."""
    first, *rest = _lines(explanation)
    lines = [first]
    open_at, counts = [0], [0]
    for line in rest:
        sign, text = line[0], line[1:]
        if sign == "{":
            word = "and   " if counts[-1] else "where "
            open_at.append(len(lines))
            counts[-1] += 1
            counts.append(0)
            lines.append(f" +{'  ' * (len(open_at) - 1)}{word}{text}")
        elif sign == "}":
            open_at.pop()
            counts.pop()
            lines[open_at[-1]] += text
        else:
            open_at[-1] += 1
            lines.append("  " * (len(open_at) if sign == "~" else len(open_at) - 1) + text)
    return "\n".join(lines)


def _lines(explanation: str) -> list[str]:
    first, *rest = explanation.split("\n")
    lines = [first]
    for line in rest:
        if line.startswith(("{", "}", "~", ">")):
            lines.append(line)
        else:
            lines[-1] += "\\n" + line
    return lines
