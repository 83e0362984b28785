"""Errors of many components, grouped by their kind: ``37 components: ValueError at fit.py:88``."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import PurePath
from traceback import FrameSummary
from typing import Any

from htmap.results.errors import ComponentError
from htmap.show.units import count
from htmap.store.records import spelled
from htmap_common.wording import visible

_WIDTH = 96
_LIBRARIES = ("/site-packages/", "/dist-packages/", "/lib/python3")


@dataclass(slots=True)
class ErrorKind:
    """Components that failed in the same way.

    Parameters
    ----------
    kind
        The type of the exception; or, if a job left no output, how it ended.
    place
        File and line, the innermost that is not of an installed library; None: nothing was raised.
    message, hint, led_to_it
        Those of the first of them: the last is a line for each cause, context and member of a group.
    """

    kind: str
    place: str | None
    message: str
    hint: str | None
    led_to_it: list[str] = field(default_factory=list)
    components: list[int] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for a program."""
        return asdict(self)


def grouped(errors: Iterable[ComponentError]) -> list[ErrorKind]:
    """The kinds of errors, the most frequent first."""
    found: dict[tuple[str, str | None], ErrorKind] = {}
    for error in errors:
        kind, _, message = (error.exception_msg, "", "")
        place = None
        if error.stack_summary:
            kind, _, message = error.exception_msg.partition(": ")
            place = _place(error.stack_summary)
        known = found.setdefault((kind, place), ErrorKind(kind, place, message, error.hint, error.led_to_it()))
        known.components.append(error.component)
    return sorted(found.values(), key=lambda each: -len(each.components))


def _place(frames: Sequence[FrameSummary]) -> str:
    own = [frame for frame in frames if not any(part in frame.filename for part in _LIBRARIES)]
    frame = (own or frames)[-1]
    if frame.filename.startswith("<"):
        # Typed into a notebook; or sent by a cloudpickle from 3.1.3 on, which keeps the names of files to itself.
        return f"line {frame.lineno} of {frame.name}()"
    return f"{PurePath(frame.filename).name}:{frame.lineno}"


def kinds_text(tag: str, kinds: Sequence[ErrorKind], limit: int | None) -> str:
    """The kinds of errors of a map, for people; at most `limit` of them."""
    if not kinds:
        return f"{tag}: no component has failed."
    total = sum(len(each.components) for each in kinds)
    shown = kinds[:limit]
    parts = [f"{tag}: {count(total, 'failed component')}, {count(len(kinds), 'kind')} of error"]
    parts += [_kind_text(each) for each in shown]
    if len(shown) < len(kinds):
        parts.append(f"... and {count(len(kinds) - len(shown), 'kind')} more: --limit shows them.")
    parts.append(f"A whole report: `htmap errors {tag} --component {shown[0].components[0]}`")
    return "\n\n".join(parts)


def _kind_text(kind: ErrorKind) -> str:
    where = f" at {kind.place}" if kind.place else ""
    lines = [f"{count(len(kind.components), 'component')}: {kind.kind}{where}"]
    if kind.message:
        lines += _indented(kind.message.splitlines()[0])
    for line in kind.led_to_it:
        lines += _indented(textwrap.shorten(line, _WIDTH - 4))
    components = "component" if len(kind.components) == 1 else "components"
    lines += _indented(f"{components} {textwrap.shorten(spelled(kind.components).replace(',', ', '), _WIDTH - 20)}")
    if kind.hint:
        lines += _indented(f"-> {kind.hint}")
    return visible("\n".join(lines))


def _indented(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="    ", subsequent_indent="    ")
