"""Writes down each call that goes from one file of ours to another.

In: whatever a process calls. Out: a file a process, with a line a move: the caller's file, a space, the file that was
entered. On the other side: `layout.round_trip`, which has every interpreter of an environment import this first.
Only calls count that are made at work: those while modules are imported are none of a component's.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from types import CodeType, FrameType
from typing import Any

FOLDER = ""
"""Where the files go; `layout.round_trip` writes it into its copy of this module."""

# Wherever the file lies: in a checkout, or in the zip of the runner.
_OURS = re.compile(r"(?:^|.*/)(htmap(?:_exec|_common)?/.*\.py)$")

_names: dict[CodeType, str | None] = {}


def _name(code: CodeType) -> str | None:
    """The file of a function of ours."""
    try:
        return _names[code]
    except KeyError:
        found = _OURS.match(code.co_filename)
        is_body = code.co_name == "<module>" or not code.co_flags & 1  # of a module or a class: no function
        _names[code] = found[1] if found and not is_body else None
        return _names[code]


def _note(frame: FrameType, event: str, _: Any) -> None:
    if event != "call" or (entered := _name(frame.f_code)) is None:
        return
    caller, is_importing = "-", False
    above = frame.f_back
    while above is not None:
        is_importing = is_importing or above.f_code.co_filename.startswith("<frozen importlib")
        if caller == "-" and (name := _name(above.f_code)) is not None:
            caller = name
            if caller == entered:
                return
        above = above.f_back
    if not is_importing:
        with open(f"{FOLDER}/{os.getpid()}", "a", encoding="utf-8") as file:  # noqa: PTH123 - imports as little as can be
            file.write(f"{caller} {entered}\n")


def start() -> None:
    """Watch this process, its threads and what is forked from it."""
    threading.setprofile(_note)
    sys.setprofile(_note)


if FOLDER:
    start()
