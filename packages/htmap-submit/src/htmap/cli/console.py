"""What goes to the terminal: colours only there, and none if NO_COLOR is set; plain text in pipes and files."""

from __future__ import annotations

import logging
import os
import sys

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


class WarningsToTerminal(logging.Handler):
    """Shows to the person what the library would only log: that a queue cannot be asked, for instance."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(f"{click.style('Warning:', fg='yellow', bold=True)} {record.getMessage()}", err=True)


def say_json(thing: object) -> None:
    """Print plain values for a program."""
    click.echo(as_json(thing))


def color_choice() -> bool | None:
    """What click is to do about colours: None lets it look at each stream."""
    return False if os.environ.get("NO_COLOR") else None


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
