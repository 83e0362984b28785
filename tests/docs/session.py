"""Do what a page says: in an empty folder, with a home of its own, in one shell and one Python.

In: the blocks of a page (`tests.docs.page`). Out: where what is printed differs from what the page shows.
On the other side: bash, and `tests.docs.interpreter` in a process of its own; HTMap's local backend below them.
"""

from __future__ import annotations

import doctest
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import psutil
from tests.docs.page import Block, Kind

_INTERPRETER = Path(__file__).with_name("interpreter.py")
_MARK = "\x01"
_ELAPSED = re.compile(r"\b\d:\d\d:\d\d\b")  # beside a progress bar


@dataclass(frozen=True)
class Difference:
    """A block whose text should be another one, or (without one) that should not be as it is."""

    block: Block
    said: str
    text: str | None = None


class Session:
    """The folder of a page, and the processes that work in it.

    Parameters
    ----------
    folder
        An empty folder. The page works in ``here`` and has ``home`` below it.
    environment
        Variables beyond those of every page.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.here = folder / "here"
        self._next_line = 1
        self._home = folder / "home"
        for each in (self.here, self._home):
            each.mkdir()
        variables = {**_variables(), "HOME": str(self._home), **(environment or {})}
        self._shell = self._started(["bash", "--norc", "--noprofile"], variables)
        self._python = self._started([sys.executable, str(_INTERPRETER)], variables)

    def _started(self, command: list[str], variables: Mapping[str, str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.here,
            env=variables,
        )

    def __enter__(self) -> Session:  # noqa: PYI034 - Self is in typing from 3.11 on
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in (self._shell, self._python):
            process.kill()
            process.communicate()
        for each in psutil.process_iter():
            try:
                if any(str(self.folder) in argument for argument in each.cmdline()):
                    each.kill()  # a supervisor, or a job
            except psutil.Error:
                continue

    def differences(self, page: Path, blocks: list[Block]) -> Iterator[Difference]:
        """Run the blocks in order; what differs from the page."""
        for block, following in zip(blocks, [*blocks[1:], None], strict=True):
            if block.kind is Kind.FILE:
                self._save(block)
            elif block.kind is Kind.CONSOLE:
                yield from self._check_console(block)
            elif block.kind is Kind.PYTHON:
                shown = following if following is not None and following.kind is Kind.OUTPUT else None
                yield from self._check_python(page, block, shown)

    def _save(self, block: Block) -> None:
        path = self._home / block.name[2:] if block.name.startswith("~/") else self.here / block.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")

    def _check_python(self, page: Path, block: Block, shown: Block | None) -> Iterator[Difference]:
        printed, raised = self.run_python(page, block)
        if raised:
            yield Difference(block, f"raised:\n{printed}")
        elif shown is not None and not agree(shown.text, printed):
            yield Difference(shown, printed, printed)
        elif shown is None and printed:
            yield Difference(block, f"needs an output block after it, since it prints:\n{printed}")

    def _check_console(self, block: Block) -> Iterator[Difference]:
        text = "".join(f"{prompted}{self.run_command(command)}" for prompted, command in commands(block.text))
        if not agree(block.text, text):
            yield Difference(block, text, text)

    def run_python(self, page: Path, block: Block) -> tuple[str, bool]:
        """What a block prints, and whether it raises."""
        assert self._python.stdin
        assert self._python.stdout
        # As if all blocks of the page were one script.
        request = {"text": block.text, "line": self._next_line, "name": f"{page.stem}.py"}
        self._next_line += block.lines
        self._python.stdin.write(json.dumps(request) + "\n")
        self._python.stdin.flush()
        line = self._python.stdout.readline()
        assert line.startswith("{"), f"the Python of the page ended at:\n{block.text}\n{line}"
        answer = json.loads(line)
        return answer["printed"], answer["raised"]

    def run_command(self, command: str) -> str:
        """What a command prints."""
        assert self._shell.stdin
        assert self._shell.stdout
        self._shell.stdin.write(f"{{ {command}\n}} < /dev/null\nprintf '{_MARK}\\n'\n")
        self._shell.stdin.flush()
        printed = ""
        while _MARK not in printed:
            line = self._shell.stdout.readline()
            assert line, f"the shell ended at {command!r}:\n{printed}"
            printed += line
        printed = printed.partition(_MARK)[0]
        return printed if printed.endswith("\n") or not printed else printed + "\n"


def commands(text: str) -> Iterator[tuple[str, str]]:
    """The commands of a console block: as they are shown with their prompts, and as the shell takes them."""
    prompted: list[str] = []
    for line in [*text.splitlines(), "$ "]:
        if line.startswith("$ ") and prompted:
            yield "".join(f"{each}\n" for each in prompted), "\n".join(each[2:] for each in prompted)
            prompted = []
        if line.startswith("$ ") or (line.startswith("> ") and prompted):
            prompted.append(line)


def agree(shown: str, printed: str) -> bool:
    """Whether a page shows what was printed: its ``...`` stands for anything, and how long something took is free."""
    return doctest.OutputChecker().check_output(_comparable(shown), _comparable(printed), doctest.ELLIPSIS)


def _comparable(text: str) -> str:
    lines = [_ELAPSED.sub("0:00:00", line.rstrip()) for line in text.rstrip().splitlines()]
    return "\n".join(lines) + "\n"


def _variables() -> dict[str, str]:
    """Those of a user at a plain terminal, with this Python and the local backend."""
    foreign = ("HTMAP_", "CONDOR_", "_CONDOR_", "PYTHON", "PYTEST_", "COV_", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)])
    terminal = {"COLUMNS": "100", "TERM": "dumb", "LC_ALL": "C.UTF-8", "PYTHONUNBUFFERED": "1"}
    return {**kept, **terminal, "PATH": path, "HTMAP_BACKEND": "local"}
