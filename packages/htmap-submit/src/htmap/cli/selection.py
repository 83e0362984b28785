"""Which maps a command is about: the same arguments and options for every command.

In: tags, ``--pattern``, ``--all``, tags on standard input. Out: tags, each once, in the order in which they were named.
"""

from __future__ import annotations

import difflib
import functools
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import click
from click.shell_completion import CompletionItem

from htmap.cli.console import complain, note
from htmap.cli.exits import Exit, exit_of
from htmap.exceptions import HTMapException, TagNotFound
from htmap.management import get_tags
from htmap.maps.acting import Map
from htmap.maps.overview import overview

Command = Callable[..., Any]

_STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True)
class Selection:
    """What was asked for."""

    tags: tuple[str, ...]
    patterns: tuple[str, ...]
    everything: bool

    @property
    def is_empty(self) -> bool:
        """Whether nothing was asked for at all, not even nothing."""
        return not (self.tags or self.patterns or self.everything)

    def chosen(self) -> list[str]:
        """The tags.

        Raises
        ------
        click.UsageError
            None was asked for.
        TagNotFound
            A pattern fits none.
        """
        if self.is_empty:
            raise click.UsageError("Which maps? Give tags, --pattern or --all; - reads tags from standard input.")
        tags = [each for tag in self.tags for each in (_read_tags() if tag == _STANDARD_INPUT else [tag])]
        for pattern in self.patterns:
            fitting = get_tags(pattern)
            if not fitting:
                raise TagNotFound(f"No tag fits the pattern {pattern!r}. `htmap tags` lists all.")
            tags += fitting
        if self.everything:
            tags += get_tags()
        return list(dict.fromkeys(tags))


def _read_tags() -> list[str]:
    if sys.stdin.isatty():
        note("Reading tags from standard input; Ctrl-D ends them.")
    return sys.stdin.read().split()


def complete_tag(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Tags that begin so, for the shell."""
    try:
        return [CompletionItem(tag) for tag in get_tags() if tag.startswith(incomplete)]
    except HTMapException:
        return []


def selects_maps(command: Command) -> Command:
    """Decorate a command whose first argument is a `Selection`. Further arguments of it come after the tags."""

    @click.argument("tags", metavar="[TAG]...", nargs=-1, shell_complete=complete_tag)
    @click.option("-p", "--pattern", "patterns", metavar="GLOB", multiple=True, help="Maps whose tags fit, as 'fit-*'.")
    @click.option("-a", "--all", "everything", is_flag=True, help="All maps.")
    @functools.wraps(command)
    def selecting(tags: tuple[str, ...], patterns: tuple[str, ...], everything: bool, **others: Any) -> Any:
        return command(Selection(tags, patterns, everything), **others)

    return selecting


def selects_one_map(command: Command) -> Command:
    """Decorate a command whose first argument is a map."""

    @click.argument("tag", shell_complete=complete_tag)
    @functools.wraps(command)
    def selecting(tag: str, **others: Any) -> Any:
        return command(loaded(tag), **others)

    return selecting


def loaded(tag: str) -> Map:
    """The map with that tag; who mistypes it is told which one comes near.

    Raises
    ------
    TagNotFound
    """
    try:
        return Map.load(tag)
    except TagNotFound as error:
        raise with_hint(error, tag) from None


def with_hint(error: TagNotFound, tag: str) -> TagNotFound:
    """The error, and which tag was perhaps meant."""
    return TagNotFound(f"{error} {did_you_mean(tag, get_tags())}".rstrip())


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question that helps, or nothing."""
    near = difflib.get_close_matches(word, known, n=2)
    return f"Did you mean {' or '.join(near)}?" if near else ""


def for_each_map(selection: Selection, act: Callable[[Map], Exit | None]) -> Exit:
    """Do something to each map; see `for_each_tag`."""
    return for_each_tag(selection, lambda tag: act(loaded(tag)))


def for_each_active_map(selection: Selection, act: Callable[[Map], None]) -> Exit:
    """Do something to the jobs of each map; of one that has none in the queue it is said that nothing was done."""

    def act_if_active(each: Map) -> None:
        if overview(each.opened).is_active:
            act(each)
        else:
            note(f"{each.tag} has ended: nothing of it is in the queue.")

    return for_each_map(selection, act_if_active)


def for_each_tag(selection: Selection, act: Callable[[str], Exit | None]) -> Exit:
    """Do something to the map of each tag. One that refuses is complained about, and keeps no other from its turn.

    Returns
    -------
    Exit
        The first that is not good.
    """
    ending = Exit.DONE
    tags = selection.chosen()
    if not tags:
        note("There are no maps.")
    for tag in tags:
        try:
            code = act(tag) or Exit.DONE
        except HTMapException as error:
            complain(error)
            code = exit_of(error)
        ending = ending or code
    return ending
