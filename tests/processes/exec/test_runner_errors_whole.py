"""Mirrors htmap_exec.describe_exception and what it is made of: errors whole, whatever they and their values do."""

# ruff: noqa: C901, PLC0415, T201 - what runs on the node imports what it needs there, and prints what nobody sees

from __future__ import annotations

import builtins
import json
import os
import resource
import signal
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from htmap_common.wire import read_exception

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.processes.exec.conftest import Job


exception_group: Any = getattr(builtins, "ExceptionGroup", None)


def locals_of(job: Job, function: Callable[[], Any]) -> dict[str, str]:
    exception = job.call(function)["exception"]
    assert exception["message"] == "no luck"
    read_exception(exception)  # all of it has the types that the format says
    shown: dict[str, str] = exception["frames"][0]["locals"]
    return shown


# --- what belongs to an error ---------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python has groups of exceptions from 3.11 on")
def test_groups_are_told_with_all_their_members(job: Job) -> None:
    def function() -> None:
        inner = exception_group("inner", [KeyError("deep")])
        inner.add_note("a note")
        try:
            int("no number")
        except ValueError as error:
            raise exception_group("outer", [error, inner]) from OSError("disk")

    group = read_exception(job.call(function)["exception"])
    assert (group.type, group.message) == ("ExceptionGroup", "outer (2 sub-exceptions)")
    assert [each.type for each in group.chain] == ["OSError"]
    number, inner = group.members
    assert number.message.startswith("invalid literal")
    assert number.frames[0].function == "function"
    assert (inner.notes, [each.message for each in inner.members]) == (["a note"], ["'deep'"])


@pytest.mark.skipif(sys.version_info < (3, 11), reason="as above")
def test_a_group_of_very_many_is_cut(job: Job) -> None:
    def function() -> None:
        raise exception_group("all", [ValueError(number) for number in range(1000)])

    group = read_exception(job.call(function)["exception"])
    assert [each.message for each in group.members] == [str(number) for number in range(10)]
    assert group.members_left_out == 990


def test_what_is_suppressed_is_not_told(job: Job) -> None:
    def function() -> None:
        try:
            int("no number")
        except ValueError:
            raise RuntimeError("no luck") from None

    assert job.call(function)["exception"]["chain"] == []


def fail_in_a_worker(number: int) -> None:
    raise ValueError(f"deep in a worker {number}")


def test_the_traceback_of_a_worker_process_is_told(job: Job) -> None:
    def function() -> None:
        with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
            list(pool.map(fail_in_a_worker, [7]))

    exception = job.call(function)["exception"]
    assert exception["message"] == "deep in a worker 7"
    (cause,) = exception["chain"]
    assert "Traceback (most recent call last)" in cause["message"]
    assert "in fail_in_a_worker" in cause["message"]


# --- lines of source ------------------------------------------------------------------------------------------------


def raise_in_a_module(job: Job, change: str) -> str:
    """The line that is shown of a module that came with the job, if its file is changed before it raises."""
    (job.scratch / "sent.py").write_text("def fail(change):\n    exec(change)\n    raise ValueError('no luck')\n")
    os.utime(job.scratch / "sent.py", (1, 1))

    def function(change: str) -> None:
        import sent  # type: ignore[import-not-found]

        sent.fail(change)

    exception = job.call(function, change)["exception"]
    assert exception["message"] == "no luck"
    line: str = exception["frames"][-1]["code"]
    return line


def test_the_line_of_a_module_is_shown(job: Job) -> None:
    assert raise_in_a_module(job, "") == "raise ValueError('no luck')"


def test_a_line_that_never_ran_is_not_shown(job: Job) -> None:
    assert raise_in_a_module(job, "open('sent.py', 'w').write('never_ran = 1\\n' * 9)") == ""


@pytest.mark.parametrize(
    "change",
    [
        "import os; os.remove('sent.py'); os.mkfifo('sent.py'); os.utime('sent.py', (1, 1))",
        "import os; os.remove('sent.py'); os.mkdir('sent.py')",
        "import os; os.truncate('sent.py', 10**10); os.utime('sent.py', (1, 1))",
    ],
    ids=["FIFO", "directory", "huge"],
)
def test_only_a_regular_file_of_bounded_size_is_opened_for_a_line(job: Job, change: str) -> None:
    assert raise_in_a_module(job, change) == ""


def test_code_that_names_a_fifo_does_not_hang(job: Job) -> None:
    os.mkfifo(job.scratch / "source")

    def function() -> None:
        exec(compile("raise ValueError('no luck')", "source", "exec"), {})  # noqa: S102 - what this is about

    assert job.call(function)["exception"]["frames"][-1]["code"] == ""


# --- local variables ------------------------------------------------------------------------------------------------


def test_local_variables_of_pythons_own_types_are_shown_short(job: Job) -> None:
    def function() -> None:
        number, large, text, raw = 17, 10**100_000, "x" * 1000, b"y" * 1000  # noqa: F841 - it is shown
        empty: Any = ((), [], {}, set(), frozenset(), None, ...)  # noqa: F841 - as above
        nested = {"a": [1, (2,)], 3: {"b"}, "deep": [[[[[[]]]]]], "long": list(range(1000))}  # noqa: F841 - as above
        raise ValueError("no luck")

    shown = locals_of(job, function)
    assert shown["number"] == "17"
    assert shown["large"] == "<int of 332193 bits>"
    assert shown["text"].startswith("'xxx")
    assert shown["raw"].startswith("b'yyy")
    assert shown["empty"] == "((), [], {}, set(), frozenset(), None, Ellipsis)"
    assert shown["nested"].startswith("{'a': [1, (2,)], 3: {'b'}, 'deep': [[[...]]], 'long': [0, 1, 2, 3, ")
    assert max(map(len, shown.values())) < 300


def test_no_repr_can_delay_or_harm_the_record(job: Job) -> None:
    class Sleeps:
        def __repr__(self) -> str:
            time.sleep(60)
            return "never"

    class Hangs:
        def __repr__(self) -> str:
            while True:
                try:
                    threading.Event().wait()
                except BaseException:  # noqa: BLE001, S112 - nothing may end it
                    continue

    class Ends:
        def __repr__(self) -> str:
            os._exit(0)

    class Prints:
        def __repr__(self) -> str:
            print("printed by a repr", flush=True)
            return "prints"

    class Raises:
        def __repr__(self) -> str:
            raise KeyError

    class Changes:
        def __init__(self) -> None:
            self.seen = 0

        def __repr__(self) -> str:
            self.seen += 1
            Path("seen").write_text(str(self.seen))
            return f"seen {self.seen}"

    def function(shall_be_bad: bool) -> None:
        good, sleeps, prints, raises, changes = 1, Sleeps(), Prints(), Raises(), Changes()  # noqa: F841 - shown
        bad = Hangs() if shall_be_bad else Ends()  # noqa: F841 - as above
        raise ValueError("no luck")

    for shall_be_bad in (False, True):
        began = time.monotonic()
        header = job.call(function, shall_be_bad)
        assert time.monotonic() - began < 20  # 5 s, on a machine that is busy
        exception = header["exception"]
        assert exception["message"] == "no luck"
        shown = exception["frames"][0]["locals"]
        assert shown["good"] == "1"
        assert shown["sleeps"] == "(Sleeps whose repr took more than 0.5 s)"
        assert (shown["prints"], shown["changes"]) == ("prints", "seen 1")
        assert shown["raises"] == "(Raises whose repr raised KeyError)"
        assert shown["bad"].endswith("whose repr did not come to an end)")
        assert job.printed() == ""
        (job.scratch / "outputs").unlink()


def test_no_text_of_an_exception_can_delay_the_record(job: Job) -> None:
    class SlowError(Exception):
        def __str__(self) -> str:
            time.sleep(60)
            return "never"

    def function() -> None:
        raise SlowError

    assert job.call(function)["exception"]["message"] == "(its __str__ took more than 0.5 s)"


@pytest.mark.parametrize("kind", ["bytes", "bytearray", "str", "list", "object"])
def test_much_data_in_hand_takes_no_more_memory(job: Job, kind: str) -> None:
    class Large:
        def __repr__(self) -> str:
            return repr(b"\0" * 100_000_000)

    def function(kind: str) -> None:
        large = {  # noqa: F841 - it is described
            "bytes": lambda: bytes(50_000_000),
            "bytearray": lambda: bytearray(50_000_000),
            "str": lambda: "\0" * 50_000_000,
            "list": lambda: [b"\0" * 50_000_000] * 3,
            "object": Large,
        }[kind]()
        # Four times as much is not there: to have it would raise, or end the process.
        has = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (has + 40_000_000, -1))
        raise ValueError("no luck")

    exception = job.call(function, kind)["exception"]
    assert exception["message"] == "no luck"
    assert "large" in exception["frames"][0]["locals"]
    assert len(json.dumps(exception)) < 5000


def test_local_variables_of_libraries_are_kept_out(job: Job) -> None:
    def function() -> None:
        json.loads("{")

    frames = job.call(function)["exception"]["frames"]
    assert len(frames) > 2
    assert all(frame["locals"] == {} for frame in frames[1:])


def test_very_many_variables_are_cut(job: Job) -> None:
    def function() -> None:
        exec("\n".join(f"v{number} = {number}" for number in range(1000)) + "\n1/0", {})  # noqa: S102 - quick to write

    assert len(job.call(function)["exception"]["frames"][-1]["locals"]) <= 30


def test_children_that_nobody_waits_for_do_not_keep_texts_from_being_made(job: Job) -> None:
    class Mine:
        def __repr__(self) -> str:
            return "mine"

    def function() -> None:
        mine = Mine()  # noqa: F841 - it is described
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        raise ValueError("no luck")

    assert locals_of(job, function)["mine"] == "mine"


def spin() -> None:
    while True:
        pass


def test_texts_are_made_while_other_threads_run(job: Job) -> None:
    class Mine:
        def __repr__(self) -> str:
            return "mine"

    def function() -> None:
        import warnings

        warnings.simplefilter("error")
        mine = Mine()  # noqa: F841 - it is described
        threading.Thread(target=spin, daemon=True).start()
        raise ValueError("no luck")

    assert locals_of(job, function)["mine"] == "mine"
