"""Mirrors htmap.chunking: how many components share a job. How it learns is shown in tests/conformance."""

from __future__ import annotations

import pytest

from htmap import settings
from htmap.chunking import _size


@pytest.fixture(autouse=True)
def _two_slots() -> None:
    settings["LOCAL.SLOTS"] = 2


@pytest.mark.parametrize(
    ("wanted", "each_s", "total", "backend", "expected"),
    [
        ("10min", 1.0, None, "htcondor", 600),
        ("10min", 1.0, 50, "htcondor", 50),  # no more than there are
        ("10min", 7200.0, None, "htcondor", 1),
        ("auto", 1.0, None, "htcondor", 600),  # ten minutes, if nobody knows how many there are
        ("auto", 1.0, 1_000_000, "htcondor", 600),
        ("auto", 1.0, 10_000, "htcondor", 100),  # a hundred jobs
        ("auto", 1.0, 1_000, "htcondor", 60),  # but none shorter than a minute
        ("auto", 3600.0, 1_000, "htcondor", 1),
        ("auto", 0.001, 10_000, "local", 1250),  # four jobs for each slot
        ("auto", 0.001, 100, "local", 100),
        ("auto", 5.0, 100, "local", 12),
        ("auto", 0.0, 10**9, "local", 600_000),
    ],
)
def test_a_job_is_neither_too_short_nor_too_long(
    wanted: str, each_s: float, total: int | None, backend: str, expected: int
) -> None:
    assert _size(wanted, each_s, total, backend) in {expected, expected + 1}
