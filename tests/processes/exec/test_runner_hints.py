"""Mirrors htmap_exec.hints: what to do about an exception, in a sentence or two."""

# ruff: noqa: PLC0415 - what runs on the node imports what it needs there

from __future__ import annotations

import argparse
import asyncio
import importlib
import pickle
import sys
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from tests.processes.exec.conftest import Job


def hint_of(job: Job, function: Callable[..., Any], *arguments: object) -> str:
    exception = job.call(function, *arguments)["exception"]
    return str(exception.get("hint", ""))


def import_missing() -> None:
    importlib.import_module("no_such_package_at_all")


def import_part() -> None:
    importlib.import_module("email.nosuchpart")


def import_part_of_a_version() -> None:
    importlib.import_module("cloudpickle.nosuchpart")


def import_name() -> None:
    from email import nosuchname  # type: ignore[attr-defined] # noqa: F401 - it is not there


def test_a_missing_package_is_named(job: Job) -> None:
    hint = hint_of(job, import_missing)
    assert f"The module 'no_such_package_at_all' is not on this node ({sys.executable})" in hint
    assert "fixed_input_files" in hint


def test_a_missing_part_is_named_and_not_its_package(job: Job) -> None:
    hint = hint_of(job, import_part)
    assert "This node has email (" in hint
    assert "no part 'email.nosuchpart' in it" in hint
    assert "is not on this node" not in hint


def test_the_version_of_the_package_is_named(job: Job) -> None:
    import cloudpickle

    assert f"This node has cloudpickle {cloudpickle.__version__} (" in hint_of(job, import_part_of_a_version)


def test_a_missing_name_is_one_of_a_module_that_is_there(job: Job) -> None:
    assert "This node has email (" in hint_of(job, import_name)


def test_a_name_that_the_users_own_code_lacks_needs_no_hint(job: Job) -> None:
    (job.scratch / "sent.py").write_text("raise ImportError('of the users')")

    def function() -> None:
        import sent  # type: ignore[import-not-found] # noqa: F401 - to import it is to fail

    assert hint_of(job, function) == ""


def test_nobody_answers_input(job: Job) -> None:
    assert "nobody is at the keyboard" in hint_of(job, lambda: input("Your name? "))


def test_another_end_of_a_file_is_none_of_the_keyboards(job: Job) -> None:
    assert hint_of(job, lambda: pickle.load(BytesIO())) == ""


def test_argparse_finds_no_arguments(job: Job) -> None:
    def function() -> None:
        parser = argparse.ArgumentParser()
        parser.add_argument("file")
        parser.parse_args()

    assert "A mapped function has no command line" in hint_of(job, function)


def test_any_other_exit_is_told_to_return(job: Job) -> None:
    assert hint_of(job, lambda: sys.exit(2)).startswith("Return from the function instead")


async def later() -> int:
    return 1


async def many_later() -> AsyncIterator[int]:
    yield 1


def many() -> Iterator[int]:
    yield 1


@pytest.mark.parametrize(
    ("make", "words"), [(later, "asyncio.run(...)"), (many_later, "within asyncio.run"), (many, "list(...)")]
)
def test_what_never_ran_is_no_result(job: Job, make: Callable[[], Any], words: str) -> None:
    def function() -> Any:
        import warnings

        warnings.simplefilter("ignore")  # of coroutines that never ran
        return make()

    exception = job.call(function)["exception"]
    assert exception["type"] == "UnpicklableResult"
    assert exception["hint"].startswith("It was never run: ")
    assert words in exception["hint"]


def test_what_ran_is_a_result(job: Job) -> None:
    job.call(lambda: asyncio.run(later()))
    assert job.results() == {0: 1}


def test_wrong_arguments_name_starmap(job: Job) -> None:
    assert "starmap" in hint_of(job, lambda x, y: (x, y), (1, 2))


def test_a_type_error_in_the_function_is_its_own(job: Job) -> None:
    assert hint_of(job, lambda: int([1])) == ""  # type: ignore[call-overload]
    (job.scratch / "outputs").unlink()
    assert hint_of(job, lambda: Path(1, 2, x=3)) == ""  # type: ignore[arg-type]
