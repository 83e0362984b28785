"""What went wrong with a component: errors that its function raised, holds that the queue put on it.

In: the outcome of a component that raised, or the end of a job that left none. Out: `ComponentError`, `ComponentHold`,
and text that a scientist can read.
"""

from __future__ import annotations

import linecache
import re
import textwrap
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from htmap.store.records import spelled
from htmap_common.wire import Outcome, RemoteException, RemoteFrame, read_exception

if TYPE_CHECKING:
    from htmap.maps.readable import ReadableMap


@dataclass(frozen=True)
class ComponentHold:
    """Represents an HTCondor hold on a map component.

    Parameters
    ----------
    code
        The HTCondor HoldReasonCode.
    reason
        The HTCondor hold reason.
    """

    code: int
    reason: str

    def __str__(self) -> str:
        return f"[{self.code}] {self.reason}"


# Source: the table of hold reason codes in HTCondor's manual.
_HOLD_ADVICE = {
    1: "Somebody held it by hand: release the map when it may go on.",
    3: "A periodic_hold expression of yours, or of the pool's, came true: see the reason.",
    6: "The executable could not be started: is it there, does it have the right architecture?",
    12: "Output files could not be sent back: is the disk full, did the function make all that it promised?",
    13: "Input files could not be sent: are they there, can you read them?",
    16: "Input files are being sent: just wait.",
    21: "The job's own policy held it: see the reason.",
    22: "The path of the output or the event log cannot be written: check HTMAP_DIR and its disk.",
    26: "The pool's policy for jobs held it: see the reason, ask the pool's administrators.",
    32: "The job took longer than the pool allows, or than you allowed it.",
    34: "It used more memory than it requested: map.set_memory(MB), then map.release().",
    35: "The container image could not be had, or not be started: check its name.",
    46: "The job ran longer than the allowed duration: make components smaller.",
    47: "The job ran longer than the allowed execute duration: make components smaller.",
}


_COLUMN = 10
_CELL = re.compile(r"/ipykernel_\d+/|<ipython-input-")


def advice_on(hold: ComponentHold) -> str:
    """What may be done about a hold; empty if nothing is known beyond its reason."""
    return _HOLD_ADVICE.get(hold.code, "")


def hold_table(holds: Mapping[int, ComponentHold]) -> str:
    """A table of held components; those with the same hold share a row."""
    if not holds:
        return "No components are held."
    grouped: dict[ComponentHold, list[int]] = {}
    for component, hold in holds.items():
        grouped.setdefault(hold, []).append(component)
    rows = [" Code | Components | Reason"]
    for hold, components in grouped.items():
        first, *rest = textwrap.wrap(hold.reason, 60) or ["(none given)"]
        rest += textwrap.wrap(f"-> {advice}", 60) if (advice := advice_on(hold)) else []
        rows.append(f" {hold.code:>4} | {_shortened(components):<10} | {first}")
        rows += [f"      |            | {line}" for line in rest]
    return "\n".join(rows)


def _shortened(components: list[int]) -> str:
    shown = spelled(components)
    return shown if len(shown) <= _COLUMN else f"{components[0]}..{components[-1]}"


class ComponentError:
    """Represents an error experienced by a map component during remote execution.

    Attributes
    ----------
    map
        The `htmap.Map` the component is a part of.
    component
        The component index from the map.
    exception_msg
        The raw message string from the remote exception.
    node_info
        A tuple containing information about the HTCondor execute node the component ran on.
    python_info
        A tuple containing information about the Python installation on the execute node.
    scratch_dir_contents
        A list of paths in the scratch directory on the execute node.
    stack_summary
        The Python stack frames at the time of execution, excluding HTMap's own stack frame.
    """

    def __init__(
        self,
        *,
        map: ReadableMap,  # noqa: A002 - the reference's name
        component: int,
        exception_msg: str,
        node_info: tuple[Any, ...] | None,
        python_info: tuple[Any, ...] | None,
        scratch_dir_contents: list[Path] | None,
        stack_summary: traceback.StackSummary | None,
        hint: str | None = None,
    ) -> None:
        self.map = map
        self.component = component
        self.exception_msg = exception_msg
        self.node_info = node_info
        self.python_info = python_info
        self.scratch_dir_contents = scratch_dir_contents
        self.stack_summary = stack_summary
        self.hint = hint

    def __repr__(self) -> str:
        return f"<ComponentError(map={self.map.tag!r}, component={self.component}, {self.exception_msg!r})>"

    @classmethod
    def from_outcome(
        cls,
        map: ReadableMap,  # noqa: A002 - the reference's name
        component: int,
        outcome: Outcome,
        created: float = 0.0,
    ) -> ComponentError:
        """Make the error of a component that raised. `created`: when the map was made, in seconds since 1970."""
        exception = outcome.exception or read_exception({})
        return cls(
            map=map,
            component=component,
            exception_msg=_headline(exception),
            node_info=_labelled(outcome.node or {"host": outcome.host}),
            python_info=_labelled(
                {
                    "executable": outcome.executable,
                    "version": ".".join([str(number) for number in outcome.python]),
                    "cloudpickle": outcome.cloudpickle,
                }
            ),
            scratch_dir_contents=[Path(path) for path in outcome.scratch or ()],
            stack_summary=_stack(exception.frames, created),
            hint=exception.hint,
        )

    @classmethod
    def without_output(cls, map: ReadableMap, component: int, why: str) -> ComponentError:  # noqa: A002
        """Make the error of a component whose job is over but left no record."""
        return cls(
            map=map,
            component=component,
            exception_msg=why,
            node_info=None,
            python_info=None,
            scratch_dir_contents=None,
            stack_summary=None,
            hint=(
                "The job ended without leaving an output: it may have been killed, or its disk was full. "
                f"What it printed is in map.stderr[{component}]; map.rerun([{component}]) tries again."
            ),
        )

    def report(self) -> str:
        """Return a formatted error report.

        The raw information in this report is available in the attributes of this class.
        """
        title = f"  Start error report for component {self.component} of map {self.map.tag}  "
        end = f"  End error report for component {self.component} of map {self.map.tag}  "
        parts = [f"{title:=^80}"]
        if self.node_info:
            parts.append(_section("Landed on execute node", _lines(self.node_info)))
        if self.python_info:
            parts.append(_section("Python", _lines(self.python_info)))
        if self.scratch_dir_contents is not None:
            parts.append(
                _section("Scratch directory", [str(path) for path in self.scratch_dir_contents] or ["(empty)"])
            )
        if self.stack_summary:
            parts.append("Exception and traceback (most recent call last):\n" + format_stack(self.stack_summary))
        parts.append(textwrap.indent(self.exception_msg, "  "))
        if self.hint:
            parts.append("What to do: " + textwrap.fill(self.hint, 78, subsequent_indent="  "))
        parts.append(f"{end:=^80}")
        return "\n\n".join(parts)


def _headline(exception: RemoteException) -> str:
    return f"{exception.type}: {exception.message}" if exception.message else exception.type


def _labelled(facts: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple((name, value) for name, value in facts.items() if value is not None)


def _lines(facts: Iterable[tuple[str, Any]]) -> list[str]:
    return [f"{name.replace('_', ' ')}: {value}" for name, value in facts]


def _section(title: str, lines: list[str]) -> str:
    return "\n".join([title, *(f"  {line}" for line in lines)])


def _stack(frames: Iterable[RemoteFrame], created: float) -> traceback.StackSummary:
    return traceback.StackSummary.from_list(
        [
            traceback.FrameSummary(
                frame.file,
                frame.line,
                frame.function,
                lookup_line=False,
                line=frame.code or _line_here(frame.file, frame.line, created),
                # Reprs already: FrameSummary would take the repr of each.
                locals={name: _Verbatim(shown) for name, shown in frame.locals.items()} or None,
            )
            for frame in frames
        ]
    )


def _line_here(path: str, number: int, created: float) -> str:
    """The line of a file that was not on the node: a script of the user's, unless it has changed since it was sent."""
    try:
        is_known = Path(path).stat().st_mtime <= created
    except (OSError, ValueError):
        # No file: a cell of this notebook, perhaps. Its name is made of what is in it.
        is_known = _CELL.search(path) is not None and path in linecache.cache
    return linecache.getline(path, number).strip() if is_known and number else ""


class _Verbatim(str):
    """Text whose repr is itself."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def format_stack(stack: traceback.StackSummary) -> str:
    """The frames as Python prints them, local variables indented below each."""
    return "".join(stack.format()).rstrip("\n")


def format_chain(exception: RemoteException, created: float = 0.0) -> str:
    """The remote traceback of an exception record, as text. `created`: when the map was made, in seconds since 1970."""
    lines = [
        "Traceback on the execute node (most recent call last):",
        format_stack(_stack(exception.frames, created)),
    ]
    lines.append(_headline(exception))
    lines += exception.notes
    return "\n".join(line for line in lines if line)
