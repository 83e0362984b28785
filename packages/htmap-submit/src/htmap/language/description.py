"""A submit description: text for ``condor_submit``, and what it says.

In: the text of a submit file, or its parts. Out: a `Description`; and text again. What is written is what is read.
On the other side: condor_submit, which must understand it the same way; ``htmap.create``, which makes descriptions; the
local backend, which follows them. Macros stay as they are: `htmap.language.macros` expands them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from htmap.exceptions import BackendError, InvalidOption
from htmap.language import commands as table
from htmap.language.items import BLANKS, item_values
from htmap.language.macros import expand_environment
from htmap.language.words import unusable

_COMMAND = re.compile(r"(?P<key>\+?[A-Za-z_][\w.]*)\s*=(?P<value>.*)", re.DOTALL)
_QUEUE = re.compile(
    r"queue(?:\s+(?P<count>\d+))?(?:\s+(?:(?P<variables>[A-Za-z_][\w, \t]*?)\s+)?from\s+(?P<items>\(|[^\s(].*))?",
    re.IGNORECASE,
)
_WITHIN, _END = "(", ")"


@dataclass(frozen=True, slots=True)
class Description:
    """What one submit file says, unexpanded. Made for `dataclasses.replace`.

    Parameters
    ----------
    commands
        Submit commands and macros of the file's own, by their names in the table of commands, or casefolded.
    attributes
        Job attributes (``+Name`` and ``MY.Name``), by name, as written.
    directory
        Where the file lies: what relative paths in it start from, before ``initialdir``.
    variables
        What the ``queue`` statement calls the values of an item.
    count
        Jobs for each item.
    items
        The file of items; None: one item without values.
    lines
        Items that stand in the description itself; None: there are none.
    comment
        What it begins with, for people; one line.
    """

    commands: Mapping[str, str]
    attributes: Mapping[str, str]
    directory: str = ""
    variables: tuple[str, ...] = ("item",)
    count: int = 1
    items: str | None = None
    lines: tuple[str, ...] | None = None
    comment: str = ""

    def to_json(self) -> str:
        """For a queue that keeps it."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, lines: Mapping[str, str], **more: Any) -> Description:
        """The description that sets these; job attributes are called ``MY.Name`` or ``+Name`` among them."""
        commands: dict[str, str] = {}
        attributes: dict[str, str] = {}
        for name, value in lines.items():
            _take(name, value, commands, attributes)
        return cls(commands, attributes, **more)

    @classmethod
    def from_json(cls, text: str) -> Description:
        """What `to_json` has been given."""
        fields = json.loads(text)
        lists = {name: tuple(fields[name]) for name in ("variables", "lines") if fields.get(name) is not None}
        return cls(**{**fields, **lists})

    def render(self) -> str:
        """The text of the submit file.

        Raises
        ------
        InvalidOption
            A name or a value would be read as something else.
        """
        lines = [f"# {self.comment}"] if self.comment else []
        lines += [_line(name, value) for name, value in self.commands.items()]
        lines += [_line(f"MY.{name}", value) for name, value in self.attributes.items()]
        return "\n".join([*lines, *self._queue(), ""])

    def _queue(self) -> Iterator[str]:
        words = ["queue"]
        if self.count != 1:
            words.append(str(self.count))
        if self.lines is not None:
            yield " ".join([*words, ",".join(self.variables), "from", _WITHIN])
            yield from self.lines
            yield _END
        elif self.items is not None:
            yield " ".join([*words, ",".join(self.variables), "from", self.items])
        else:
            yield " ".join(words)

    def iter_items(self) -> Iterator[str]:
        """The line of items that each job belongs to, in the order of the procs.

        Raises
        ------
        BackendError
            The file of items cannot be read.
        """
        for line in self._item_lines():
            for _ in range(self.count):
                yield line

    def _item_lines(self) -> Iterator[str]:
        if self.lines is not None:
            yield from (line.strip(BLANKS) for line in self.lines)
        elif self.items is None:
            yield ""
        else:
            yield from _items_in(Path(self.directory, self.items))

    def item_values(self, item: str) -> dict[str, str]:
        """The values of one item, by casefolded variable, split as condor_submit splits them."""
        names = [name.casefold() for name in self.variables]
        return dict(zip(names, item_values(item, len(names)), strict=False))


def read(path: Path) -> Description:
    """Read a submit file.

    Raises
    ------
    InvalidOption
        It says something that HTMap never writes.
    BackendError
        It cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BackendError(f"The submit description {path} cannot be read: {error}.") from error
    return parse(text, path.absolute().parent)


def with_environment(told: Description, environment: Mapping[str, str]) -> Description:
    """The description with the variables of the environment that it names."""
    commands = {name: expand_environment(text, environment) for name, text in told.commands.items()}
    attributes = {name: expand_environment(text, environment) for name, text in told.attributes.items()}
    return replace(told, commands=commands, attributes=attributes)


def parse(text: str, directory: Path | None = None) -> Description:
    """The description that a submit file in a directory spells out. Raises `InvalidOption`."""
    commands: dict[str, str] = {}
    attributes: dict[str, str] = {}
    lines = _LogicalLines(text)
    for line in lines:
        queue = _QUEUE.fullmatch(line)
        if queue is not None:
            break
        _take_command(line, commands, attributes)
    else:
        raise InvalidOption("The submit description has no queue statement at its end.")
    inline = tuple(lines.raw_until(_END)) if queue["items"] == _WITHIN else None
    for line in lines:
        raise InvalidOption(f"HTMap takes nothing after the queue statement, but there is {line!r}.")
    return Description(
        commands,
        attributes,
        "" if directory is None else str(directory),
        variables=tuple(re.split(r"[,\s]+", (queue["variables"] or "item").strip())),
        count=int(queue["count"] or 1),
        items=None if inline is not None else queue["items"],
        lines=inline,
        comment=lines.comment,
    )


class _LogicalLines:
    """Lines that say something; a line that ends in a backslash goes on in the next."""

    def __init__(self, text: str) -> None:
        self._lines = iter(text.split("\n"))
        self.comment = text.partition("\n")[0].removeprefix("# ") if text.startswith("# ") else ""

    def __iter__(self) -> Iterator[str]:
        begun = ""
        for raw in self._lines:
            line = raw.strip(BLANKS)
            if not begun and line.startswith("#"):
                continue
            if line.endswith("\\"):
                begun += line[:-1]
                continue
            if begun + line:
                yield begun + line
            begun = ""

    def raw_until(self, end: str) -> Iterator[str]:
        """Lines as they are, until one says this."""
        for line in self._lines:
            if line.strip(BLANKS) == end:
                return
            yield line
        raise InvalidOption(f"The items in the submit description do not end with {end!r}.")


def _take_command(line: str, commands: dict[str, str], attributes: dict[str, str]) -> None:
    match = _COMMAND.fullmatch(line)
    if match is None:
        raise InvalidOption(f"HTMap cannot read the line {line!r} of the submit description.")
    _take(match["key"], match["value"].strip(BLANKS), commands, attributes)


def _take(key: str, value: str, commands: dict[str, str], attributes: dict[str, str]) -> None:
    if key.startswith("+"):
        attributes[key[1:]] = value
    elif key.casefold().startswith("my."):
        attributes[key[3:]] = value
    else:
        commands[table.canonical(key)] = value


def _line(name: str, value: str) -> str:
    bad = unusable(value, takes_macros=True)
    if bad is not None or value != value.strip(BLANKS) or _COMMAND.fullmatch(f"{name} =") is None:
        raise InvalidOption(f"HTCondor would not read {name} = {value!r} as it is meant, so it cannot be submitted.")
    return f"{name} = {value}"


def _items_in(path: Path) -> Iterator[str]:
    try:
        # Only a newline ends an item: values may hold the other characters that str.splitlines stops at.
        with path.open(encoding="utf-8", newline="\n") as lines:
            for number, line in enumerate(lines, 1):
                item = line.strip(BLANKS)
                if not item:
                    raise BackendError(f"Line {number} of the items in {path} is empty.")
                yield item
    except (OSError, ValueError) as error:  # ValueError: not UTF-8, or a NUL in the path
        raise BackendError(f"The items of the submit description cannot be read from {path}: {error}.") from error
