"""Errors come back whole: what led to them, what they are made of, and nothing that harms or deceives."""

from __future__ import annotations

import builtins
import importlib
import sys
import time
from concurrent.futures import ProcessPoolExecutor

import pytest

import htmap
from htmap.exceptions import MapComponentError, WrongType

TIMEOUT_S = 120


def error_of(function, options=None):
    m = htmap.map(function, [7], options, quiet=True)
    with pytest.raises(MapComponentError) as caught:
        m.get(0, timeout=TIMEOUT_S)
    return caught.value, m.get_err(0).report()


def raise_from(x):
    try:
        return {"host": 1}[f"port{x}"]
    except KeyError as error:
        vars(error)["__notes__"] = ["a note"]
        raise RuntimeError("cannot read the settings") from error


def test_causes_and_notes_are_in_messages_reports_and_the_exception_itself() -> None:
    error, report = error_of(raise_from)
    for text in (str(error), report):
        assert text.index("KeyError: 'port7'") < text.index("a note") < text.index("direct cause")
        assert text.index("direct cause") < text.index("RuntimeError: cannot read the settings")
    assert type(error.__cause__) is RuntimeError
    assert type(error.__cause__.__cause__) is KeyError


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python has groups of exceptions from 3.11 on")
def test_members_of_a_group_are_told() -> None:
    def function(x):
        raise vars(builtins)["ExceptionGroup"]("both", [ValueError(f"first {x}"), OSError("second")])

    error, report = error_of(function)
    for text in (str(error), report):
        for words in ("ExceptionGroup: both", "| ValueError: first 7", "| OSError: second"):
            assert words in text


def fail(x):
    raise ValueError(f"deep in a worker {x}")


def in_a_pool(x):
    with ProcessPoolExecutor(1) as pool:
        return list(pool.map(fail, [x]))


def test_the_traceback_of_a_worker_process_is_told() -> None:
    error, report = error_of(in_a_pool)
    for text in (str(error), report):
        assert "In a worker process:" in text
        assert text.count("deep in a worker 7") == 2
        assert "in fail" in text


class Slow:
    def __repr__(self) -> str:
        time.sleep(600)
        return "slow"


def with_values(x):
    secret, slow, large = "open sesame", Slow(), bytes(50_000_000)
    raise ValueError(f"no luck with {x}: {len(secret)} {slow is None} {len(large)}")


def test_local_variables_are_shown_short_and_soon() -> None:
    _, report = error_of(with_values)
    assert "secret = 'open sesame'" in report
    assert "slow = (Slow whose repr took more than 0.5 s)" in report
    assert len(report) < 10_000


def test_local_variables_can_be_left_out() -> None:
    error, report = error_of(with_values, htmap.MapOptions(show_locals=False))
    for text in (str(error), report):
        assert "no luck with 7" in text
        assert "sesame" not in text
    htmap.settings["MAP_OPTIONS"] = {"show_locals": False}
    assert "sesame" not in error_of(with_values)[1]


def test_what_cannot_be_called_is_refused_before_submission() -> None:
    async def later(x):
        return x

    with pytest.raises(WrongType, match="use starmap"):
        htmap.map(lambda x, y: x + y, [(1, 2)], quiet=True)
    with pytest.raises(WrongType, match="async function"):
        htmap.map(later, [1], quiet=True)
    assert htmap.get_tags() == ()


def test_a_missing_part_of_a_package_is_not_the_whole() -> None:
    error, _ = error_of(lambda _: importlib.import_module("email.nosuchpart"))
    assert "This node has email" in str(error)
    assert "no part 'email.nosuchpart'" in str(error)
