"""What the pickles of HTMap call while they are loaded.

These names are in every pickle, so they are a part of the format: never rename one. Only `same` works by itself: the
unpickler (`htmap_common.program.pickler`) has the others answered by a `Builder`, which knows in whose process it is.
"""

from __future__ import annotations

from typing import Any, NoReturn


def _outside_of_a_map() -> NoReturn:
    raise RuntimeError("This pickle is a part of a map: htmap.load() gives its objects.")


def thing(number: int) -> Any:
    """The thing of the program with this number."""
    _outside_of_a_map()


def namespace(module: str) -> Any:
    """The dictionary of a module that travels by value."""
    _outside_of_a_map()


def private_namespace(names: Any) -> Any:
    """A dictionary of global variables that is no module's."""
    _outside_of_a_map()


def library_namespace(module: str) -> Any:
    """The dictionary of a module of the standard library."""
    _outside_of_a_map()


def make_function(ident: Any, code: Any, variables: Any, closure: Any) -> Any:
    """A function without its defaults and its other attributes."""
    _outside_of_a_map()


def fill_function(function: Any, state: Any) -> Any:
    """Give a function the rest."""
    _outside_of_a_map()


def make_cell() -> Any:
    """An empty cell of a closure."""
    _outside_of_a_map()


def fill_cell(cell: Any, state: Any) -> Any:
    """Put the variable into a cell."""
    _outside_of_a_map()


def make_class(ident: Any, metaclass: Any, name: str, bases: Any, body: Any) -> Any:
    """A class without its methods and its other attributes."""
    _outside_of_a_map()


def make_enum(ident: Any, metaclass: Any, name: str, bases: Any, body: Any, members: Any) -> Any:
    """An enum with its members, but without its methods."""
    _outside_of_a_map()


def fill_class(made: Any, state: Any) -> Any:
    """Give a class, or an enum, the rest."""
    _outside_of_a_map()


def set_hashing(made: Any, attributes: Any) -> Any:
    """Give a class, or an enum, its ``__hash__`` and ``__eq__``."""
    _outside_of_a_map()


def member(enum: Any, name: str) -> Any:
    """A member of an enum."""
    _outside_of_a_map()


def make_value(ident: Any, make: Any, arguments: Any, module: Any = None) -> Any:
    """A value with a name of its own, or another object that takes two steps to make."""
    _outside_of_a_map()


def fill_value(value: Any, state: Any) -> Any:
    """Give a value its attributes."""
    _outside_of_a_map()


def make_exception(kind: Any, arguments: Any) -> Any:
    """An exception, without its constructor."""
    _outside_of_a_map()


def fill_exception(error: Any, state: Any) -> Any:
    """Give an exception its attributes, and those that led to it."""
    _outside_of_a_map()


def plain(kind: Any, arguments: Any) -> Any:
    """An object as ``kind.__new__`` makes it."""
    _outside_of_a_map()


def cached_property(function: Any, name: Any) -> Any:
    """A functools.cached_property that knows its name."""
    _outside_of_a_map()


def partial_method(function: Any, arguments: Any, keywords: Any) -> Any:
    """A functools.partialmethod."""
    _outside_of_a_map()


def lru_cache(function: Any, maxsize: Any, typed: Any) -> Any:
    """A function with an empty functools.lru_cache."""
    _outside_of_a_map()


def single_dispatch(function: Any) -> Any:
    """A function with variants by type, of which it has one as yet."""
    _outside_of_a_map()


def fill_single_dispatch(dispatcher: Any, state: Any) -> Any:
    """Give such a function its variants."""
    _outside_of_a_map()


def same(thing: Any) -> Any:
    """The argument itself: for what travels as something else."""
    return thing


def assertions() -> Any:
    """What a function calls whose assertions pytest has rewritten (`htmap_common.program.assertions`)."""
    _outside_of_a_map()
