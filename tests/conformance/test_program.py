"""What the user defined in a script is one thing: on the node, in results, in a later run of the script."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import htmap

TIMEOUT_S = 120

# --- classes of any kind --------------------------------------------------------------------------------------------

values = st.sampled_from(["1", "-7", "2.5", "'text'", "None", "(1, 'a')", "frozenset({3})"])
field_counts = st.integers(0, 3)


@st.composite
def plain_classes(draw, name, base):
    fields = [f"f{number}" for number in range(draw(field_counts))]
    slots = f"    __slots__ = {tuple(fields)!r}\n" if draw(st.booleans()) else ""
    assigned = "".join(f"        self.{field} = {field}\n" for field in fields)
    key = f"({''.join(f'self.{field}, ' for field in fields)})"
    source = (
        f"class {name}({base}):\n{slots}    limit = 3\n"
        f"    def __init__(self, {', '.join(fields)}):\n        pass\n{assigned}"
        f"    def key(self):\n        return {key}\n"
        f"    def __eq__(self, other):\n        return type(other) is {name} and other.key() == self.key()\n"
        f"    def __hash__(self):\n        return hash(self.key())\n"
    )
    return source, f"{name}({', '.join(draw(values) for _ in fields)})"


@st.composite
def dataclasses_(draw, name, _base):
    fields = [f"g{number}" for number in range(draw(field_counts))]
    options = f"frozen=True, slots={draw(st.booleans())}, order={draw(st.booleans())}"
    body = "".join(f"    {field}: 'object' = {draw(values)}\n" for field in fields) or "    pass\n"
    return (
        f"@dataclasses.dataclass({options})\nclass {name}:\n{body}",
        f"{name}({', '.join(map(draw, [values] * len(fields)))})",
    )


@st.composite
def enums(draw, name, _base):
    kind = draw(st.sampled_from(["enum.Enum", "enum.IntEnum", "enum.Flag", "str, enum.Enum"]))
    value = (lambda number: repr(f"v{number}")) if kind.startswith("str") else (lambda number: str(2**number))
    members = [f"    M{number} = {value(number)}\n" for number in range(draw(st.integers(1, 4)))]
    alias = f"    ALIAS = {value(0)}\n" if draw(st.booleans()) else ""
    method = "    def shout(self):\n        return self.name + '!'\n"
    return f"class {name}({kind}):\n{''.join(members)}{alias}{method}", f"{name}.{'ALIAS' if alias else 'M0'}"


@st.composite
def enums_with_constructors(draw, name, _base):
    members = [f"    M{number} = ({number}, {draw(values)})\n" for number in range(draw(st.integers(1, 3)))]
    source = (
        f"class {name}(enum.Enum):\n{''.join(members)}"
        "    def __init__(self, number, thing):\n        self.number, self.thing = number, thing\n"
    )
    return source, f"{name}.M0"


@st.composite
def generics(draw, name, _base):
    source = (
        f"class {name}(typing.Generic[T]):\n    def __init__(self, v):\n        self.v = v\n"
        f"    def __eq__(self, other):\n        return type(other) is {name} and other.v == self.v\n"
        "    def __hash__(self):\n        return hash(self.v)\n"
    )
    return source, f"{name}[int]({draw(values)})"


@st.composite
def tuples(draw, name, _base):
    return f"class {name}(typing.NamedTuple):\n    a: int\n    b: object = None\n", f"{name}(1, {draw(values)})"


@st.composite
def programs(draw):
    """The source of some classes, which may inherit from each other, and an expression for an object of each."""
    sources, expressions, bases = [], [], ["object"]
    for number in range(draw(st.integers(1, 8))):
        kind = draw(st.sampled_from([plain_classes, dataclasses_, enums, enums_with_constructors, generics, tuples]))
        source, expression = draw(kind(f"C{number}", draw(st.sampled_from(bases))))
        sources.append(source)
        expressions.append(expression)
        if kind is plain_classes:
            bases.append(f"C{number}")
    return "\n".join(sources), expressions


SCRIPT = """
import dataclasses, enum, sys, typing
import htmap

T = typing.TypeVar("T")
{classes}

MAKERS = [{makers}]

def work(number, given):
    made = MAKERS[number]()
    assert type(given) is type(made) and given == made and hash(given) == hash(made)
    return made, given, type(made)

def state():
    return {{name: dict(vars(each)) for name, each in globals().items() if name.startswith("C")}}

if len(sys.argv) == 1:
    options = htmap.MapOptions(chunksize=len(MAKERS))
    calls = [(number, make()) for number, make in enumerate(MAKERS)]
    htmap.starmap(work, calls, map_options=options, tag="classes", quiet=True).wait({timeout})
m = htmap.load("classes")
before = state()
for number, make in enumerate(MAKERS):
    here, made, given, cls = (make(), *m.get(number, timeout=60))
    for each in (made, given, list(m.iter_inputs())[number][0][1]):
        assert type(each) is type(here) is cls, (each, here)
        assert each == here and hash(each) == hash(here) and {{here: 1}}[each] == 1, (each, here)
        assert not isinstance(here, enum.Enum) or each is here
assert state() == before
print("fine")
"""


def run(script: Path, *arguments: str) -> str:
    ended = subprocess.run(
        [sys.executable, script, *arguments],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    assert ended.returncode == 0, f"{script.read_text()}\n{ended.stdout}{ended.stderr}"
    return ended.stdout


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(program=programs())
def test_classes_of_a_script_are_one_thing_everywhere(tmp_path, program):
    classes, expressions = program
    script = tmp_path / "script.py"
    makers = ", ".join(f"lambda: {expression}" for expression in expressions)
    script.write_text(SCRIPT.format(classes=classes, makers=makers, timeout=TIMEOUT_S))
    try:
        assert run(script) == "fine\n"
        assert run(script, "again") == "fine\n"
    finally:
        if "classes" in htmap.get_tags():
            htmap.load("classes").remove()


# --- one program, in several ways -----------------------------------------------------------------------------------


class Counter:
    total = 0

    def add(self):
        type(self).total += 1
        return self.total


def test_loading_leaves_a_class_alone() -> None:
    m = htmap.map(lambda counter: (counter.add(), counter), [Counter(), Counter()], quiet=True)
    m.wait(TIMEOUT_S)
    Counter.total = 5
    assert [(seen, type(counter) is Counter) for seen, counter in m] == [(1, True), (1, True)]
    assert [type(args[0]) is Counter for args, _ in m.iter_inputs()] == [True, True]
    assert Counter.total == 5


def twice(x):
    return 2 * x


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_are_started_with_functions_of_the_program(method: str) -> None:
    def work(method):
        import multiprocessing

        with multiprocessing.get_context(method).Pool(1) as pool:
            return pool.map(twice, [3, 4])

    assert htmap.map(work, [method], quiet=True).get(0, TIMEOUT_S) == [6, 8]


def test_python_is_started_by_its_path() -> None:
    def work(_):
        import os
        import subprocess
        import sys

        ended = subprocess.run([sys.executable, "-c", "print(6 * 7)"], capture_output=True, text=True, check=True)
        return ended.stdout.strip(), bool(os.environ["PATH"])

    assert htmap.map(work, [None], quiet=True).get(0, TIMEOUT_S) == ("42", True)


def test_a_file_in_a_function_goes_along(tmp_path: Path) -> None:
    (tmp_path / "table").write_text("42")
    table = htmap.TransferPath(tmp_path / "table")

    def work(x, table=table):
        return table.read_text() + str(x)

    m = htmap.map(work, [1, 2], quiet=True)
    assert list(m.iter(TIMEOUT_S)) == ["421", "422"]
    m.rerun()
    assert list(m.iter(TIMEOUT_S)) == ["421", "422"]


class Large:
    """Pickles as large arrays do: its bytes are left out of the pickle."""

    def __init__(self, content):
        self.content = content

    def __reduce_ex__(self, protocol):
        return Large, (pickle.PickleBuffer(self.content),)


def test_a_large_input_is_the_same_at_each_look() -> None:
    m = htmap.map(lambda large: large.content[0], [Large(bytearray(10**6)), Large(bytearray(10))], quiet=True)
    m.wait(TIMEOUT_S)
    for _ in range(2):
        for args, _kwargs in m.iter_inputs():
            assert args[0].content[0] == 0
            args[0].content[0] = 1
