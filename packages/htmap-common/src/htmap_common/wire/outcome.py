"""What became of a component: the header of a record of an outputs file, with types.

In: the plain values of a header that is whole, but that anybody may have written. Out: an `Outcome`, each field of the
type that it is said to have. What has another type is `Corrupt`, as a wrong checksum is; what is absent, as in records
of older versions, has the value that says so; keys that are not known are left out.
On the other side: ``htmap_exec.records``, which writes them. ``docs/wire-format.md`` states what each key means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from .errors import Corrupt

_DEEPEST = 100
"""Groups of exceptions within groups: Python itself shows no more than ten."""


@dataclass(frozen=True, slots=True)
class RemoteFrame:
    """An entry of a traceback.

    Attributes
    ----------
    code
        The text of the line. Empty: the node did not have what ran as a file.
    locals
        A short text for each local variable.
    """

    file: str
    line: int
    function: str
    code: str
    locals: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RemoteException:
    """An exception as data.

    Attributes
    ----------
    frames
        The outermost first.
    frames_left_out
        How many are missing in the middle.
    chain
        What led to it, the nearest first.
    relation
        In a chain: ``"cause"`` (raise ... from) or ``"context"`` (raised while that one was handled).
    members
        Of a group of exceptions.
    members_left_out
        How many are missing at the end.
    hint
        What to do, in a sentence or two.
    """

    type: str
    module: str
    message: str
    frames: Sequence[RemoteFrame]
    frames_left_out: int
    notes: Sequence[str]
    chain: Sequence[RemoteException]
    relation: str
    members: Sequence[RemoteException]
    members_left_out: int
    hint: str | None


class Outcome(NamedTuple):
    """What became of a component; `read_outcome` makes it.

    Attributes
    ----------
    status
        `htmap_common.agreed.RETURNED` or `RAISED`; of a newer version perhaps another one.
    attempt
        Which start of the job this was; 0: unknown.
    started
        Unix seconds; 0: unknown.
    stdout, stderr
        The segment that holds what was printed.
    executable, node, scratch
        The interpreter, facts about the machine, what lay in the directory; only of components that raised.
    python
        Version, as integers; empty: unknown.
    payload
        The segments that hold the pickled result or exception.
    """

    component: int
    status: str
    cloudpickle: str | None
    host: str | None
    attempt: int
    started: float
    wall_s: float
    user_cpu_s: float
    system_cpu_s: float
    peak_memory_kb: int
    stdout: int | None
    stderr: int | None
    executable: str | None
    python: Sequence[int]
    payload: slice | None
    output_files: Sequence[str]
    node: Mapping[str, str | int | float]
    scratch: Sequence[str] | None
    exception: RemoteException | None


class OutcomeRecord(NamedTuple):
    """What became of a component, with the opaque part of its record."""

    outcome: Outcome
    segments: Sequence[memoryview]

    def payload(self) -> Sequence[memoryview]:
        """The pickled result or exception, and its buffers; none: it does not pickle. Raises `Corrupt`."""
        if self.outcome.payload is None:
            return ()
        segments = self.segments[self.outcome.payload]
        if len(segments) != self.outcome.payload.stop - self.outcome.payload.start:
            raise _wrong("payload")
        return segments

    def printed(self, stream: str) -> bytes:
        """What was printed to ``stdout`` or ``stderr``. Raises `Corrupt`."""
        number = self.outcome.stdout if stream == "stdout" else self.outcome.stderr
        if number is None:
            return b""
        if not 0 <= number < len(self.segments):
            raise _wrong(stream)
        return bytes(self.segments[number])


_NUMBER = frozenset((int, float))
_WHOLE = frozenset((int,))
_TEXT = frozenset((str,))
_NOTHING = type(None)
_SIMPLE: tuple[tuple[str, frozenset[type], Any], ...] = (
    # The fields of Outcome that are one value each, in their order: what each may be, and what it is when absent.
    ("component", _WHOLE, None),
    ("status", _TEXT, None),
    ("cloudpickle", _TEXT | {_NOTHING}, None),
    ("host", _TEXT | {_NOTHING}, None),
    ("attempt", _WHOLE, 0),
    ("started", _NUMBER, 0.0),
    ("wall_s", _NUMBER, 0.0),
    ("user_cpu_s", _NUMBER, 0.0),
    ("system_cpu_s", _NUMBER, 0.0),
    ("peak_memory_kb", _WHOLE, 0),
    ("stdout", _WHOLE | {_NOTHING}, None),
    ("stderr", _WHOLE | {_NOTHING}, None),
    ("executable", _TEXT | {_NOTHING}, None),
)
_TIMES = slice(5, 9)
_LONGEST_S = 2.0**40


def read_outcome(header: Mapping[str, Any]) -> Outcome:
    """Give the values of a header their types. Raises `Corrupt`."""
    # Hot: once per result.
    get = header.get
    values = []
    for name, kinds, default in _SIMPLE:
        value = get(name, default)
        if type(value) not in kinds:
            raise _wrong(name)
        values.append(value)
    for number in values[_TIMES]:
        if not -_LONGEST_S <= number <= _LONGEST_S:  # nor NaN
            raise _wrong("time")
    for name, decode in _DECODED:
        values.append(decode(get(name)))
    return Outcome._make(values)


def read_exception(value: Mapping[str, Any]) -> RemoteException:
    """Give the parts of an exception their types. Raises `Corrupt`."""
    return _exception(value)


def _exception(value: Any, depth: int = 0) -> RemoteException:
    _checked("exception", value, dict)
    if depth > _DEEPEST:
        raise _wrong("exception")

    def others(name: str) -> Sequence[RemoteException]:
        return [_exception(each, depth + 1) for each in _items(name, value.get(name) or [], dict)]

    return RemoteException(
        type=_checked("type", value.get("type", "unknown error"), str),
        module=_checked("module", value.get("module", ""), str),
        message=_checked("message", value.get("message", ""), str),
        frames=[_frame(each) for each in _items("frames", value.get("frames") or [], dict)],
        frames_left_out=_checked("frames_left_out", value.get("frames_left_out", 0), int),
        notes=_items("notes", value.get("notes") or [], str),
        chain=others("chain"),
        relation=_checked("relation", value.get("relation", ""), str),
        members=others("members"),
        members_left_out=_checked("members_left_out", value.get("members_left_out", 0), int),
        hint=_optional("hint", value.get("hint"), str),
    )


def _frame(value: Mapping[str, Any]) -> RemoteFrame:
    return RemoteFrame(
        file=_checked("file", value.get("file", "?"), str),
        line=_checked("line", value.get("line") or 0, int),
        function=_checked("function", value.get("function", "?"), str),
        code=_checked("code", value.get("code") or "", str),
        locals=_table("locals", value.get("locals") or {}, str),
    )


def _checked(name: str, value: Any, *kinds: type) -> Any:
    if type(value) not in kinds:
        raise _wrong(name)
    return value


def _optional(name: str, value: Any, kind: type) -> Any:
    if value is not None and type(value) is not kind:
        raise _wrong(name)
    return value


def _items(name: str, value: Any, kind: type) -> Sequence[Any]:
    if type(value) is not list or not all(type(each) is kind for each in value):
        raise _wrong(name)
    return value


def _table(name: str, value: Any, *kinds: type) -> Mapping[str, Any]:
    if type(value) is not dict or not all(type(each) in kinds for each in value.values()):
        raise _wrong(name)
    return value


def _payload(value: Any) -> slice:
    if type(value) is list and len(value) == 2:  # noqa: PLR2004 - first and count
        first, count = value
        if type(first) is type(count) is int and first >= 0 and count >= 0:
            return slice(first, first + count)
    raise _wrong("payload")


def _wrong(name: str) -> Corrupt:
    return Corrupt(f"the header of a record has no proper {name!r}")


_DECODED: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    # The other fields of Outcome, in their order.
    ("python", lambda value: () if value is None else _items("python", value, int)),
    ("payload", lambda value: None if value is None else _payload(value)),
    ("output_files", lambda value: () if value is None else _items("output_files", value, str)),
    ("node", lambda value: {} if value is None else _table("node", value, str, int, float)),
    ("scratch", lambda value: None if value is None else _items("scratch", value, str)),
    ("exception", lambda value: None if value is None else _exception(value)),
)
