"""Mirrors htmap.observe.pace: looks that get rarer, until a deadline."""

from __future__ import annotations

import builtins
import datetime as dt
import time
from typing import Any

import numpy as np
import pytest

from htmap.exceptions import InvalidOption, TimeoutError  # noqa: A004 - ours
from htmap.observe.pace import Deadline, Pacer, seconds, wait_until


def after(looks: int) -> tuple[list[int], object]:
    """Something that comes true at the given look, counted from 0."""
    seen: list[int] = []

    def is_true() -> bool:
        seen.append(len(seen))
        return len(seen) > looks

    return seen, is_true


def wait(is_true: object, timeout: float | dt.timedelta | None, longest_s: float = 0.001, news: bool = True) -> None:
    wait_until(is_true, lambda: news, longest_s, timeout, lambda: "a miracle")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("timeout", "expected"),
    [
        (None, None),
        (0, 0),
        (1.5, 1.5),
        (dt.timedelta(minutes=2), 120.0),
        (-1, -1),
        (np.int64(3), 3.0),
        (np.float32(1.5), 1.5),
    ],
)
def test_a_timeout_is_in_seconds(timeout: float | dt.timedelta | None, expected: float | None) -> None:
    assert seconds(timeout) == expected


@pytest.mark.parametrize("timeout", [None, 0, -1, dt.timedelta(0), dt.timedelta(hours=1)])
def test_what_is_true_already_needs_no_time(timeout: float | dt.timedelta | None) -> None:
    seen, is_true = after(0)
    wait(is_true, timeout, longest_s=1000)
    assert seen == [0]


@pytest.mark.parametrize("timeout", [0, -1, 0.01, dt.timedelta(milliseconds=10)])
def test_what_does_not_come_true_in_time_is_named(timeout: float | dt.timedelta) -> None:
    with pytest.raises(TimeoutError, match=r"^Timed out while waiting for a miracle\.$") as caught:
        wait(lambda: False, timeout)
    assert isinstance(caught.value, builtins.TimeoutError)


def test_what_comes_true_is_waited_for() -> None:
    seen, is_true = after(5)
    wait(is_true, None)
    assert len(seen) == 6


def test_a_deadline_is_not_slept_past() -> None:
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        wait(lambda: False, 0.02, longest_s=1000, news=False)
    assert time.monotonic() - started < 5


def test_looks_get_rarer_without_news_and_quicker_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    pacer = Pacer(longest_s=0.1)
    for _ in range(20):
        pacer.pause()
    assert pauses == sorted(pauses)
    assert pauses[0] < 0.01
    assert pauses[-1] == 0.1
    pacer.saw_news()
    pacer.pause()
    assert pauses[-1] == pauses[0]
    pacer.pause(at_most_s=-3)
    assert pauses[-1] == 0


def test_without_a_deadline_there_is_all_the_time_of_the_world() -> None:
    assert Deadline(None).remaining_s() == float("inf")
    Deadline(None).check(lambda: pytest.fail("asked what for"))
    assert Deadline(100).remaining_s() > 90


@pytest.mark.parametrize("timeout", ["x", float("nan"), [1], "10"])
def test_what_is_no_timeout_is_refused(timeout: Any) -> None:
    with pytest.raises(InvalidOption, match="A timeout must be a number of seconds"):
        Deadline(timeout)
