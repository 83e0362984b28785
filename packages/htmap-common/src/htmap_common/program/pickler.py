"""Pickle objects of a program, and unpickle them: things by number, or with their definitions.

In: objects. Out: pickles that only call what `htmap_common.program.calls` lists, or what can be imported on the other
side. Three streams have three picklers: the function file defines things, inputs refer to things and ask for the
definition of new ones, results refer to things and define what the node has made itself.
"""

from __future__ import annotations

import collections
import copyreg
import dataclasses
import enum
import functools
import io
import pickle
import sys
import types
import typing
import weakref
from collections.abc import Callable, Iterable, MutableMapping, Sequence
from typing import Any, ClassVar

import cloudpickle
from cloudpickle import cloudpickle as recipes

from . import calls, definitions, exceptions, names
from .building import Builder
from .definitions import Ident, Reduced
from .table import Table, marks

Buffer = bytes | bytearray | memoryview
Reducer = Callable[[Any], Any]

PROTOCOL = 5
_TRANSFER_PATH = ("htmap_common.transfer_path", "TransferPath")
_NAMELESS = "<dynamic-code>"
_THEIR_REDUCERS: MutableMapping[Any, Reducer] = cloudpickle.Pickler.dispatch_table
_ASSERTIONS = "_pytest.assertion.rewrite"

_CachedFunction: Any = type(functools.lru_cache(abs))
_DISPATCHER_CODE = functools.singledispatch(abs).__code__  # type: ignore[attr-defined]
_NAMED_VALUES = tuple(
    getattr(typing, name)
    for name in ("NewType", "ParamSpec", "TypeVarTuple", "TypeAliasType", "TypeVar")
    if hasattr(typing, name)
)


def _reduce_code(code: types.CodeType) -> Reduced:
    """Keep the name of the file, which error reports show with the line in it.

    Workaround for cloudpickle 3.1.3: it puts another name there, so that pickles do not depend on where they are made.
    """
    make, arguments = _THEIR_REDUCERS[types.CodeType](code)
    return make, tuple(code.co_filename if each == _NAMELESS else each for each in arguments)


def _reduce_module(module: types.ModuleType) -> Reduced:
    if module.__name__ == _ASSERTIONS:
        return calls.assertions, ()
    reduced: Reduced = _THEIR_REDUCERS[types.ModuleType](module)
    return reduced


def _reduce_cached_property(descriptor: Any) -> Reduced:
    return calls.cached_property, (descriptor.func, descriptor.attrname)


def _reduce_partial_method(descriptor: Any) -> Reduced:
    return calls.partial_method, (descriptor.func, descriptor.args, descriptor.keywords)


def _reduce_weak_mapping(mapping: Any) -> Reduced:
    # What nobody else holds there is gone from it at once, as here.
    return type(mapping), (), None, None, iter(list(mapping.items()))


def _sentinel(module: str, name: str) -> Reducer:
    return lambda _: (getattr, (sys.modules[module], name))


_OUR_REDUCERS: dict[Any, Reducer] = {
    types.CodeType: _reduce_code,
    types.CellType: definitions.cell_definition,
    types.ModuleType: _reduce_module,
    functools.cached_property: _reduce_cached_property,
    functools.partialmethod: _reduce_partial_method,
    weakref.WeakKeyDictionary: _reduce_weak_mapping,
    weakref.WeakValueDictionary: _reduce_weak_mapping,
    type(dataclasses.MISSING): _sentinel("dataclasses", "MISSING"),
    type(dataclasses.KW_ONLY): _sentinel("dataclasses", "KW_ONLY"),
    type(dataclasses._HAS_DEFAULT_FACTORY): _sentinel("dataclasses", "_HAS_DEFAULT_FACTORY"),  # type: ignore[attr-defined]  # noqa: SLF001 - the sentinel has no public name
}


class Namespace:
    """Stands for the global variables of functions while they are pickled."""

    def __init__(self, variables: dict[str, Any]) -> None:
        self.variables = variables  # kept alive, so that no other dictionary gets its identity
        self._module = variables.get("__name__")
        module = sys.modules.get(str(self._module))
        is_module = module is not None and getattr(module, "__dict__", None) is variables
        self.is_library = is_module and str(self._module).partition(".")[0] in sys.stdlib_module_names - {names.MAIN}
        # A console of somebody's own may say that it is __main__, and is taken at its word.
        self._is_by_value = names.is_by_value(self._module) and (is_module or self._module == names.MAIN)

    def __reduce__(self) -> Reduced:
        if self._is_by_value:
            return calls.namespace, (names.on_the_way(self._module),)
        if self.is_library:
            return calls.library_namespace, (self._module,)
        kept = ("__name__", "__package__", "__path__", "__file__")
        return calls.private_namespace, ({name: self.variables[name] for name in kept if name in self.variables},)


class Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
    """What the three have in common."""

    dispatch_table: ClassVar[Any] = collections.ChainMap(_OUR_REDUCERS, _THEIR_REDUCERS)

    def __init__(self, stream: io.BytesIO, table: Table, keep: Callable[[pickle.PickleBuffer], bool]) -> None:
        super().__init__(stream, protocol=PROTOCOL, buffer_callback=keep)
        self._numbers = table.numbers
        self._table = table
        self._namespaces: dict[int, Namespace] = {}
        self._reducers: dict[int, tuple[type, Reducer | None]] = {}
        self.with_chain = False
        self.dump_alone: Callable[[Any], None] = functools.partial(pickle.Pickler.dump, self)
        """Not cloudpickle's own dump(): all it adds is other words for an object that is nested too deeply."""

    def reducer_override(self, thing: Any) -> Any:
        # Hot: called for every object that is not of a plain built-in type.
        kind = type(thing)
        known = self._reducers.get(id(kind))
        if known is None or known[0] is not kind:
            known = self._reducers[id(kind)] = kind, self._reducer_for(kind)
        reducer = known[1]
        return NotImplemented if reducer is None else reducer(thing)

    def _reducer_for(self, kind: type) -> Reducer | None:  # noqa: PLR0911 - one for each sort of object
        if kind is types.FunctionType:
            return self._reduce_function
        if issubclass(kind, type):
            return self._reduce_class
        if kind is _CachedFunction:
            return self._reduce_cached_function
        if kind in _NAMED_VALUES:
            return self._reduce_named_value
        if kind in self.dispatch_table:
            return None
        if issubclass(kind, BaseException) and exceptions.is_taken_apart_by_python(kind):
            return self._reduce_exception
        if not names.is_by_value(getattr(kind, "__module__", None)):
            return None
        if issubclass(kind, enum.Enum):
            return self._reduce_member
        if kind.__reduce_ex__ is not object.__reduce_ex__ or kind.__reduce__ is not object.__reduce__:
            return self._reduce_as_it_says
        return None

    # --- things: what they are known by is said by each of the picklers ---

    def _refer(self, thing: Any, qualname: str | None) -> Reduced | None:
        """A reference to a thing, if its definition is somewhere else. What has no name is no thing."""
        raise NotImplementedError

    def _ident(self, thing: Any, qualname: str | None) -> Ident:
        """What a thing is known by that is defined here."""
        raise NotImplementedError

    def _reduce_class(self, cls: Any) -> Any:
        if cls.__module__ == "builtins" or recipes._should_pickle_by_reference(cls):  # noqa: SLF001 - cloudpickle's rule
            return recipes._class_reduce(cls)  # noqa: SLF001 - cloudpickle's recipe
        reference = self._refer(cls, cls.__qualname__)
        if reference is not None:
            return reference
        define = definitions.enum_definition if issubclass(cls, enum.Enum) else definitions.class_definition
        return define(cls, self._ident(cls, cls.__qualname__))

    def _reduce_function(self, function: types.FunctionType) -> Any:
        if recipes._should_pickle_by_reference(function):  # noqa: SLF001 - cloudpickle's rule
            return NotImplemented
        qualname = _name_of_function(function)
        reference = self._refer(function, qualname)
        if reference is not None:
            return reference
        ident = self._ident(function, qualname)
        if function.__code__ is _DISPATCHER_CODE:
            return _dispatcher_definition(function, ident)
        namespace = self._namespaces.get(id(function.__globals__))
        if namespace is None:
            namespace = self._namespaces[id(function.__globals__)] = Namespace(function.__globals__)
        return definitions.function_definition(function, ident, namespace, is_library=namespace.is_library)

    def _reduce_cached_function(self, function: Any) -> Any:
        by_value = names.is_by_value(getattr(function, "__module__", None))
        qualname = _name_of_function(function)
        if not by_value and names.find(str(function.__module__), str(function.__qualname__)) is function:
            return NotImplemented
        parameters = function.cache_parameters()
        arguments = (function.__wrapped__, parameters["maxsize"], parameters["typed"])
        state = _of_the_function(function, {"cache_parameters"})
        return self._define_value(function, calls.lru_cache, arguments, state, qualname)

    def _reduce_named_value(self, value: Any) -> Any:
        is_named = names.name_of(value, value.__name__) is not None
        theirs = _THEIR_REDUCERS.get(type(value))
        if not is_named and (theirs is not None or not names.is_by_value(value.__module__)):
            return NotImplemented if theirs is None else theirs(value)
        make, arguments = _VALUE_PARTS[type(value).__name__](value)
        qualname = value.__name__ if is_named else None
        reference = self._refer(value, qualname)
        if reference is not None:
            return reference
        return calls.make_value, (self._ident(value, qualname), make, arguments, names.on_the_way(value.__module__))

    def _reduce_as_it_says(self, value: Any) -> Any:
        """Do what ``__reduce_ex__`` of the user's says. If that is a name, the value is a thing."""
        reduced = value.__reduce_ex__(PROTOCOL)
        if not isinstance(reduced, str):
            return reduced
        if names.name_of(value, reduced) is None:
            return NotImplemented  # pickle has words for what is wrong with it
        state = {name: getattr(value, name) for name in copyreg._slotnames(type(value)) if hasattr(value, name)}  # type: ignore[attr-defined]  # noqa: SLF001 - what pickle itself asks
        arguments = value.__getnewargs__() if hasattr(value, "__getnewargs__") else ()
        state |= getattr(value, "__dict__", {})
        return self._define_value(value, calls.plain, (type(value), arguments), state, reduced)

    def _define_value(
        self, value: Any, make: Any, arguments: tuple[Any, ...], state: Any, qualname: str | None
    ) -> Reduced:
        reference = self._refer(value, qualname)
        if reference is not None:
            return reference
        ident = self._ident(value, qualname)
        return calls.make_value, (ident, make, arguments), state, None, None, calls.fill_value

    def _reduce_member(self, value: Any) -> Any:
        kind = type(value)
        if kind._member_map_.get(value._name_) is value:
            return calls.member, (kind, value._name_)
        return NotImplemented  # several flags together

    def _reduce_exception(self, error: BaseException) -> Reduced:
        arguments, state = exceptions.take_apart(error, with_chain=self.with_chain)
        reduced = calls.make_exception, (type(error), arguments)
        return (*reduced, state, None, None, calls.fill_exception) if state else reduced


class Definer(Pickler):
    """Defines each thing where it meets it first. Its memo is kept: all it writes is one stream, for one unpickler.

    Attributes
    ----------
    found_by_name
        What functions may look up in their modules, beside what their code names: by module and name.
    """

    def __init__(self, stream: io.BytesIO, table: Table, keep: Callable[[pickle.PickleBuffer], bool]) -> None:
        super().__init__(stream, table, keep)
        self.found_by_name: dict[tuple[str, str], Any] = {}

    def _reduce_function(self, function: types.FunctionType) -> Any:
        module = function.__globals__.get("__name__")
        if isinstance(module, str) and names.is_by_value(module):
            for name, value in definitions.found_by_name(function).items():
                self.found_by_name.setdefault((str(names.on_the_way(module)), name), value)
        return super()._reduce_function(function)

    def _refer(self, thing: Any, qualname: str | None) -> None:  # noqa: ARG002 - as the others
        return None

    def _ident(self, thing: Any, qualname: str | None) -> Ident:
        return None if qualname is None else self._table.add(thing, qualname)


class Referrer(Pickler):
    """Refers to things; a new one gets a number, and somebody must still define it."""

    def _refer(self, thing: Any, qualname: str | None) -> Reduced | None:
        number = self._numbers.get(id(thing))
        if number is None and qualname is not None:
            number = self._table.add(thing, qualname)
        return None if number is None else (calls.thing, (number,))

    def _ident(self, thing: Any, qualname: str | None) -> Ident:  # noqa: ARG002 - as above
        return None


class Returner(Pickler):
    """Refers to the things of the program that it knows, and defines all others."""

    def _refer(self, thing: Any, qualname: str | None) -> Reduced | None:  # noqa: ARG002 - as above
        number = self._numbers.get(id(thing))
        return None if number is None else (calls.thing, (number,))

    def _ident(self, thing: Any, qualname: str | None) -> Ident:  # noqa: ARG002 - as above
        return marks.mark_of(thing) if isinstance(thing, type) else None


class Offerer(Returner):
    """Pickles one thing that a node may do without; notes the classes that it defines."""

    def __init__(self, stream: io.BytesIO, table: Table) -> None:
        super().__init__(stream, table, lambda _: True)
        self.classes: list[Any] = []

    def _ident(self, thing: Any, qualname: str | None) -> Ident:
        if isinstance(thing, type):
            self.classes.append(thing)
        return super()._ident(thing, qualname)


def _dispatcher_definition(dispatcher: Any, ident: Ident) -> Reduced:
    registry = dict(dispatcher.registry)
    first = registry.pop(object)
    generated = {"registry", "dispatch", "register", "_clear_cache", "__wrapped__"}
    state = {"registry": registry, "attributes": _of_the_function(dispatcher, generated)}
    arguments = (ident, calls.single_dispatch, (first,))
    return calls.make_value, arguments, state, None, None, calls.fill_single_dispatch


def _name_of_function(function: Any) -> str | None:
    # A method is a part of its class, and made again with it: that of a class of another shape is another one.
    is_named = "." not in function.__qualname__ and names.name_of(function) is not None
    return function.__qualname__ if is_named else None


def _of_the_function(wrapper: Any, generated: set[str]) -> dict[str, Any]:
    """What functools.update_wrapper has taken from the function, and what has been set since."""
    taken = {name: getattr(wrapper, name) for name in ("__name__", "__qualname__", "__doc__")}
    own = {name: value for name, value in vars(wrapper).items() if name not in generated}
    return {**own, **taken, "__module__": names.on_the_way(wrapper.__module__)}


def _parts_of_type_variable(variable: Any) -> tuple[Any, tuple[Any, ...]]:
    options = {
        "bound": variable.__bound__,
        "covariant": variable.__covariant__,
        "contravariant": variable.__contravariant__,
    }
    for name in ("infer_variance", "default"):  # of newer versions of Python
        value = getattr(variable, f"__{name}__", None)
        if value and value is not getattr(typing, "NoDefault", None):
            options[name] = value
    return functools.partial(typing.TypeVar, **options), (variable.__name__, *variable.__constraints__)


_VALUE_PARTS: dict[str, Callable[[Any], tuple[Any, tuple[Any, ...]]]] = {
    "NewType": lambda value: (typing.NewType, (value.__name__, value.__supertype__)),
    "ParamSpec": lambda value: (typing.ParamSpec, (value.__name__,)),
    "TypeVarTuple": lambda value: (type(value), (value.__name__,)),
    "TypeAliasType": lambda value: (type(value), (value.__name__, value.__value__)),
    "TypeVar": _parts_of_type_variable,
}

MakePath = Callable[..., object]
"""Stands in for the class TransferPath while objects are unpickled; takes (path, protocol, location)."""


class Unpickler(pickle.Unpickler):
    """Unpickles what the picklers above have made.

    Parameters
    ----------
    stream, buffers
        The pickle, and what was left out of it.
    builder
        Answers the calls.
    make_path
        What to make of each TransferPath; None leaves them what they are.
    """

    def __init__(
        self, stream: Buffer, buffers: Iterable[Buffer], builder: Builder, make_path: MakePath | None = None
    ) -> None:
        super().__init__(io.BytesIO(stream), buffers=iter(buffers))
        self._builder = builder
        self._make_path = make_path

    def find_class(self, module: str, name: str, /) -> Any:
        # Hot: once for each name in a pickle.
        if module == calls.__name__:
            return self._builder.answer(name)
        if self._make_path is not None and (module, name) == _TRANSFER_PATH:
            return self._make_path
        return super().find_class(module, name)


def load(segments: Sequence[Buffer], builder: Builder, make_path: MakePath | None = None) -> Any:
    """Unpickle an object: the pickle, then its buffers."""
    return Unpickler(segments[0], segments[1:], builder, make_path).load()
