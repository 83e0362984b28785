"""What it takes to make a class or a function again, in the words of pickle.

In: classes, functions, named values of this process. Out: what a reducer returns: a call (`calls`) and its arguments,
which need no methods; then the state, which may refer to the thing itself. On the other side: `building`.

cloudpickle has such definitions too. Those here keep what it loses: slots, attributes that equal those of a base,
enums with aliases or constructors, variables that inner functions share, submodules that only inner code names.
"""

from __future__ import annotations

import abc
import enum
import sys
import types
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from cloudpickle import cloudpickle as recipes

from . import calls, names

Reduced = tuple[Any, ...]
Ident = int | str | None
"""What a thing is known by where it is made again: a number in the table of the program, a mark, or nothing."""

_HAS_LAZY_ANNOTATIONS = sys.version_info >= (3, 14)
_VALUE = 1
"""``annotationlib.Format.VALUE``: what annotations are evaluated to."""

# Made by Python for each class anew, or given to the call that makes the class.
MADE_WITH_THE_CLASS = frozenset(
    (
        "__dict__",
        "__weakref__",
        "__module__",
        "__slots__",
        "__orig_bases__",
        "_abc_impl",
        "__annotations__",
        "__annotate_func__",
        "__annotate__",
        "__annotations_cache__",
        "__classdictcell__",
        "__slotnames__",
    )
)
# What `type` takes from whoever sets it, and keeps in the class.
_SET_BY_TYPE = frozenset(("__doc__", "__abstractmethods__", "__type_params__", "__module__", "__annotations__"))
_MADE_WITH_THE_ENUM = frozenset(
    (
        "_generate_next_value_",
        "_hashable_values_",
        "_member_map_",
        "_member_names_",
        "_member_type_",
        "_unhashable_values_",
        "_unhashable_values_map_",
        "_value2member_map_",
        "_value_repr_",
        "_boundary_",
        "_flag_mask_",
        "_singles_mask_",
        "_all_bits_",
        "_inverted_",
    )
)


def class_definition(cls: Any, ident: Ident) -> Reduced:
    """The definition of a class that is no enum."""
    body = {"__module__": names.on_the_way(cls.__module__), "__qualname__": cls.__qualname__}
    own = vars(cls)
    body |= {name: own[name] for name in ("__slots__", "__orig_bases__", *_hidden(cls)) if name in own}
    arguments = (ident, type(cls), cls.__name__, cls.__bases__, body)
    return calls.make_class, arguments, _class_state(cls), None, None, calls.fill_class


def enum_definition(cls: Any, ident: Ident) -> Reduced:
    """The definition of an enum: its members are made as they are, and no constructor of the user's runs for them."""
    body = {"__module__": names.on_the_way(cls.__module__), "__qualname__": cls.__qualname__}
    members = [(name, each._value_, _plain_arguments(cls, each)) for name, each in _members(cls).items()]
    state = _class_state(cls, {*_MADE_WITH_THE_ENUM, *_members(cls)})
    state["members"] = {name: _member_state(each) for name, each in _members(cls).items() if each._name_ == name}
    boundary = getattr(cls, "_boundary_", None)
    if boundary is not None:
        body["_boundary_"] = boundary
    if "_generate_next_value_" in vars(cls):
        function = getattr(vars(cls)["_generate_next_value_"], "__func__", vars(cls)["_generate_next_value_"])
        if names.is_by_value(getattr(function, "__module__", None)):
            state["attributes"]["_generate_next_value_"] = vars(cls)["_generate_next_value_"]
    arguments = (ident, type(cls), cls.__name__, cls.__bases__, body, members)
    return calls.make_enum, arguments, state, None, None, calls.fill_class


def _members(cls: Any) -> Mapping[str, Any]:
    members: Mapping[str, Any] = enum.EnumMeta.__dict__["__members__"].__get__(cls)
    return members


def _plain_arguments(cls: Any, each: Any) -> tuple[Any, ...]:
    """What the type that the enum is mixed with (int, str, ...) must be given to make this member."""
    kind = cls._member_type_
    if kind is object:
        return ()
    give = getattr(kind, "__getnewargs__", None)
    return tuple(give(each)) if give is not None else (each._value_,)


def _member_state(each: Any) -> dict[str, Any]:
    made = ("_value_", "_name_", "__objclass__", "_sort_order_")
    return {name: value for name, value in vars(each).items() if name not in made}


def _class_state(cls: Any, left_out: AbstractSet[str] = frozenset()) -> dict[str, Any]:
    left_out = left_out | MADE_WITH_THE_CLASS | _hidden(cls)
    attributes = {n: value for n, value in vars(cls).items() if n not in left_out and not _is_of_a_slot(cls, value)}
    hashing = {name: attributes.pop(name) for name in ("__hash__", "__eq__") if name in attributes}
    state: dict[str, Any] = {"hashing": Hashing(cls, hashing)} if hashing else {}
    state["attributes"] = attributes
    annotations = annotations_of(cls)
    if annotations:
        state["attributes"]["__annotations__"] = annotations
        state["hints"] = _hints(annotations, vars(sys.modules.get(cls.__module__, types)))
    if isinstance(cls, abc.ABCMeta):
        registered, *_ = abc._get_dump(cls)  # type: ignore[attr-defined]  # noqa: SLF001 - nothing public tells what was registered
        state["registered"] = [each for each in (reference() for reference in registered) if each is not None]
    return state


class Hashing:
    """Sets what makes objects of a class keys, before its other attributes are made: they may hold such keys."""

    def __init__(self, cls: Any, attributes: dict[str, Any]) -> None:
        self._arguments = cls, attributes

    def __reduce__(self) -> Reduced:
        return calls.set_hashing, self._arguments


def _hidden(cls: Any) -> set[str]:
    """Attributes of a class that must be given to it when it is made: its metaclass has another use for the name."""
    left_out = _SET_BY_TYPE | MADE_WITH_THE_CLASS
    return {
        name for name in vars(cls) if name not in left_out and hasattr(type(_in_metaclass(type(cls), name)), "__set__")
    }


def _in_metaclass(metaclass: type, name: str) -> Any:
    return next((vars(each)[name] for each in metaclass.__mro__ if name in vars(each)), None)


def _is_of_a_slot(cls: Any, value: object) -> bool:
    return isinstance(value, types.MemberDescriptorType) and value.__objclass__ is cls


def annotations_of(thing: Any) -> dict[str, Any]:
    """The annotations of a class or a function; of a class its own only."""
    if not _HAS_LAZY_ANNOTATIONS:
        annotations = vars(thing).get("__annotations__") if isinstance(thing, type) else thing.__annotations__
        return dict(annotations or {})
    if isinstance(thing, type):
        # To ask the class would change it: it keeps what it has evaluated.
        own = vars(thing)
        known = own.get("__annotations_cache__", own.get("__annotations__"))
        evaluate = own.get("__annotate_func__")
        if known is not None or evaluate is None:
            return dict(known or {})
    else:
        evaluate = thing.__annotate__
        if evaluate is None:
            return dict(thing.__annotations__)
    try:
        return dict(evaluate(_VALUE))
    except Exception:  # noqa: BLE001 - they are code of the user's, which may name what is not there (yet)
        import annotationlib  # type: ignore[import-not-found]  # noqa: PLC0415 - new in 3.14

        return dict(annotationlib.get_annotations(thing, format=annotationlib.Format.STRING))


def _hints(annotations: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """What annotations that are text refer to: names, and where to find what they stand for.

    typing.get_type_hints evaluates the text among the global variables. But a node need not have all that is only
    mentioned there, so these are no more than offers.
    """
    offers = {}
    for text in filter(lambda each: isinstance(each, str), annotations.values()):
        for name in _names_in(text):
            value = variables.get(name)
            if isinstance(value, types.ModuleType):
                offers[name] = (value.__name__, "")
            elif value is not None:
                module, qualname = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
                qualname = qualname or getattr(value, "_name", None) or getattr(value, "__name__", None)
                if isinstance(module, str) and isinstance(qualname, str) and names.find(module, qualname) is value:
                    offers[name] = (module, qualname)
    return {name: offer for name, offer in offers.items() if not names.is_by_value(offer[0])}


def _names_in(text: str) -> tuple[str, ...]:
    try:
        return compile(text, "<annotation>", "eval").co_names
    except (SyntaxError, ValueError):
        return ()


def things_in_hints(thing: Any, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Things that travel by value, which annotations that are text refer to."""
    found = {}
    for text in filter(lambda each: isinstance(each, str), annotations_of(thing).values()):
        for name in _names_in(text):
            value = variables.get(name)
            if isinstance(value, type) and names.name_of(value) is not None:
                found[name] = value
    return found


def function_definition(function: types.FunctionType, ident: Ident, namespace: Any, *, is_library: bool) -> Reduced:
    """The definition of a function.

    Parameters
    ----------
    namespace
        What becomes the dictionary of its global variables.
    is_library
        Whether that has all that the function needs.
    """
    variables = {} if is_library else used_variables(function)
    annotations = annotations_of(function)
    state: dict[str, Any] = {
        "attributes": {
            "__name__": function.__name__,
            "__qualname__": function.__qualname__,
            "__module__": names.on_the_way(function.__module__),
            "__doc__": function.__doc__,
            "__defaults__": function.__defaults__,
            "__kwdefaults__": function.__kwdefaults__,
            "__annotations__": annotations,
        },
        "own": vars(function),
        "variables": variables,
    }
    if getattr(function, "__type_params__", ()):
        state["attributes"]["__type_params__"] = function.__type_params__  # type: ignore[attr-defined]
    if annotations and not is_library:
        state["hints"] = _hints(annotations, function.__globals__)
    submodules = list(_submodules(function, variables))
    if submodules:
        state["submodules"] = submodules
    arguments = (ident, function.__code__, namespace, function.__closure__)
    return calls.make_function, arguments, state, None, None, calls.fill_function


def used_variables(function: types.FunctionType) -> dict[str, Any]:
    """The global variables that a function uses, itself or in the code inside of it."""
    there = function.__globals__
    used = {name: there[name] for name in recipes._extract_code_globals(function.__code__) if name in there}  # noqa: SLF001 - cloudpickle's reading of code
    return used | things_in_hints(function, there)


# Code with one of these names finds others by names that nobody sees here: all of the module, or what pickles name.
_FINDS_ALL = frozenset(("eval", "exec", "globals", "__main__", "modules"))
_FINDS_THINGS = frozenset(("pickle", "dill", "joblib", "shelve", "torch", "read_pickle", "Unpickler"))


def found_by_name(function: types.FunctionType) -> dict[str, Any]:
    """What else of its module a function may get hold of, by names that are not in its code."""
    used = set(_attributes(function.__code__))
    if not used & (_FINDS_ALL | _FINDS_THINGS):
        return {}
    everything = {name: value for name, value in function.__globals__.items() if not name.startswith("__")}
    if used & _FINDS_ALL:
        return everything
    return {name: value for name, value in everything.items() if names.name_of(value) is not None}


def _submodules(function: types.FunctionType, variables: Mapping[str, Any]) -> Iterator[Any]:
    """The submodules that a function names as attributes of their packages, and that are imported here.

    Nobody else would import them on the node: to find a package is not to have its submodules.
    """
    cells = [cell.cell_contents for cell in function.__closure__ or () if _is_full(cell)]
    modules = [each for each in (*variables.values(), *cells) if isinstance(each, types.ModuleType)]
    packages = [module for module in modules if hasattr(module, "__path__")]
    if not packages:
        return
    attributes = set(_attributes(function.__code__))
    for package in packages:
        prefix = f"{package.__name__}."
        for name, module in list(sys.modules.items()):
            if module is not None and name.startswith(prefix) and attributes.issuperset(name[len(prefix) :].split(".")):
                yield module


def _is_full(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - it raises
    except ValueError:
        return False
    return True


def _attributes(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            yield from _attributes(each)


def cell_definition(cell: types.CellType) -> Reduced:
    """The definition of a variable that functions share: there is one of it for all of them, as before."""
    if not _is_full(cell):
        return calls.make_cell, ()
    return calls.make_cell, (), (cell.cell_contents,), None, None, calls.fill_cell
