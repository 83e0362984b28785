"""What went wrong with a component.

In: the outcome of a component that raised, or the end of a job that left none. Out: `ComponentError`, and its report:
text that a scientist can read.
"""

from __future__ import annotations

import textwrap
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from htmap.results.tracebacks import format_exception, headline, headlines, stack_of
from htmap_common.wire import Outcome, RemoteException, read_exception
from htmap_common.wording import visible


class Tagged(Protocol):
    """What an error needs of the map it belongs to."""

    @property
    def tag(self) -> str: ...


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
        map: Tagged,  # noqa: A002 - the reference's name
        component: int,
        exception_msg: str,
        node_info: tuple[Any, ...] | None,
        python_info: tuple[Any, ...] | None,
        scratch_dir_contents: list[Path] | None,
        stack_summary: traceback.StackSummary | None,
        hint: str | None = None,
        exception: RemoteException | None = None,
        created: float = 0.0,
    ) -> None:
        self.map = map
        self.component = component
        self.exception_msg = exception_msg
        self.node_info = node_info
        self.python_info = python_info
        self.scratch_dir_contents = scratch_dir_contents
        self.stack_summary = stack_summary
        self.hint = hint
        self._exception = exception
        self._created = created

    def __repr__(self) -> str:
        return f"<ComponentError(map={self.map.tag!r}, component={self.component}, {self.exception_msg!r})>"

    @classmethod
    def from_outcome(
        cls,
        map: Tagged,  # noqa: A002 - the reference's name
        component: int,
        outcome: Outcome,
        created: float = 0.0,
    ) -> ComponentError:
        """Make the error of a component that raised. `created`: when the map was made, in seconds since 1970."""
        exception = outcome.exception or read_exception({})
        return cls(
            map=map,
            component=component,
            exception_msg=headline(exception),
            node_info=_labelled(outcome.node or {"host": outcome.host}),
            python_info=_labelled(
                {
                    "executable": outcome.executable,
                    "version": ".".join([str(number) for number in outcome.python]),
                    "cloudpickle": outcome.cloudpickle,
                }
            ),
            scratch_dir_contents=[Path(path) for path in outcome.scratch or ()],
            stack_summary=stack_of(exception.frames, created),
            hint=exception.hint,
            exception=exception,
            created=created,
        )

    @classmethod
    def without_output(cls, map: Tagged, component: int, why: str) -> ComponentError:  # noqa: A002
        """Make the error of a component whose job has ended but left no record."""
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

    def led_to_it(self) -> list[str]:
        """A line each for the causes and contexts of the exception, the nearest first, and for members of a group."""
        return [] if self._exception is None else headlines(self._exception)

    def report(self) -> str:
        """Return a formatted error report; control characters in it are spelled out.

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
        if self._exception is None:
            parts.append(textwrap.indent(self.exception_msg, "  "))
        else:
            parts.append(format_exception(self._exception, self._created))
        if self.hint:
            parts.append("What to do: " + textwrap.fill(self.hint, 78, subsequent_indent="  "))
        parts.append(f"{end:=^80}")
        return visible("\n\n".join(parts))


def _labelled(facts: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple((name, value) for name, value in facts.items() if value is not None)


def _lines(facts: Iterable[tuple[str, Any]]) -> list[str]:
    return [f"{name.replace('_', ' ')}: {value}" for name, value in facts]


def _section(title: str, lines: list[str]) -> str:
    return "\n".join([title, *(f"  {line}" for line in lines)])
