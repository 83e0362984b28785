"""The program of a map, on this side: which classes and functions of this process its objects belong to.

In: the function file of a map, which lists what the program consists of (`describe`). Out: objects of the map whose
classes are those of this process, where there are such; else classes made again from the file.

A thing that is here, under its name and with its shape, is used as it is, and nothing about it is changed. If what has
the name has another shape, the map's objects get a class of their own, and a warning says so. If there is nothing of
the name, it is made once in this process; it is not put into any module of the user's.
"""

from __future__ import annotations

import builtins
import contextlib
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from htmap.exceptions import CannotUnpickle, DamagedFile, HTMapException
from htmap.pickling import MakePath, Segment, thaw, thaw_program
from htmap_common.program import names
from htmap_common.program.building import load_extras
from htmap_common.program.definitions import Ident
from htmap_common.program.table import marks
from htmap_common.program.things import known_shape_of, made_again
from htmap_common.wire import Thing, WireError, read_function, read_things


class Program:
    """What a map knows of the program that made it; it reads the file when something is asked of it.

    Parameters
    ----------
    path
        The function file.
    tag
        Its text is the tag of the map, for messages.
    """

    def __init__(self, path: Path, tag: object) -> None:
        self._path = path
        self._tag = tag
        self._lock = threading.RLock()
        self._things: list[Thing] | None = None
        self._own: dict[int, Any] = {}
        self._loaded: tuple[Any, list[Any]] | None = None
        self._namespaces: dict[str, dict[str, Any]] = {}
        self._has_warned = False

    def thaw(self, segments: Sequence[Segment], make_path: MakePath | None = None) -> Any:
        """Unpickle an object of the map; raises whatever that raises."""
        return thaw(segments, self, make_path)

    def function(self, make_path: MakePath | None = None) -> Any:
        """The function that was mapped, to be called here.

        Raises
        ------
        DamagedFile, CannotUnpickle
        """
        try:
            return self._load(make_path)[0]
        except HTMapException:
            raise
        except Exception as error:
            raise CannotUnpickle(
                f"The function of map {self._tag} cannot be unpickled here: {type(error).__name__}: {error}. "
                "It needs the same modules (and versions of them) that it was made with."
            ) from error

    # --- what htmap_common.program.building.World asks for ---

    def thing(self, number: int) -> Any:
        """The thing with this number."""
        found = self._existing(number)
        return self._load()[1][number] if found is None else found

    def known(self, ident: Ident) -> Any:
        """What is used in place of a thing that is defined in a pickle."""
        if isinstance(ident, str):
            numbers = [number for number, said in enumerate(self._said()) if said.mark == ident]
            return self._existing(numbers[0]) if numbers else marks.find(ident)
        return None if ident is None else self._existing(ident)

    def made(self, ident: Ident, thing: Any) -> None:
        """Know a thing that was made again."""
        if not isinstance(ident, int):
            return
        self._own[ident] = thing
        said = self._said()[ident]
        if said.mark:
            marks.set(thing, said.mark)
        if said.module and names.find(said.module, said.qualname) is None:
            made_again[said[:4]] = thing

    def namespace(self, module: str) -> dict[str, Any]:
        """The global variables of functions that were made again: the map's own, never those of a module here."""
        return self._namespaces.setdefault(module, {"__name__": module, "__builtins__": builtins})

    # --- the rest ---

    def _existing(self, number: int) -> Any:
        said = self._said()[number]
        if said.module:
            found = names.find(said.module, said.qualname)
            if found is not None and known_shape_of(found) == said.shape:
                return found
            if found is None:
                found = made_again.get(said[:4])
                if found is not None:
                    return found
            elif isinstance(found, type):
                self._warn(said)
        original = marks.find(said.mark) if said.mark else None
        return self._own.get(number) if original is None else original

    def _warn(self, said: Thing) -> None:
        if self._has_warned:
            return
        self._has_warned = True
        warnings.warn(
            f"{said.module}.{said.qualname} has changed since the map {self._tag} was made: it has other bases, "
            "slots, fields or members. Objects of that map are of the class as it was then, which is another one.",
            stacklevel=_callers_level(),
        )

    def _said(self) -> list[Thing]:
        if self._things is None:
            with self._readable():
                self._things = read_things(self._path)
        return self._things

    @contextlib.contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except (WireError, OSError) as error:
            raise DamagedFile(f"The function of map {self._tag} cannot be read: {error}") from error

    def _load(self, make_path: MakePath | None = None) -> tuple[Any, list[Any]]:
        with self._lock:
            if self._loaded is None:
                with self._readable():
                    file = read_function(self._path)
                _check_python(file.header.get("python"), self._tag)
                self._loaded = thaw_program(file.segments, file.lists, self, make_path)
                load_extras(file.extras, self.namespace, lambda pickled: self.thaw([pickled], make_path))
            return self._loaded


def _callers_level() -> int:
    """How far up from the warning the user's code is, which the warning is shown with."""
    frame, level = sys._getframe(1), 1  # noqa: SLF001 - as warnings itself does
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).startswith(("htmap.", "htmap_common.")):
        frame, level = frame.f_back, level + 1
    return level


def _check_python(python: Sequence[int] | None, tag: object) -> None:
    if python and tuple(python[:2]) != sys.version_info[:2]:
        # Bytecode of another version may crash the interpreter.
        raise CannotUnpickle(
            f"The function of map {tag} was pickled by Python {python[0]}.{python[1]}, and this is "
            f"{sys.version_info[0]}.{sys.version_info[1]}: run htmap with the Python that made the map."
        )
