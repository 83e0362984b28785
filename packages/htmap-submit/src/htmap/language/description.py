"""Read a submit description: the part of HTCondor's submit language that maps are written in.

In: a submit file, as condor_submit would take it. Out: a `Description`, with its macros still in it: the queue keeps it
once for a whole cluster, and ``job.expand`` makes one job of it at a time, however many items there are.
On the other side: ``htmap.create``, which writes the file, and condor_submit, which must understand it the same way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from htmap.exceptions import BackendError, InvalidOption
from htmap.language import commands as keys

UNIT_SEPARATOR = "\x1f"

_COMMAND = re.compile(r"(?P<key>\+?[A-Za-z_][\w.]*)\s*=(?P<value>.*)", re.DOTALL)
_QUEUE = re.compile(
    r"queue(?:\s+(?P<count>\d+))?(?:\s+(?:(?P<variables>[A-Za-z_][\w, \t]*?)\s+)?from\s+(?P<items>[^\s(].*))?",
    re.IGNORECASE,
)
_MACRO = re.compile(r"\$\(([A-Za-z_][\w.]*)(?::([^()$]*))?\)")
_BEYOND_MACROS = re.compile(r"\$\$[(\[]|\$[A-Za-z_]\w*\(")
_MOST_EXPANSIONS = 32
# What HTCondor takes off both ends of a line and of a value. (str.strip would take more, the unit separator too.)
_BLANKS = " \t\n\v\f\r"


@dataclass(frozen=True, slots=True)
class Description:
    """What one submit file says, unexpanded.

    Parameters
    ----------
    commands
        Submit commands and macros of the file's own, by casefolded name.
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
    """

    commands: dict[str, str]
    attributes: dict[str, str]
    directory: str
    variables: tuple[str, ...] = ()
    count: int = 1
    items: str | None = None

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Description:
        fields = json.loads(text)
        return cls(**{**fields, "variables": tuple(fields["variables"])})

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
        if self.items is None:
            yield ""
            return
        path = Path(self.directory, self.items)
        try:
            # Only a newline ends an item: values may hold the other characters that str.splitlines stops at.
            with path.open(encoding="utf-8", newline="\n") as lines:
                for number, line in enumerate(lines, 1):
                    item = line.strip(_BLANKS)
                    if not item:
                        raise BackendError(f"Line {number} of the items in {path} is empty.")
                    yield item
        except (OSError, UnicodeDecodeError) as error:
            raise BackendError(f"The items of the submit description cannot be read from {path}: {error}.") from error

    def item_values(self, item: str) -> dict[str, str]:
        """The values of one item, by casefolded variable, split as condor_submit splits them."""
        last = len(self.variables) - 1
        if last <= 0:
            values = [item]
        elif UNIT_SEPARATOR in item:
            values = [value.strip(_BLANKS) for value in item.split(UNIT_SEPARATOR)]
        else:
            values = re.split(r",\s*|\s+", item, maxsplit=last)
        padding = [""] * len(self.variables)
        return dict(zip(self.variables, values + padding, strict=False))


def read(path: Path) -> Description:
    """Read a submit file.

    Raises
    ------
    InvalidOption
        It says something that cannot be followed here; the message names it.
    BackendError
        It cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BackendError(f"The submit description {path} cannot be read: {error}.") from error
    return parse(text, path.absolute().parent)


def parse(text: str, directory: Path) -> Description:
    """The description that a submit file in a directory spells out. Raises `InvalidOption`."""
    commands: dict[str, str] = {}
    attributes: dict[str, str] = {}
    queue: re.Match[str] | None = None
    for line in _logical_lines(text):
        if queue is not None:
            raise InvalidOption(f"The local backend takes nothing after the queue statement, but there is {line!r}.")
        queue = _QUEUE.fullmatch(line)
        if queue is None:
            _take_command(line, commands, attributes)
    if queue is None:
        raise InvalidOption("The submit description has no queue statement at its end.")
    _refuse_unknown(commands, attributes)
    return Description(
        commands,
        attributes,
        str(directory),
        variables=tuple(re.split(r"[,\s]+", (queue["variables"] or "item").casefold().strip())),
        count=int(queue["count"] or 1),
        items=queue["items"],
    )


def expand(text: str, look_up: Callable[[str], str | None]) -> str:
    """Replace each ``$(name)`` and ``$(name:default)``; a name that nobody knows is empty, as in condor_submit.

    Raises
    ------
    InvalidOption
        A macro that contains itself.
    """

    def value(match: re.Match[str]) -> str:
        found = look_up(match[1].casefold())
        return found if found is not None else match[2] or ""

    expanded = text
    for _ in range(_MOST_EXPANSIONS):
        if "$(" not in expanded:
            return expanded
        expanded, replaced = _MACRO.subn(value, expanded)
        if not replaced:
            return expanded
    raise InvalidOption(f"The submit description goes in a circle: {text!r} refers to itself.")


def macros_in(texts: Mapping[str, str]) -> set[str]:
    """The casefolded names of the macros that some values refer to."""
    return {match[1].casefold() for text in texts.values() for match in _MACRO.finditer(text)}


def _logical_lines(text: str) -> Iterator[str]:
    """Lines that say something; a line that ends in a backslash goes on in the next."""
    begun = ""
    for raw in text.split("\n"):
        line = raw.strip()
        if not begun and line.startswith("#"):
            continue
        if line.endswith("\\"):
            begun += line[:-1]
            continue
        if begun + line:
            yield begun + line
        begun = ""


def _take_command(line: str, commands: dict[str, str], attributes: dict[str, str]) -> None:
    match = _COMMAND.fullmatch(line)
    if match is None:
        raise InvalidOption(f"The local backend cannot read the line {line!r} of the submit description.")
    key, value = match["key"], match["value"].strip()
    beyond = _BEYOND_MACROS.search(value)
    if beyond:
        raise keys.refusal(key, f"has only macros of the form $(name), but {key} uses {beyond[0]}...")
    if key.startswith("+") or key.casefold().startswith("my."):
        attributes[key[1:] if key.startswith("+") else key[3:]] = value
    else:
        commands[keys.ALIASES.get(key.casefold(), key.casefold())] = value


def _refuse_unknown(commands: Mapping[str, str], attributes: Mapping[str, str]) -> None:
    used_as_macro = macros_in(commands) | macros_in(attributes)
    for key in commands:
        if not keys.is_known(key) and key not in used_as_macro:
            raise keys.refusal(key, f"does not know the submit command {key}")
    for key, allowed in keys.FIXED.items():
        value = commands.get(key)
        if value and value.casefold() not in allowed:
            raise keys.refusal(key, f"cannot have {key} = {value}")
    for key, instead in keys.NEEDED.items():
        if not commands.get(key):
            raise InvalidOption(f"The submit description has no {key}. {instead}")
