"""Make classes and functions again from their definitions: what the calls in a pickle come to.

In: definitions (`htmap_common.program.definitions`), and a `World` that says what is there already. Out: things.
What is there is used as it is: only what has been made by this very call is filled. No hook of the user's
(``__init_subclass__``, a metaclass) is run a second time: what such hooks have done travels with the class.
"""

from __future__ import annotations

import abc
import builtins
import contextlib
import functools
import importlib
import operator
import sys
import threading
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

from . import assertions, exceptions
from .definitions import Ident
from .names import is_by_value
from .table import marks

_LOCK = threading.RLock()


class World(Protocol):
    """What a process has of a program."""

    def thing(self, number: int) -> Any:
        """The thing of the program with this number."""

    def known(self, ident: Ident) -> Any:
        """What is used in place of a thing that a definition would make; None if it is to be made."""

    def made(self, ident: Ident, thing: Any) -> None:
        """Take note of a thing that was made, but that is still to be filled."""

    def namespace(self, module: str) -> dict[str, Any]:
        """The global variables of functions of a module that travels by value."""


class Builder:
    """Has a method for each name in `htmap_common.program.calls`; one builder serves one load."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._unfilled: dict[int, Any] = {}
        self.thing = world.thing
        self.namespace = world.namespace

    def answer(self, name: str) -> Any:
        """The method for a name in a pickle.

        Raises
        ------
        AttributeError
            There is none: the pickle was made by a newer version.
        """
        method = None if name.startswith("_") else getattr(self, name, None)
        if method is None:
            raise AttributeError(f"this HTMap does not know {name!r}, which a newer one has put into a pickle")
        return method

    # --- functions ---

    @staticmethod
    def private_namespace(variables: dict[str, Any]) -> dict[str, Any]:
        return {**variables, "__builtins__": builtins}

    @staticmethod
    def library_namespace(module: str) -> dict[str, Any]:
        return vars(importlib.import_module(module))

    def make_function(self, ident: Ident, code: types.CodeType, variables: dict[str, Any], closure: Any) -> Any:
        function = self._world.known(ident)
        if function is None:
            function = types.FunctionType(code, variables, code.co_name, None, closure)
            self._note(ident, function)
        return function

    def fill_function(self, function: Any, state: Mapping[str, Any]) -> None:
        if self._unfilled.pop(id(function), None) is None:
            return
        # What is there stays: the program goes on with its variables as they are now.
        for name, value in state["variables"].items():
            function.__globals__.setdefault(name, value)
        for name, value in state["attributes"].items():
            setattr(function, name, value)
        vars(function).update(state["own"])
        _take_offers(function.__globals__, state)

    @staticmethod
    def make_cell() -> types.CellType:
        return types.CellType()

    @staticmethod
    def fill_cell(cell: types.CellType, state: tuple[Any]) -> None:
        (cell.cell_contents,) = state

    # --- classes ---

    def make_class(self, ident: Ident, metaclass: Any, name: str, bases: tuple[Any, ...], body: dict[str, Any]) -> Any:
        cls = self._world.known(ident)
        if cls is None:
            cls = _without_hooks(bases, functools.partial(_new_class, metaclass, name, bases, dict(body)))
            self._note(ident, cls)
        return cls

    def make_enum(  # noqa: PLR0917 - as above
        self,
        ident: Ident,
        metaclass: Any,
        name: str,
        bases: tuple[Any, ...],
        body: dict[str, Any],
        members: list[tuple[str, Any, tuple[Any, ...]]],
    ) -> Any:
        cls = self._world.known(ident)
        if cls is None:
            cls = _without_hooks(bases, functools.partial(_new_enum, metaclass, name, bases, body, members))
            self._note(ident, cls)
        return cls

    def set_hashing(self, cls: Any, attributes: Mapping[str, Any]) -> None:
        if id(cls) in self._unfilled:
            for name, value in attributes.items():
                type.__setattr__(cls, name, value)

    def fill_class(self, cls: Any, state: Mapping[str, Any]) -> None:
        if self._unfilled.pop(id(cls), None) is None:
            return
        attributes = state["attributes"]
        for name, value in attributes.items():
            type.__setattr__(cls, name, value)
        if "__firstlineno__" in attributes:
            # Python forgets it when another attribute is set.
            type.__setattr__(cls, "__firstlineno__", attributes["__firstlineno__"])
        for name, own in state.get("members", {}).items():
            vars(cls._member_map_[name]).update(own)
        for each in state.get("registered", ()):
            abc.ABCMeta.register(cls, each)
        _take_offers(self._variables_of(cls), state)

    def _variables_of(self, cls: Any) -> dict[str, Any]:
        return vars(sys.modules[cls.__module__]) if cls.__module__ in sys.modules else {}

    @staticmethod
    def member(enum: Any, name: str) -> Any:
        return enum._member_map_[name]

    # --- values ---

    def make_value(self, ident: Ident, make: Any, arguments: tuple[Any, ...], module: str | None = None) -> Any:
        value = self._world.known(ident)
        if value is None:
            value = make(*arguments) if module is None else _called_in(module, make, arguments)
            self._note(ident, value)
        return value

    def fill_value(self, value: Any, state: Mapping[str, Any]) -> None:
        if self._unfilled.pop(id(value), None) is not None:
            for name, each in state.items():
                object.__setattr__(value, name, each)  # __setattr__ of the user's may say no, as a constant does

    @staticmethod
    def plain(kind: Any, arguments: tuple[Any, ...]) -> Any:
        return kind.__new__(kind, *arguments)

    @staticmethod
    def cached_property(function: Any, name: str | None) -> Any:
        made = functools.cached_property(function)
        made.attrname = name
        return made

    @staticmethod
    def partial_method(function: Any, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> Any:
        return functools.partialmethod(function, *arguments, **keywords)

    @staticmethod
    def lru_cache(function: Any, maxsize: int | None, typed: Any) -> Any:
        return functools.lru_cache(maxsize, typed)(function)

    single_dispatch = staticmethod(functools.singledispatch)

    def fill_single_dispatch(self, dispatcher: Any, state: Mapping[str, Any]) -> None:
        if self._unfilled.pop(id(dispatcher), None) is not None:
            for kind, function in state["registry"].items():
                dispatcher.register(kind, function)
            for name, value in state["attributes"].items():
                setattr(dispatcher, name, value)

    @staticmethod
    def same(thing: Any) -> Any:
        return thing

    make_exception = staticmethod(exceptions.put_together)
    fill_exception = staticmethod(exceptions.set_state)

    @staticmethod
    def assertions() -> Any:
        return assertions

    def _note(self, ident: Ident, thing: Any) -> None:
        self._unfilled[id(thing)] = thing
        if isinstance(ident, str):
            marks.set(thing, ident)
        self._world.made(ident, thing)


def load_extras(
    extras: Iterable[tuple[str, str, Any]], namespace: Callable[[str], dict[str, Any]], load: Callable[[Any], Any]
) -> None:
    """Put what code may look up by name into its module, as far as this process can load it."""
    for module, name, pickled in extras:
        variables = namespace(module)
        if name not in variables:
            with contextlib.suppress(Exception):
                variables.setdefault(name, load(pickled))


def _called_in(module: str, make: Any, arguments: tuple[Any, ...]) -> Any:
    """Call what believes to be of the module whose code calls it, as type variables do."""
    call = types.FunctionType(_call.__code__, {"__name__": module})
    return call(make, arguments)


def _call(make: Any, arguments: tuple[Any, ...]) -> Any:
    return make(*arguments)


def _take_offers(variables: dict[str, Any], state: Mapping[str, Any]) -> None:
    """Have names in annotations stand for what they stood for, where that costs nothing."""
    for name, (module, qualname) in state.get("hints", {}).items():
        if name in variables:
            continue
        if module not in sys.modules and module.partition(".")[0] not in sys.stdlib_module_names:
            continue
        with contextlib.suppress(Exception):
            found: Any = importlib.import_module(module)
            for part in filter(None, qualname.split(".")):
                found = getattr(found, part)
            variables[name] = found


# --- classes without their hooks ------------------------------------------------------------------------------------


def _new_class(metaclass: Any, name: str, bases: tuple[Any, ...], body: dict[str, Any]) -> Any:
    """Make a class as Python does. A metaclass does not get to see it: what it has done is in the class already."""
    maker = next(each for each in metaclass.__mro__ if isinstance(vars(each).get("__new__"), types.BuiltinMethodType))
    cls = maker.__new__(metaclass, name, bases, body)
    if isinstance(cls, abc.ABCMeta):
        abc._abc_init(cls)  # type: ignore[attr-defined]  # noqa: SLF001 - as abc's own metaclass does; it has no public name
    return cls


def _is_users(cls: Any) -> bool:
    return marks.is_known(cls) or is_by_value(cls.__module__)


def _without_hooks(bases: tuple[Any, ...], make: Callable[[], Any]) -> Any:
    """Make a class, and keep ``__init_subclass__`` of the user's classes from being called for it a second time.

    Those of libraries are called, unless they want an argument that the class statement had.
    """
    above = {id(each): each for base in bases for each in base.__mro__}.values()
    with _LOCK:
        try:
            with _no_hooks(filter(_is_users, above)):
                return make()
        except TypeError:
            with _no_hooks(each for each in above if each is not object):
                return make()


@contextlib.contextmanager
def _no_hooks(classes: Iterable[Any]) -> Iterator[None]:
    # Python offers no way to make a class without that call. So the hooks are taken away for the moment that it takes.
    kept: list[tuple[Any, Any]] = []
    try:
        for each in classes:
            hook = vars(each).get("__init_subclass__")
            if isinstance(hook, classmethod):
                type.__setattr__(each, "__init_subclass__", classmethod(lambda _cls, **_options: None))
                kept.append((each, hook))
        yield
    finally:
        for each, hook in kept:
            type.__setattr__(each, "__init_subclass__", hook)


class _Given:
    """A member as it is to be: its value, and what the type that the enum is mixed with must be given."""

    def __init__(self, value: Any, arguments: tuple[Any, ...]) -> None:
        self.value = value
        self.arguments = arguments


def _new_enum(
    metaclass: Any,
    name: str,
    bases: tuple[Any, ...],
    body: Mapping[str, Any],
    members: list[tuple[str, Any, tuple[Any, ...]]],
) -> Any:
    """Make an enum whose members are what they are told to be.

    While Python makes it, its constructors are ours. Each is replaced when the class is filled, or taken away here.
    """
    options = {"boundary": body["_boundary_"]} if "_boundary_" in body else {}
    maker = next(each for each in metaclass.__mro__ if not _is_users(each))
    variables = metaclass.__prepare__(name, bases, **options)
    for key, value in body.items():
        if key != "_boundary_":
            variables[key] = value
    if members:
        variables["__new__"] = _new_member
        variables["__init__"] = lambda *_: None
    for each, value, arguments in members:
        variables[each] = _Given(value, arguments)
    cls = maker.__new__(metaclass, name, bases, variables, **options)
    if members:
        for constructor in ("__init__", "__new_member__"):
            if constructor in vars(cls):
                type.__delattr__(cls, constructor)
    if "_all_bits_" in vars(cls):
        # The first 3.11 (Debian's among them) took it from the values in the body, which are no numbers here.
        bits = functools.reduce(operator.or_, (value for _, value, _ in members if isinstance(value, int)), 0)
        type.__setattr__(cls, "_all_bits_", (1 << bits.bit_length()) - 1)
    return cls


def _new_member(cls: Any, given: Any) -> Any:
    while isinstance(given, tuple):  # where members are tuples, Python wraps it once more
        (given,) = given
    kind = cls._member_type_
    make = object.__new__ if kind is object else kind.__new__
    member = make(cls, *given.arguments)
    member._value_ = given.value
    return member
