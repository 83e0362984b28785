"""Mirrors htmap.results.program: objects of a map are of the classes that this process has, and change none of them."""

from __future__ import annotations

import gc
import io
import sys
import types
import warnings
from collections.abc import Iterator
from typing import Any

import cloudpickle
import pytest

from htmap.create.links import Links
from htmap.create.program import StoredProgram
from htmap.create.transfers import Sender
from htmap.exceptions import CannotPickle, CannotUnpickle, DamagedFile, InvalidOption
from htmap.pickling import Freezer
from htmap.results.program import Program
from htmap.store.atomic import make_private_directory
from htmap.store.mapdir import Home, MapDir
from htmap_common import TransferPath
from htmap_common.program.pickler import Referrer
from htmap_common.wire import Kind, read_function, read_header

NAME = "a_script_of_the_tests"

SOURCE = """
import dataclasses, enum, threading
calls = 0

@dataclasses.dataclass
class Point:
    x: int
    def moved(self):
        global calls
        calls += 1
        return Point(self.x + 1)

class Color(enum.Enum):
    RED = 1
    BLUE = 2

class Far(Point):
    pass

class Guarded:
    lock = threading.Lock()

class MISSING_TYPE:
    def __reduce__(self):
        return "MISSING"

MISSING = MISSING_TYPE()

def work(x):
    return Point(x), Color.RED

def work_with(thing):
    return thing
"""


class Script:
    """The user's program, as one process has it; `run` begins another."""

    def __init__(self) -> None:
        self.module = types.ModuleType(NAME)

    def run(self, source: str = SOURCE) -> Any:
        self.module = sys.modules[NAME] = types.ModuleType(NAME)
        cloudpickle.register_pickle_by_value(self.module)
        exec(source, vars(self.module))  # noqa: S102 - a script
        gc.collect()
        return self.module


@pytest.fixture
def script() -> Iterator[Script]:
    script = Script()
    script.run()
    yield script
    cloudpickle.unregister_pickle_by_value(script.module)
    del sys.modules[NAME]


class Made:
    """The program of a map, and pickles of the map that refer to it."""

    def __init__(self, map_dir: MapDir, function: Any, *objects: Any) -> None:
        make_private_directory(map_dir.path)
        self.stored = StoredProgram(map_dir, function, "f", Sender(Links(map_dir.links, map_dir.links)))
        self.path = map_dir.function
        freezer = Freezer(self.stored.table)
        self.pickles = []
        for each in objects:
            freezer.add(each)
            pickled, _ = freezer.take(1)
            self.pickles.append([pickled])
        self.stored.complete()

    def open(self) -> Program:
        return Program(self.path, "calm-map")


@pytest.fixture
def map_dir(home: Home) -> MapDir:
    return home.map("0a1b")


def forget(made: Made) -> None:
    """Let go of what the process that made the map had."""
    del made.stored
    gc.collect()


def test_a_class_that_is_here_is_used_as_it_is(map_dir: MapDir, script: Script) -> None:
    here: Any = script.module
    made = Made(map_dir, here.work, [here.Point(3), here.Color.RED, here.MISSING, here.work])
    here.Point.limit, here.Point.moved, here.calls = 7, lambda _self: "mine", 5
    before = {name: dict(vars(each)) for name, each in vars(here).items() if isinstance(each, type)}
    point, color, missing, function = made.open().thaw(made.pickles[0])
    assert type(point) is here.Point
    assert (color, missing, function) == (here.Color.RED, here.MISSING, here.work)
    assert (point.limit, point.moved(), here.calls) == (7, "mine", 5)
    assert before == {name: dict(vars(each)) for name, each in vars(here).items() if isinstance(each, type)}


def test_objects_are_small_and_hold_no_definition(map_dir: MapDir, script: Script) -> None:
    here: Any = script.module
    made = Made(map_dir, here.work, here.Point(3))
    assert len(made.pickles[0][0]) < 100
    assert b"moved" not in made.pickles[0][0]


def test_a_later_program_has_classes_of_its_own(map_dir: MapDir, script: Script) -> None:
    here: Any = script.module
    made = Made(map_dir, here.work, [here.Point(3), here.Color.BLUE, here.Far(1)])
    forget(made)
    later = script.run()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        point, color, far = made.open().thaw(made.pickles[0])
    assert (point, color, type(far)) == (later.Point(3), later.Color.BLUE, later.Far)
    assert later.calls == 0


def test_a_class_with_other_methods_is_still_the_class(map_dir: MapDir, script: Script) -> None:
    here: Any = script.module
    made = Made(map_dir, here.work, here.Point(3))
    later = script.run(SOURCE.replace("self.x + 1", "self.x + 100"))
    assert made.open().thaw(made.pickles[0]).moved() == later.Point(103)


def test_a_class_of_another_shape_is_not_the_class_and_that_is_said_once(map_dir: MapDir, script: Script) -> None:
    here: Any = script.module
    made = Made(map_dir, here.work, [here.Point(3)], [here.Point(4), here.Color.RED])
    forget(made)
    del here
    later = script.run(SOURCE.replace("    x: int\n", "    x: int\n    y: int = 0\n"))
    program = made.open()
    with pytest.warns(UserWarning, match=rf"{NAME}.Point has changed since the map calm-map was made") as warned:
        (first,) = program.thaw(made.pickles[0])
    assert [each.filename for each in warned] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        second, color = program.thaw(made.pickles[1])
    assert type(first) is type(second) is not later.Point
    assert (first.x, first.moved().x) == (3, 4)
    assert color is later.Color.RED
    assert (later.calls, later.Point(1).y) == (0, 0)


def test_what_is_not_here_is_made_once_and_put_nowhere(map_dir: MapDir, script: Script) -> None:
    here: Any = script.module
    made = Made(map_dir, here.work, [here.Point(3)], [here.Far(4)])
    forget(made)
    del here
    later = script.run("x = 1")
    names = set(vars(later))
    (point,) = made.open().thaw(made.pickles[0])
    (far,) = made.open().thaw(made.pickles[1])
    assert isinstance(far, type(point))
    assert point == type(point)(3)
    assert point.moved().x == 4
    assert set(vars(later)) == names


def test_a_base_that_is_here_is_the_base_of_what_is_made(map_dir: MapDir, script: Script) -> None:
    here: Any = script.module
    made = Made(map_dir, here.work, here.Far(4))
    forget(made)
    del here
    later = script.run(SOURCE.partition("class Far")[0])
    far = made.open().thaw(made.pickles[0])
    assert isinstance(far, later.Point)
    assert type(far).__name__ == "Far"


def test_an_object_that_was_made_here_can_be_sent_on(map_dir: MapDir, home: Home, script: Script) -> None:
    here: Any = script.module
    made = Made(map_dir, here.work, here.Point(4))
    forget(made)
    del here
    script.run("def f(x): return x")
    point = made.open().thaw(made.pickles[0])
    again = Made(home.map("0c1d"), script.module.f, point)
    assert type(again.open().thaw(again.pickles[0])) is type(point)


def test_classes_inside_of_functions_are_known_while_the_process_lives(map_dir: MapDir) -> None:
    class Local:
        marked = 1

    made = Made(map_dir, lambda: Local, Local())
    Local.marked = 2
    assert type(made.open().thaw(made.pickles[0])) is Local
    assert Local.marked == 2


def test_classes_of_inputs_come_in_late(map_dir: MapDir, script: Script) -> None:
    here: Any = script.module
    made = Made(map_dir, len, [here.Point(3)], [here.Color.RED])
    things = [thing.qualname for thing in read_function(made.path).things]
    assert things == ["Point", "Color"]
    forget(made)
    del here
    later = script.run("")
    program = made.open()
    assert program.thaw(made.pickles[0])[0].moved().x == 4
    assert program.thaw(made.pickles[1])[0].name == "RED"
    assert program.function() is len
    assert vars(later).keys() == {*vars(types.ModuleType("x")), "__builtins__"}


def test_a_class_that_does_not_pickle_is_named(map_dir: MapDir, script: Script) -> None:
    here: Any = script.module
    with pytest.raises(CannotPickle, match="the attribute lock of the class Guarded does not pickle"):
        Made(map_dir, len, here.Guarded())


def test_files_of_a_class_of_inputs_are_refused(map_dir: MapDir, script: Script) -> None:
    here: Any = script.module
    here.Point.table = TransferPath("/etc/hostname")
    with pytest.raises(InvalidOption, match=r"refers to the file /etc/hostname: make that file an argument"):
        Made(map_dir, len, here.Point(1))


def test_results_need_the_file_only_where_they_refer_to_it(map_dir: MapDir, script: Script) -> None:
    here: Any = script.module
    made = Made(map_dir, here.work, {"plain": 1}, here.Point(1))
    made.path.write_bytes(b"garbage")
    assert made.open().thaw(made.pickles[0]) == {"plain": 1}
    with pytest.raises(DamagedFile, match="The function of map calm-map cannot be read"):
        made.open().thaw(made.pickles[1])


def test_another_python_is_told_before_its_code_is_loaded(map_dir: MapDir, script: Script) -> None:
    here: Any = script.module
    made = Made(map_dir, here.work, here.Point(1))
    made.stored._header["python"] = [3, 2]
    made.stored._freezer.table.add(here.Far, "Far")
    made.stored.complete()
    assert read_header(made.path, Kind.FUNCTION)["python"] == [3, 2]
    assert made.open().thaw(made.pickles[0]) == here.Point(1)
    forget(made)
    del here
    script.run("")
    with pytest.raises(CannotUnpickle, match=r"pickled by Python 3\.2"):
        made.open().thaw(made.pickles[0])


def test_code_that_finds_names_takes_along_what_it_may_find(map_dir: MapDir, script: Script) -> None:
    here = script.run(
        SOURCE + "def look(name): return eval(name)\nlarge = list(range(10**6))\nguard = threading.Lock()"
    )
    made = Made(map_dir, here.look)
    names = [name for _, name, _ in read_function(made.path).extras]
    assert {"Point", "work", "calls", "enum"} <= set(names)
    assert not {"large", "guard", "Guarded"} & set(names)
    forget(made)
    del here
    script.run("")
    assert made.open().function()("work(3)[0].moved().x") == 4


def test_a_pickle_of_a_program_is_no_pickle_of_its_own(script: Script) -> None:
    stream = io.BytesIO()
    here: Any = script.module
    table = Freezer.__init__.__globals__["Table"]()
    Referrer(stream, table, lambda _: True).dump(here.Point(1))
    with pytest.raises(RuntimeError, match="part of a map"):
        cloudpickle.loads(stream.getvalue())
