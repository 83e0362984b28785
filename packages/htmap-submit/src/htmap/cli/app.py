"""The top of the command ``htmap``: which commands there are, and the one way out for all errors.

A command's module is imported when it is called: ``htmap tags`` does not wait for what ``htmap status --live`` needs.
"""

from __future__ import annotations

import errno
import importlib
import logging
import os
import re
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import click

from htmap.cli.console import LogToTerminal, color_choice, complain, warn
from htmap.cli.exits import MEANINGS, Exit, exit_of
from htmap.exceptions import HTMapException
from htmap.versions import __version__, version


class Entry(NamedTuple):
    """A command: where it is, and what it does in a few words."""

    module: str
    summary: str


SECTIONS: Mapping[str, Mapping[str, Entry]] = {
    "See": {
        "tags": Entry("listing", "List the tags of maps."),
        "status": Entry("listing", "Show how maps stand; as text, JSON or CSV; once or live."),
        "show": Entry("showing", "Show all about one map on one screen."),
        "components": Entry("component_listing", "List components with their statuses, or as a table."),
        "wait": Entry("waiting", "Wait until nothing more can happen to maps, and say why."),
        "stdout": Entry("streams", "Show what a component printed."),
        "stderr": Entry("streams", "Show what a component printed to standard error."),
    },
    "What went wrong": {
        "errors": Entry("errors", "Show the errors of components, grouped by their kind."),
        "report": Entry("reporting", "Make a page with pictures of maps."),
        "why": Entry("why", "Say why components do not run."),
        "reasons": Entry("errors", "Show why components are held, and what may be done."),
        "rerun": Entry("rerunning", "Run components again: the failed ones, some, or all."),
        "debug": Entry("debugging", "Run one component here, in this terminal."),
    },
    "Act": {
        "hold": Entry("acting", "Keep the components of maps from running."),
        "release": Entry("acting", "Let held components run again."),
        "pause": Entry("acting", "Suspend running components where they are."),
        "resume": Entry("acting", "Let suspended components go on."),
        "vacate": Entry("acting", "Send running components back into the queue."),
        "edit": Entry("editing", "Change what components request: memory, disk."),
        "retag": Entry("acting", "Give a map another tag."),
        "remove": Entry("acting", "Remove maps, with all their data."),
        "clean": Entry("acting", "Remove maps without a tag of yours, and what killed processes left."),
    },
    "Set up": {
        "doctor": Entry("doctor", "Find out what is wrong with this machine's set-up, and what to do."),
        "settings": Entry("configuring", "Show the settings in force."),
        "set": Entry("configuring", "Change a setting in ~/.htmaprc."),
        "transplants": Entry("about", "List the Python installs that were packed to be sent along."),
        "path": Entry("showing", "Print the directory of a map."),
        "logs": Entry("showing", "Print the path of HTMap's own log."),
        "version": Entry("about", "Print the version of HTMap."),
        "completion": Entry("about", "Print what makes the shell complete commands and tags."),
    },
}

# Commands of the htmap before this one that are no more, and what does it now.
_NOW = {"autocompletion": "`htmap completion` prints what makes a shell complete commands and tags."}

ENTRIES = {name: entry for section in SECTIONS.values() for name, entry in section.items()}

_log = LogToTerminal()

_COMPLETION = re.compile(r"source(?:_(bash|zsh|fish))?")

_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

_CODES = "\n".join(f"{code.value:>3}  {meaning}" for code, meaning in MEANINGS.items())


class PipeClosed(Exception):
    """Nobody reads our output any more; in a form that click does not take for its own business."""


class App(click.Group):
    """The group of all commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(ENTRIES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        entry = ENTRIES.get(cmd_name)
        if entry is None:
            return None
        command = getattr(importlib.import_module(f"htmap.cli.{entry.module}"), f"{cmd_name}_command")
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in ENTRIES and not args[0].startswith("-") and not ctx.resilient_parsing:
            # The selection of maps needs more imports than who mistypes a command should wait for.
            import difflib  # noqa: PLC0415

            near = difflib.get_close_matches(args[0], ENTRIES, n=2)
            guess = f"Did you mean {' or '.join(near)}?" if near else "`htmap --help` lists all."
            hint = _NOW.get(args[0], guess)
            raise click.UsageError(f"There is no command {args[0]!r}. {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        for title, entries in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, entry.summary) for name, entry in entries.items()], col_spacing=3)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise PipeClosed from None


@click.command(
    cls=App,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=f"\b\nExit codes:\n{_CODES}",
)
@click.version_option(__version__, message=version())
@click.option("-v", "--verbose", is_flag=True, help="Also show what HTMap would log.")
def app(verbose: bool) -> None:
    """Manage maps: Python functions that run on many inputs, on an HTCondor pool or on this machine.

    \b
    Commands that act on maps take them all alike:
      htmap status fit-1 fit-2         by their tags
      htmap hold --pattern 'fit-*'     by a pattern
      htmap wait --all                 all of them
      htmap tags | htmap remove -      tags from standard input

    Output is plain text without colours when it is not a terminal; --json where a program reads it. `htmap COMMAND
    --help` tells all about a command.
    """  # noqa: D301 - \b is click's mark for text that is not to be wrapped
    if verbose:
        _log.setLevel(logging.DEBUG)
        logging.getLogger("htmap").setLevel(logging.DEBUG)


def main() -> int:
    """Run the command line of this process; the exit code."""
    _prepare_streams()
    logging.getLogger("htmap").addHandler(_log)
    # Not with the line of our code that Python would show with it.
    warnings.showwarning = lambda message, *_, **__: warn(str(message))
    _translate_completion()
    try:
        code = app.main(prog_name="htmap", standalone_mode=False, color=color_choice())
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except HTMapException as error:
        complain(error)
        return exit_of(error)
    except (click.Abort, KeyboardInterrupt):
        return Exit.INTERRUPTED
    except (PipeClosed, BrokenPipeError):
        _drop_output()
        return Exit.PIPE_CLOSED
    except OSError as error:
        if error.errno not in _DISK_FULL:
            raise
        _drop_output()
        complain(f"Cannot write the output: {error.strerror}.")
        return Exit.FAILED
    return Exit(code or 0)


def _prepare_streams() -> None:
    """See to it that whatever there is to say can be said: to nobody, and in the letters of any locale."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # as in the shell's >&-
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - open to the end
        elif stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def _translate_completion() -> None:
    """Understand the lines that the htmap before this one wrote into ~/.bashrc, ~/.zshrc and fish's completions."""
    shell = _COMPLETION.fullmatch(os.environ.get("_HTMAP_COMPLETE", ""))
    if shell is not None:
        os.environ["_HTMAP_COMPLETE"] = f"{shell[1] or 'bash'}_source"


def _drop_output() -> None:
    """What is still buffered must not be tried again when the interpreter ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
