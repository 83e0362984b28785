"""The user's program on the node: found by name, there once, and nothing of the runner's in its place."""

from __future__ import annotations

import dataclasses
import functools
import os
import pickle
import subprocess
import sys
import types
import typing
from pathlib import Path
from typing import Any, NewType

import cloudpickle
import pytest
from tests.processes.exec.conftest import Job

UserId = NewType("UserId", int)
calls = 0


@dataclasses.dataclass
class Model:
    n: int
    seen: typing.ClassVar[list[int]] = []

    def note(self) -> int:
        self.seen.append(self.n)
        return len(self.seen)


def double(x: int) -> int:
    return 2 * x


@functools.lru_cache
def fibonacci(n: int) -> int:
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def told(a: Model, b: typing.Any) -> int:
    total: int = a.n + b
    return total


def in_a_pool(method: str) -> Any:
    import multiprocessing  # noqa: PLC0415 - on the node

    os.chdir("/")  # what a new process needs is found from anywhere
    with multiprocessing.get_context(method).Pool(1) as pool:
        return pool.map(double, [3]), pool.map(fibonacci, [10]), [type(each) is Model for each in pool.map(Model, [1])]


def by_pickle() -> Any:
    things = [Model(3), double, fibonacci, UserId, Model]
    again = pickle.loads(pickle.dumps(things))
    return again[0] == things[0], [one is other for one, other in zip(again[1:], things[1:], strict=True)]


def by_a_pickle_of_the_script(pickled: bytes) -> Any:
    return pickle.loads(pickled).n


def by_its_hints() -> Any:
    return typing.get_type_hints(told)["a"] is Model


def by_eval() -> Any:
    return eval("double(4)"), globals()["fibonacci"](5), "calls" in globals()  # noqa: S307 - what is tested


def by_counting() -> Any:
    global calls  # noqa: PLW0603 - what is tested
    calls += 1
    return calls


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_find_functions_and_classes_of_the_program(job: Job, method: str) -> None:
    job.write_program(in_a_pool, (method,))
    assert job.run().exit_code == 0, job.records()[0].header
    assert job.results() == {0: ([6], [55], [True])}


@pytest.mark.parametrize(
    ("function", "arguments", "expected"),
    [
        (by_pickle, (), (True, [True, True, True, True])),
        (by_a_pickle_of_the_script, (pickle.dumps(Model(5)),), 5),
        (by_its_hints, (), True),
        (by_eval, (), (8, 5, True)),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_names_stand_for_what_they_stand_for_in_the_script(
    job: Job, function: Any, arguments: tuple[Any, ...], expected: Any
) -> None:
    job.write_program(function, arguments)
    assert job.run().exit_code == 0, job.records()[0].header
    assert job.results() == {0: expected}


def test_components_of_a_job_share_variables_and_classes(job: Job) -> None:
    job.write_program(by_counting, (), ())
    job.run("0-1")
    assert job.results() == {0: 1, 1: 2}


def test_inputs_do_not_put_a_class_back(job: Job) -> None:
    job.write_program(Model.note, (Model(1),), (Model(2),))
    job.run("0-1")
    assert job.results() == {0: 1, 1: 2}


# --- __main__ -------------------------------------------------------------------------------------------------------

SCRIPT = """
import sys
limit = 3

class Thing:
    pass

def helper():
    return limit

def look():
    import __main__
    own = sorted(name for name in vars(__main__) if not name.startswith("__"))
    is_one = vars(__main__) is globals()
    return __name__, __main__.helper(), hasattr(__main__, "__file__"), is_one, own, Thing.__module__

def words():
    return sys.argv, sys.orig_argv
"""


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A script, as the process that runs it has it."""
    module = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", module)
    exec(SCRIPT, vars(module))  # noqa: S102 - a script
    return module


def test_main_is_the_users(job: Job, script: Any) -> None:
    job.write_program(script.look, ())
    assert job.run().exit_code == 0, job.records()[0].header
    name, limit, has_file, is_one, own, module = job.results()[0]
    assert (name, limit, has_file, is_one, module) == ("__main__", 3, False, True, "__main__")
    assert own == ["Thing", "helper", "limit", "look", "sys", "words"]


def test_the_command_line_is_the_programs_name(job: Job, script: Any) -> None:
    job.write_program(script.words, (), argv=["/home/me/fit.py"])
    job.run()
    argv, original = job.results()[0]
    assert argv == ["/home/me/fit.py"]
    assert original[1:] == argv


def start_python() -> Any:
    command = [sys.executable, "-c", "print(6 * 7)"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return printed.strip(), Path(sys.executable).is_file(), bool(os.environ["PATH"])


@pytest.fixture
def nameless(job: Job) -> Job:
    """A runner that was started by its name, in an environment without PATH."""
    job.runner = (str(Path(sys.executable).parent / "python3"), "-m", "htmap_exec")
    return job


def test_python_can_be_started_again(nameless: Job) -> None:
    nameless.write_program(start_python, ())
    ended = nameless.run(env={"HOME": "/"})
    assert ended.exit_code == 0, nameless.records()[0].header
    assert nameless.results() == {0: ("42", True, True)}


def test_a_python_that_does_not_know_where_it_is_finds_out(job: Job) -> None:
    code = (
        "import sys; sys.executable = ''; from htmap_exec import main_module; main_module.set_up_process();"
        "print(sys.executable)"
    )
    ended = job.run_command(sys.executable, "-c", code)
    found = ended.stdout.strip()
    printed = subprocess.run([found, "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == sys.prefix


# --- tests of pytest ------------------------------------------------------------------------------------------------


def test_a_function_that_pytest_has_rewritten_needs_no_pytest(job: Job) -> None:
    def check(x: int) -> int:
        assert x + 1 == 2, f"not {x}"
        assert {"a": x} == {"a": 1}
        return x

    assert "@pytest_ar" in check.__code__.co_names or "@pytest_ar" in check.__globals__
    job.use_bare_python("htmap_exec", "htmap_common", "msgpack", "cloudpickle")
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    job.write_program(check, (1,), (3,))
    job.run("0-1")
    assert job.results() == {0: 1}
    message = job.records()[1].header["exception"]["message"]
    assert message.startswith("not 3\nassert (3 + 1) == 2")
