"""How exceptions are taken apart and put together: no constructor of the user's is run to make one again.

In: an exception. Out: its class, what its nearest built-in class must be given, and what has been set since. The
constructor of a user's exception often takes other arguments than those that it hands on, and plain pickle fails on it.
"""

from __future__ import annotations

import copyreg
from typing import Any

_HEAP_TYPE = 1 << 9
"""The flag of types that are made at run time; see ``Py_TPFLAGS_HEAPTYPE`` in CPython's ``object.h``."""
_LED_TO_IT = ("__cause__", "__context__", "__suppress_context__")


def is_taken_apart_by_python(kind: type) -> bool:
    """Whether a class of exceptions leaves pickling to Python's own classes."""
    names = ("__reduce_ex__", "__reduce__", "__getstate__")
    return not any(name in vars(each) for each in kind.__mro__ if _is_users(each) for name in names)


def _is_users(kind: type) -> bool:
    return bool(kind.__flags__ & _HEAP_TYPE)


def take_apart(error: BaseException, *, with_chain: bool) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of an exception, and its state.

    Parameters
    ----------
    with_chain
        Whether the exceptions that led to it are a part of its state.
    """
    reduced: Any = error.__reduce__()
    _, arguments, *rest = reduced
    state: dict[str, Any] = dict(rest[0] or {}) if rest else {}
    slots = {name: getattr(error, name) for name in copyreg._slotnames(type(error)) if hasattr(error, name)}  # type: ignore[attr-defined]  # noqa: SLF001 - what pickle itself asks
    chain = {name: getattr(error, name) for name in _LED_TO_IT if getattr(error, name)} if with_chain else {}
    return arguments, state | slots | chain


def put_together(kind: type[BaseException], arguments: tuple[Any, ...]) -> BaseException:
    """Make the exception, as Python's own class would."""
    builtin: Any = next(each for each in kind.__mro__ if not _is_users(each))
    error: BaseException = builtin.__new__(kind, *arguments)
    builtin.__init__(error, *arguments)
    return error


def set_state(error: BaseException, state: dict[str, Any]) -> None:
    """Set what `take_apart` found."""
    # To set the cause is to suppress the context.
    for name in [*(name for name in state if name not in _LED_TO_IT), *(name for name in _LED_TO_IT if name in state)]:
        setattr(error, name, state[name])
