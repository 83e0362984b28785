"""The things of one program, by number; and which classes this process knows by a mark of their own."""

from __future__ import annotations

import os
import weakref
from typing import Any


class Table:
    """Things in the order in which they were met."""

    def __init__(self) -> None:
        self.things: list[Any] = []
        self.qualnames: list[str] = []
        self.numbers: dict[int, int] = {}
        """By identity. All things are kept alive here, so no other object gets the identity of one."""

    def add(self, thing: Any, qualname: str) -> int:
        """Take a thing in, and return its number; the one that it has if it is there already."""
        number = self.numbers.setdefault(id(thing), len(self.things))
        if number == len(self.things):
            self.things.append(thing)
            self.qualnames.append(qualname)
        return number


class Marks:
    """Gives classes a mark, by which they are known wherever they get to, and finds them by it.

    Classes are compared by identity: a metaclass of the user's may say what it likes about equality.
    """

    def __init__(self) -> None:
        self._by_mark: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()
        self._marks: dict[int, tuple[weakref.ref[Any], str]] = {}

    def mark_of(self, thing: Any) -> str:
        """The mark of a class of this process; a new one if it has none."""
        known = self._marks.get(id(thing))
        if known is None or known[0]() is not thing:
            self.set(thing, os.urandom(8).hex())  # the module `secrets` takes 5 ms to import
        return self._marks[id(thing)][1]

    def set(self, thing: Any, mark: str) -> None:
        """Know a class by this mark from now on."""
        number = id(thing)

        def forget(reference: weakref.ref[Any]) -> None:
            if self._marks.get(number, (None,))[0] is reference:
                del self._marks[number]

        self._by_mark[mark] = thing
        self._marks[number] = weakref.ref(thing, forget), mark

    def find(self, mark: str) -> Any:
        """The class with this mark; None if there is none, or no longer."""
        return self._by_mark.get(mark)

    def is_known(self, thing: Any) -> bool:
        """Whether a class has got its mark with a pickle, or has been sent with one."""
        known = self._marks.get(id(thing))
        return known is not None and known[0]() is thing


marks = Marks()
"""Of this process."""
