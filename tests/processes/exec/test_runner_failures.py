"""What the runner makes of components that raise."""

# ruff: noqa: T201 - what components print must not be lost

from __future__ import annotations

import errno
import os
import pickle
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from htmap_common.wire import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.processes.exec.conftest import Job


def inner(number: int) -> float:
    text = "x" * 10_000
    return number / len(text[:0])


def outer(number: int) -> float:
    return inner(number) + 1


def test_an_exception_travels_as_data_and_as_itself(job: Job) -> None:
    header = job.call(outer, 17)
    assert header["status"] == "raised"
    exception = header["exception"]
    assert (exception["module"], exception["type"]) == ("builtins", "ZeroDivisionError")
    assert exception["message"] == "division by zero"
    outermost, innermost = exception["frames"]
    assert outermost["function"] == "outer"
    assert innermost["function"] == "inner"
    assert innermost["file"] == __file__
    assert innermost["code"] == ""  # the file of that name here may have changed since the function was pickled
    assert innermost["locals"]["number"] == "17"
    assert len(innermost["locals"]["text"]) < 300
    error = job.exception()
    assert type(error) is ZeroDivisionError
    assert error.args == ("division by zero",)


def test_the_record_of_a_failure_says_where_it_happened(job: Job) -> None:
    (job.scratch / "some file").write_text("")
    header = job.call(lambda: 1 / 0)
    assert header["executable"] == sys.executable
    assert {"host", "os", "architecture", "cpu_count", "user"} <= set(header["node"])
    assert {"some file", "function", "inputs", "_htmap/"} <= set(header["scratch"])


def test_one_failing_component_does_not_fail_its_neighbours(job: Job) -> None:
    job.write_function(lambda x: 1 / x)
    job.write_inputs((1,), (0,), (2,))
    assert job.run("0-2").exit_code == 100
    assert job.results() == {0: 1, 2: 0.5}
    assert job.is_finished()


def test_local_variables_can_be_kept_out(job: Job) -> None:
    job.write_function(lambda secret: 1 / secret)
    job.write_inputs((0,))
    assert job.run().exit_code == 100
    assert job.records()[0].header["exception"]["frames"][0]["locals"] == {"secret": "0"}
    (job.scratch / "outputs").unlink()
    assert job.run(options=("--no-locals",)).exit_code == 100
    assert job.records()[0].header["exception"]["frames"][0]["locals"] == {}


def test_causes_contexts_and_notes_are_told(job: Job) -> None:
    def function() -> None:
        try:
            try:
                os.environ["MISSING"]
            except KeyError:
                int("no number")
        except ValueError as error:
            final = RuntimeError("gave up")
            final.__notes__ = ["while testing"]  # type: ignore[attr-defined]
            raise final from error

    exception = job.call(function)["exception"]
    assert exception["type"] == "RuntimeError"
    assert exception["notes"] == ["while testing"]
    told = [(ancestor["relation"], ancestor["type"]) for ancestor in exception["chain"]]
    assert told == [("cause", "ValueError"), ("context", "KeyError")]


def test_a_ring_of_causes_comes_to_an_end(job: Job) -> None:
    def function() -> None:
        first, second = ValueError("first"), ValueError("second")
        first.__cause__, second.__cause__ = second, first
        raise first

    chain = job.call(function)["exception"]["chain"]
    assert [ancestor["message"] for ancestor in chain] == ["second"]


def test_endless_recursion_is_told_by_its_ends(job: Job) -> None:
    def function(depth: int) -> int:
        return function(depth + 1)

    exception = job.call(function, 0)["exception"]
    assert exception["type"] == "RecursionError"
    assert exception["frames"][0]["locals"]["depth"] == "0"
    assert len(exception["frames"]) == 50
    assert exception["frames_left_out"] > 100


def exit_with_zero() -> None:
    sys.exit(0)


def exit_with_a_message() -> None:
    sys.exit("no luck")


def interrupt() -> None:
    raise KeyboardInterrupt


def interrupt_by_signal() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def use_up_memory() -> None:
    bytearray(1 << 62)


def import_what_is_missing() -> None:
    import no_such_module.inside  # type: ignore[import-not-found]  # noqa: F401, PLC0415 - a user's


def fill_the_disk() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def open_what_is_missing() -> None:
    Path("/home/me/data.csv").read_text()


@pytest.mark.parametrize(
    ("function", "type_name", "message", "hint"),
    [
        (exit_with_zero, "SystemExit", "The function called sys.exit(0).", "Return from the function instead"),
        (exit_with_a_message, "SystemExit", "The function called sys.exit('no luck').", "Return from the function"),
        (interrupt, "KeyboardInterrupt", "", None),
        (interrupt_by_signal, "KeyboardInterrupt", "", None),
        (use_up_memory, "MemoryError", "", "request_memory"),
        (
            import_what_is_missing,
            "ModuleNotFoundError",
            "No module named 'no_such_module'",
            "'no_such_module' is not on",
        ),
        (fill_the_disk, "OSError", "No space left on device", "request_disk"),
        (open_what_is_missing, "FileNotFoundError", "'/home/me/data.csv'", "htmap.TransferPath"),
    ],
)
def test_what_else_a_function_raises_is_recorded_with_a_hint(
    job: Job, function: Callable[[], None], type_name: str, message: str, hint: str | None
) -> None:
    exception = job.call(function)["exception"]
    assert exception["type"] == type_name
    assert message in exception["message"]
    assert hint is None or hint in exception["hint"]
    assert type(job.exception()).__name__ == type_name


@pytest.mark.parametrize(
    ("make", "type_name"),
    [(sys._getframe, "frame"), (threading.Lock, "lock")],
    ids=["frame", "lock"],
)
def test_a_result_that_cannot_be_pickled_is_a_failure_that_names_its_type(
    job: Job, make: Callable[[], Any], type_name: str
) -> None:
    exception = job.call(make)["exception"]
    assert exception["type"] == "UnpicklableResult"
    assert exception["module"] == "htmap_exec.errors"
    assert f"of type {type_name} that cannot be pickled" in exception["message"]
    assert "Return plain data" in exception["hint"]
    assert exception["chain"][0]["relation"] == "cause"
    assert job.exception() is None


def test_a_result_that_is_too_deep_to_be_pickled_is_a_failure(job: Job) -> None:
    def nest() -> list[Any]:
        nested: list[Any] = []
        for _ in range(100_000):
            nested = [nested]
        return nested

    assert job.call(nest)["exception"]["type"] == "UnpicklableResult"


def test_an_exception_that_cannot_be_pickled_travels_as_data_only(job: Job) -> None:
    def function() -> None:
        raise ValueError(x for x in "lazy")

    exception = job.call(function)["exception"]
    assert exception["type"] == "ValueError"
    assert "generator object" in exception["message"]
    assert job.exception() is None


def test_an_exception_comes_back_without_its_constructor(job: Job) -> None:
    class PickyError(Exception):
        def __init__(self, code: int, reason: str) -> None:
            super().__init__(f"{code}: {reason}")
            self.code = code

    def function() -> None:
        raise PickyError(5, "picky") from KeyError("why")

    exception = job.call(function)["exception"]
    assert exception["type"].endswith("PickyError")
    assert exception["message"] == "5: picky"
    again = job.exception()
    assert (type(again).__name__, str(again), again.code) == ("PickyError", "5: picky", 5)
    assert repr(again.__cause__) == "KeyError('why')"


def test_an_exception_that_cannot_be_unpickled_travels_as_data_only(job: Job) -> None:
    class StubbornError(Exception):
        def __reduce__(self) -> Any:
            return StubbornError, (1, 2, 3), {"no": 1}, 4

    def function() -> None:
        raise StubbornError("5: stubborn")

    exception = job.call(function)["exception"]
    assert exception["type"].endswith("StubbornError")
    assert exception["message"] == "5: stubborn"
    assert job.exception() is None


@pytest.mark.parametrize("problem", [ValueError, SystemExit, RecursionError], ids=lambda kind: kind.__name__)
def test_objects_whose_repr_is_broken_do_not_spoil_the_record(job: Job, problem: type[BaseException]) -> None:
    class Broken:
        def __repr__(self) -> str:
            raise problem

    def function(good: int) -> None:
        broken = Broken()
        raise ValueError(good, broken)

    exception = job.call(function, 5)["exception"]
    assert exception["type"] == "ValueError"
    if exception["frames"]:
        assert exception["frames"][0]["locals"]["good"] == "5"


def test_an_exception_whose_str_is_broken_is_still_told(job: Job) -> None:
    class BrokenError(Exception):
        def __str__(self) -> str:
            raise KeyError("in __str__")

    def function() -> None:
        raise BrokenError

    exception = job.call(function)["exception"]
    assert exception["type"].endswith("BrokenError")
    assert exception["message"] == "(its __str__ raised KeyError)"
    assert exception["frames"][0]["function"] == "function"


def test_text_that_is_no_utf8_does_not_spoil_the_record(job: Job) -> None:
    def function(name: str) -> None:
        raise ValueError(name)

    assert job.call(function, "\udcff.txt")["exception"]["message"] == "\\udcff.txt"


def test_a_very_long_message_is_cut(job: Job) -> None:
    def function() -> None:
        raise ValueError("x" * 1_000_000)

    message = job.call(function)["exception"]["message"]
    assert len(message) < 30_000
    assert message.endswith("more characters)")


def test_what_a_failing_component_printed_is_in_its_record(job: Job) -> None:
    def function() -> None:
        print("up to here")
        sys.exit(1)

    job.call(function)
    assert job.printed() == "up to here\n"


def test_a_function_whose_module_is_missing_is_told_for_every_component(job: Job) -> None:
    pickled = pickle.dumps(os.getcwd, protocol=0).replace(b"posix", b"nosuchmodule")
    job.write("function", Kind.FUNCTION, {"python": list(sys.version_info[:3])}, [pickled])
    job.write_inputs((), ())
    assert job.run("0-1").exit_code == 100
    for component in (0, 1):
        exception = job.records()[component].header["exception"]
        assert exception["type"] == "ModuleNotFoundError"
        assert "'nosuchmodule' is not on this node" in exception["hint"]
        assert exception["frames"] == []
