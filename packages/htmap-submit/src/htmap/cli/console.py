"""What goes to the terminal: colours only there, and none if NO_COLOR is set; plain text in pipes and files."""

from __future__ import annotations

import functools
import logging
import os
import sys
from collections.abc import Callable
from typing import Any

import click

from htmap.observe.statuses import ComponentStatus
from htmap.show.bars import COLORS
from htmap.show.status_machine import as_json

_STATUS_COLORS = {str(status): color for status, color in COLORS.items()}


def complain(message: object) -> None:
    """Say to standard error what went wrong."""
    click.echo(f"{click.style('Error:', fg='red', bold=True)} {message}", err=True)


def note(message: str) -> None:
    """Say something that is no output to standard error."""
    click.echo(message, err=True)


def warn(message: str) -> None:
    """Say to standard error what is not as it should be, though all could be done."""
    click.echo(f"{click.style('Warning:', fg='yellow', bold=True)} {message}", err=True)


class LogToTerminal(logging.Handler):
    """Shows to the person what the library would only log: that a queue cannot be asked, for instance."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING:
            warn(record.getMessage())
        else:
            click.echo(click.style(f"{record.name}: {record.getMessage()}", dim=True), err=True)


def say_json(thing: object) -> None:
    """Print plain values for a program."""
    click.echo(as_json(thing))


def color_choice() -> bool | None:
    """What click is to do about colours: None lets it look at each stream."""
    return False if os.environ.get("NO_COLOR") else None


def colors(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a command with an option for those who want no colours in their terminal."""

    @click.option("--color/--no-color", default=True, help="With or without colours, where they can be seen.")
    @functools.wraps(command)
    def with_or_without(*selected: Any, color: bool, **others: Any) -> Any:
        if not color:
            click.get_current_context().color = False
        return command(*selected, **others)

    return with_or_without


def has_colors() -> bool:
    """Whether colours are wanted at all; a pipe takes them away itself."""
    return click.get_current_context().color is not False


def is_terminal(stream_name: str) -> bool:
    """Whether standard ``output`` or ``error`` is a terminal that can draw."""
    stream = sys.stdout if stream_name == "output" else sys.stderr
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def paint(title: str, cell: str) -> str:
    """A cell of a status table in the colour of its column, unless it says nothing."""
    color = _STATUS_COLORS.get(title)
    return click.style(cell, fg=color) if color and cell.strip() not in {"", "0"} else cell


def painted(status: ComponentStatus) -> str:
    """A status in its colour."""
    return click.style(str(status), fg=COLORS.get(status))


def heading(text: str) -> str:
    """A line above others."""
    return click.style(text, bold=True)
