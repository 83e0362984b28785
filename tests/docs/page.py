"""The code in a page of the documentation, and how each block of it is meant.

In: the text of a page in Markdown. Out: its fenced blocks, in order. On the other side: `tests.docs.session` runs them.

==============================  =========================================================================
a fence                         is
==============================  =========================================================================
``python``                      run in the Python of the page
``output``                      what the Python block before it prints
``console``                     run in the shell of the page, line by line after ``$``; the rest is output
``{code-block}`` + a caption    saved as a file of that name
``text``                        no code: a drawing, a format
after ``<!-- not run: why -->``  code that cannot run here, and why
==============================  =========================================================================

In an output, ``...`` stands for anything, and times of a progress bar are not compared.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]

_NOT_RUN = re.compile(r"<!-- not run: (?P<why>.*\S)\s*-->", re.DOTALL)
_CAPTION = re.compile(r":caption: (?P<name>\S.*)")


class Kind(enum.Enum):
    """What a block is for."""

    PYTHON = "python"
    OUTPUT = "output"
    CONSOLE = "console"
    TEXT = "text"
    FILE = "file"
    NOT_RUN = "not run"
    UNMARKED = "unmarked"  # neither run nor excused: a mistake in the page
    INDENTED = "indented"  # as above


@dataclass(frozen=True)
class Block:
    """One block.

    Parameters
    ----------
    line
        Of its first line inside the fence, counted from 1.
    name
        Of the file to save.
    """

    kind: Kind
    text: str
    line: int
    name: str = ""

    @property
    def lines(self) -> int:
        return self.text.count("\n")


def pages() -> list[Path]:
    """Every page that people read."""
    found = [ROOT / "README.md", *ROOT.glob("packages/*/README.md"), *ROOT.glob("docs/**/*.md")]
    assert len(found) > 10
    return sorted(found)


def blocks(page: Path) -> list[Block]:
    """The blocks of a page."""
    return list(_blocks(MarkdownIt("commonmark").parse(page.read_text(encoding="utf-8"))))


def _blocks(tokens: list[Token]) -> Iterator[Block]:
    excuse = None
    for token in tokens:
        if token.type == "html_block":
            excuse = _NOT_RUN.match(token.content)
        elif token.type == "code_block":
            yield _block(Kind.INDENTED, token, token.content, skipped=-1)
        elif token.type == "fence":
            language, _, argument = token.info.strip().partition(" ")
            if excuse:
                yield _block(Kind.NOT_RUN, token, token.content)
            elif language == "{code-block}":
                yield _file(token, argument)
            elif not language.startswith("{"):
                yield _block(_KINDS.get(language, Kind.UNMARKED), token, token.content)
            excuse = None


_KINDS = {kind.value: kind for kind in (Kind.PYTHON, Kind.OUTPUT, Kind.CONSOLE, Kind.TEXT)}


def _file(token: Token, language: str) -> Block:
    caption = _CAPTION.match(token.content)
    if not caption or not language:
        return _block(Kind.UNMARKED, token, token.content)
    content = token.content[caption.end() :].lstrip("\n")
    return _block(Kind.FILE, token, content, name=caption["name"])


def _block(kind: Kind, token: Token, text: str, *, name: str = "", skipped: int = 0) -> Block:
    assert token.map is not None
    return Block(kind, text, token.map[0] + 2 + skipped, name)
