"""Mirrors htmap.exceptions: one tree, told as it is, and all of it survives pickling."""

from __future__ import annotations

import builtins
import copy
import pickle
import re
from collections.abc import Iterator

import pytest

import htmap
from htmap import exceptions
from htmap.exceptions import HTMapException

# Each once: one has an alias.
CLASSES = list(
    dict.fromkeys(
        thing for thing in vars(exceptions).values() if isinstance(thing, type) and issubclass(thing, HTMapException)
    )
)

SENTENCES = ["", "plain", "It's in 'quotes'.\nTwo lines, and ünïcode ☃."]

_BRANCH = re.compile(r"(?P<indent>[│ ]*)(?:[├└]── )?(?P<name>\w+)(?: \((?P<builtin>[\w.]+)\))?(?:  .*)?")


def told() -> Iterator[tuple[str, str, str]]:
    """Each class that the docstring shows, with its parent and the builtin that it also is."""
    lines = str(exceptions.__doc__).partition("::\n")[2].strip("\n").split("\n\n")[0].splitlines()
    parents: dict[int, str] = {}
    for line in lines:
        found = _BRANCH.fullmatch(line)
        assert found is not None, line
        depth = found.start("name")
        parents[depth] = found["name"]
        above = [name for start, name in parents.items() if start < depth]
        yield found["name"], above[-1] if above else "", found["builtin"] or ""


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    shown = list(told())
    for name, parent, builtin in shown:
        cls = getattr(exceptions, name)
        expected = [parent, builtin.removeprefix("builtins.")] if parent else ["Exception"]
        assert [base.__name__ for base in cls.__bases__] == [each for each in expected if each], name
    assert sorted(name for name, _, _ in shown) == sorted(cls.__name__ for cls in CLASSES)


@pytest.mark.parametrize("cls", CLASSES)
def test_every_exception_survives_pickling_and_copying(cls: type[HTMapException]) -> None:
    for sentence in SENTENCES:
        for again in (pickle.loads(pickle.dumps(cls(sentence))), copy.deepcopy(cls(sentence))):
            assert type(again) is cls
            assert (str(again), again.args) == (sentence, (sentence,))


@pytest.mark.parametrize("cls", CLASSES)
def test_every_exception_shows_its_sentence_as_written(cls: type[HTMapException]) -> None:
    assert [str(cls(sentence)) for sentence in SENTENCES] == SENTENCES
    assert str(cls()) == ""


def test_callers_may_catch_the_builtins_they_expect() -> None:
    assert issubclass(exceptions.TimeoutError, builtins.TimeoutError)
    assert issubclass(exceptions.TagNotFound, KeyError)
    assert issubclass(exceptions.NoSuchComponent, IndexError)
    assert issubclass(exceptions.StorageError, OSError)


def test_names_that_the_reference_uses_in_passing_work() -> None:
    assert htmap.exceptions.MapIdNotFound is exceptions.TagNotFound
    assert htmap.JobStatus is htmap.ComponentStatus
