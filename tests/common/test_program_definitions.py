"""Mirrors htmap_common.program: what is made again from its definition is what it was, as plain Python has it."""

from __future__ import annotations

import abc
import collections
import dataclasses
import enum
import functools
import sys
import typing
import weakref
import xml.dom.minidom
from collections.abc import Iterator
from typing import Any, Generic, NamedTuple, NewType, TypedDict, TypeVar

import cloudpickle
import pytest
from tests.frozen import Nowhere, freeze

from htmap_common.program.building import Builder
from htmap_common.program.definitions import MADE_WITH_THE_CLASS
from htmap_common.program.pickler import load
from htmap_common.program.shapes import code_of, shape_of


class Elsewhere(Nowhere):
    """A process that knows nothing, and makes everything anew."""

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[Any, Any] = {}

    def known(self, ident: Any) -> Any:
        return self._made.get(ident)

    def made(self, ident: Any, thing: Any) -> None:
        if ident is not None:
            self._made[ident] = thing


@pytest.fixture(autouse=True)
def _this_module_is_a_script() -> Iterator[None]:
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    yield
    cloudpickle.unregister_pickle_by_value(sys.modules[__name__])


def elsewhere(thing: Any) -> Any:
    """The thing, made again where nothing of it is."""
    return load(freeze(thing), Builder(Elsewhere()))


T = TypeVar("T")
UserId = NewType("UserId", int)


@dataclasses.dataclass
class Point:
    x: int
    tags: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(slots=True, frozen=True, order=True)
class Narrow:
    a: int
    b: int = 2


class Slotted:
    __slots__ = ("__hidden", "seen")

    def __init__(self) -> None:
        self.seen, self.__hidden = 1, 2

    def both(self) -> tuple[int, int]:
        return self.seen, self.__hidden


class Base:
    steps = 10

    def greet(self) -> str:
        return "hello"


class Careful(Base):
    steps = 10
    greet = Base.greet


class Color(enum.Enum):
    RED = 1
    CRIMSON = 1  # noqa: PIE796 - a second name
    BLUE = 2


class Planet(enum.Enum):
    EARTH = (6, 3)
    MARS = (8, 2)

    def __init__(self, mass: int, radius: int) -> None:
        self.mass, self.radius = mass, radius

    @property
    def ratio(self) -> int:
        return self.mass // self.radius


class Coordinate(bytes, enum.Enum):
    label: str

    def __new__(cls, value: int, label: str) -> Coordinate:  # noqa: PYI034 - Self is in typing from 3.11 on
        made = bytes.__new__(cls, [value])
        made._value_ = value
        made.label = label
        return made

    X = (0, "P.X")
    Y = (1, "P.Y")


class Rights(enum.Flag):
    R = 4
    W = 2
    RW = 6


class Number(enum.IntEnum):
    ONE = 1
    TWO = 2


class Pair(tuple, enum.Enum):  # type: ignore[type-arg]  # noqa: SLOT001 - an enum
    A = (1, 2)
    B = (3, 4)


class Lenient(enum.Enum):
    A = 1

    @classmethod
    def _missing_(cls, value: object) -> Lenient:  # noqa: ARG003 - as Python calls it
        return cls.A


class Meta(type):
    made: typing.ClassVar[list[str]] = []

    def __new__(cls, name: str, bases: Any, body: Any, **_options: Any) -> Any:
        return super().__new__(cls, name, bases, body)

    def __init__(cls, name: str, bases: Any, body: Any, **_options: Any) -> None:
        super().__init__(name, bases, body)
        Meta.made.append(name)


class Made(metaclass=Meta, option=3):
    pass


class Plugin:
    known: typing.ClassVar[dict[str, type]] = {}

    def __init_subclass__(cls, *, key: str) -> None:
        Plugin.known[key] = cls


class Extra(Plugin, key="extra"):
    pass


class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self) -> float: ...


@Shape.register
class Flat:
    pass


class Square(Shape):
    def area(self) -> float:
        return 4.0


class Box(Generic[T]):
    pass


class IntBox(Box[int]):
    pass


class Row(NamedTuple):
    a: int
    b: int = 3


Old = collections.namedtuple("Old", "x y")  # noqa: PYI024 - what users have


class Options(TypedDict):
    a: int


class Described:
    class Field:
        def __set_name__(self, owner: type, name: str) -> None:
            self.name = name
            self.named = getattr(self, "named", 0) + 1

    field = Field()


class Curve:
    @functools.cached_property
    def length(self) -> int:
        return 5

    def times(self, a: int, b: int) -> int:
        return self.length * a * b

    twice = functools.partialmethod(times, 2)

    @functools.singledispatchmethod
    def size(self, _thing: object) -> str:
        return "any"

    @size.register
    def _(self, _thing: int) -> str:
        return "int"


class Oops(Exception):
    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code


# --- classes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cls",
    [
        *(Point, Narrow, Slotted, Base, Careful, Color, Planet, Coordinate, Rights, Number, Pair, Lenient, Made),
        *(Extra, Shape, Square, Box, IntBox, Row, Old, Options, Described, Curve, Oops),
    ],
)
def test_a_class_keeps_its_attributes_and_its_shape(cls: Any) -> None:
    again = elsewhere(cls)
    assert again is not cls
    assert (again.__name__, again.__qualname__, again.__module__) == (cls.__name__, cls.__qualname__, cls.__module__)
    assert vars(again).keys() - MADE_WITH_THE_CLASS == vars(cls).keys() - MADE_WITH_THE_CLASS
    assert shape_of(again) == shape_of(cls)
    assert code_of(again) == code_of(cls)
    assert elsewhere(again).__qualname__ == cls.__qualname__


def test_slots_stay_slots() -> None:
    again = elsewhere(Slotted)()
    assert again.both() == (1, 2)
    assert not hasattr(again, "__dict__")
    with pytest.raises(AttributeError):
        again.other = 1
    narrow = elsewhere([Narrow(1), Narrow(3)])
    assert sorted(narrow, reverse=True) == [narrow[1], narrow[0]]
    assert hash(narrow[0]) == hash(Narrow(1))


class Keyed:
    table: typing.ClassVar[dict[Any, int]] = {}

    def __init__(self, key: int) -> None:
        self.key = key

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Keyed) and other.key == self.key


def test_a_class_may_hold_a_table_of_its_own_objects() -> None:
    Keyed.table[Keyed(3)] = 4
    again = elsewhere(Keyed)
    assert again.table[again(3)] == 4


def test_a_dataclass_is_one_again() -> None:
    again = elsewhere(Point)
    assert again(1) == again(1, [])
    assert dataclasses.fields(again)[0].default is dataclasses.MISSING
    assert dataclasses.asdict(dataclasses.replace(again(1), x=2)) == {"x": 2, "tags": []}


def test_a_subclass_keeps_what_equals_its_bases() -> None:
    again = elsewhere(Careful)
    base = again.__bases__[0]
    base.steps, base.greet = 5, lambda _self: "changed"
    assert (again.steps, again().greet()) == (10, "hello")


def test_members_of_enums_are_what_they_were() -> None:
    color, planet, coordinate = map(elsewhere, (Color, Planet, Coordinate))
    assert color.CRIMSON is color.RED
    assert list(color.__members__) == ["RED", "CRIMSON", "BLUE"]
    assert color(2) is color.BLUE
    assert (planet.MARS.ratio, planet((8, 2))) == (4, planet.MARS)
    assert (coordinate.Y, coordinate.Y.value, coordinate.Y.label) == (b"\x01", 1, "P.Y")
    assert coordinate(1) is coordinate.Y
    assert elsewhere(Number).ONE + 1 == 2
    assert elsewhere(Pair)((3, 4)).value == (3, 4)
    assert elsewhere(Lenient)(99).name == "A"
    rights = elsewhere(Rights)
    assert rights.R | rights.W is rights.RW
    assert rights.R in rights.RW


def test_a_member_comes_back_as_the_member() -> None:
    for member in (Color.CRIMSON, Planet.MARS, Coordinate.Y, Rights.RW, Number.TWO, Pair.B):
        again, cls = elsewhere([member, type(member)])
        assert again is cls[member.name]
    again, cls = elsewhere([Rights.R | Rights(0), Rights])
    assert again is cls.R


def test_no_hook_runs_for_a_class_that_is_made_again() -> None:
    before = list(Meta.made), dict(Plugin.known)
    made, extra = elsewhere([Made, Extra])
    assert type(made).made == before[0]
    assert extra.__bases__[0].known == {"extra": extra}
    assert (Meta.made, Plugin.known) == before
    assert elsewhere(Described).field.named == 1

    class Late(extra.__bases__[0], key="late"):  # type: ignore[misc,name-defined,call-arg]
        pass

    assert extra.__bases__[0].known["late"] is Late


def test_abstract_classes_stay_abstract() -> None:
    shape, flat, square = elsewhere([Shape, Flat, Square])
    with pytest.raises(TypeError, match="abstract"):
        shape()
    assert isinstance(flat(), shape)
    assert isinstance(square(), shape)
    assert not isinstance(3, shape)


def test_generic_classes_stay_generic() -> None:
    box, variable, int_box = elsewhere([Box, T, IntBox])
    assert box.__parameters__ == (variable,)
    assert str(box[int]) == f"{__name__}.Box[int]"
    assert int_box.__orig_bases__ == (box[int],)
    assert (variable.__name__, variable.__module__) == ("T", __name__)


def test_tuples_with_names_are_tuples_with_names() -> None:
    assert elsewhere(Row(1))._replace(b=4) == (1, 4)
    assert elsewhere(Old)(x=1, y=2)._asdict() == {"x": 1, "y": 2}


def test_what_functools_makes_is_made_again() -> None:
    curve = elsewhere(Curve)()
    assert (curve.length, vars(curve)) == (5, {"length": 5})
    assert (curve.size(1), curve.size("x"), curve.twice(3)) == ("int", "any", 30)


# --- functions ------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=3)
def fibonacci(n: int) -> int:
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


@functools.singledispatch
def size(_thing: object) -> str:
    return "any"


@size.register
def _(_thing: int) -> str:
    return "int"


def test_caches_and_variants_of_functions_work() -> None:
    again = elsewhere(fibonacci)
    assert (again(10), again.cache_info().maxsize, again.__name__) == (55, 3, "fibonacci")
    assert [elsewhere(size)(each) for each in (1, "x")] == ["int", "any"]


def test_functions_share_their_variables() -> None:
    count = 0

    def get() -> int:
        return count

    def put(value: int) -> None:
        nonlocal count
        count = value

    again = elsewhere([get, put])
    again[1](7)
    assert (again[0](), get()) == (7, 0)


def test_inner_functions_may_call_themselves_and_each_other() -> None:
    def even(n: int) -> bool:
        return n == 0 or odd(n - 1)

    def odd(n: int) -> bool:
        return n != 0 and even(n - 1)

    assert elsewhere(even)(10)
    assert not elsewhere([odd, even])[0](10)


def parse(text: str) -> Any:
    read: Any = lambda: xml.dom.minidom.parseString(text)  # noqa: E731, S318 - what is tested
    return read().documentElement.tagName


def test_submodules_that_inner_code_names_are_imported() -> None:
    loaded = sys.modules.pop("xml.dom.minidom")
    try:
        pickled = None
        sys.modules["xml.dom.minidom"] = loaded
        pickled = freeze(parse)
        del sys.modules["xml.dom.minidom"], xml.dom.minidom
        assert load(pickled, Builder(Elsewhere()))("<a/>") == "a"
    finally:
        xml.dom.minidom = sys.modules["xml.dom.minidom"] = loaded


def annotated(a: Point, b: typing.Any) -> collections.OrderedDict[str, Point]:
    raise NotImplementedError


def test_annotations_that_are_text_can_be_read() -> None:
    again = elsewhere(annotated)
    hints = typing.get_type_hints(again)
    assert (hints["a"].__qualname__, hints["b"]) == ("Point", Any)


def test_a_mapping_of_weak_references_keeps_what_travels_with_it() -> None:
    keys = [Base(), Base()]
    cache = weakref.WeakKeyDictionary({key: number for number, key in enumerate(keys)})
    again = elsewhere([keys[:1], cache])
    assert list(again[1].items()) == [(again[0][0], 0)]


# --- values ---------------------------------------------------------------------------------------------------------


def test_a_new_type_is_one_again() -> None:
    again = elsewhere(UserId)
    assert (again(3), again.__supertype__, again.__module__) == (3, int, __name__)


def test_an_exception_is_made_without_its_constructor() -> None:
    error = Oops(3, "why")
    error.__notes__ = ["noted"]  # type: ignore[attr-defined]
    again = elsewhere(error)
    assert (str(again), again.args, again.code, again.__notes__) == ("3: why", ("3: why",), 3, ["noted"])


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(2, "No such file", "x"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
        ModuleNotFoundError("no x", name="x"),
        SystemExit(3),
        StopIteration(4),
        KeyError("k"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_exceptions_of_python_keep_what_they_say(error: BaseException) -> None:
    again = elsewhere(error)
    assert (type(again), str(again), again.args) == (type(error), str(error), error.args)
    for name in ("errno", "filename", "name", "code", "value", "reason"):
        assert getattr(again, name, None) == getattr(error, name, None)


# --- fingerprints ---------------------------------------------------------------------------------------------------


def test_a_shape_tells_other_fields_from_other_code() -> None:
    def made(source: str) -> Any:
        variables: dict[str, Any] = {"__name__": "script"}
        exec("import dataclasses, enum\n" + source, variables)  # noqa: S102 - classes that differ
        return variables["C"]

    class_of = "class C:\n {}\n def f(self): return {}"
    assert shape_of(made(class_of.format("a: int", 1))) == shape_of(made(class_of.format("a: int", 2)))
    assert code_of(made(class_of.format("a: int", 1))) != code_of(made(class_of.format("a: int", 2)))
    assert code_of(made(class_of.format("a: int", 1))) == code_of(made(class_of.format("a: int", 1)))
    assert shape_of(made(class_of.format("a: int", 1))) != shape_of(made(class_of.format("b: int", 1)))
    enum_of = "class C(enum.Enum):\n A = {}"
    assert shape_of(made(enum_of.format(1))) != shape_of(made(enum_of.format(2)))
    assert shape_of(made("class C:\n __slots__ = 'a'")) != shape_of(made("class C:\n __slots__ = 'b'"))
    assert shape_of(made("class B: pass\nclass C(B): pass")) != shape_of(made("class C: pass"))
