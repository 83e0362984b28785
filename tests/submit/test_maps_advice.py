"""Mirrors htmap.maps.advice: what to ask for next time, and nothing from too few."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from tests.submit import event_text
from tests.submit.conftest import MakeMap
from tests.submit.fake_backend import FakeBackend

from htmap.maps.advice import ENOUGH
from htmap.maps.readable import ReadableMap


def ended(
    make_map: MakeMap,
    fake: FakeBackend,
    memory_mb: Sequence[int],
    *,
    request_mb: int = 8192,
    disk_kb: int = 900_000,
    request_disk_kb: int = 1_048_576,
    cpus: float = 0.9,
    request_cpus: int = 1,
    seconds: int = 30,
) -> ReadableMap:
    """A map of which every job has ended, having used so much."""
    m = make_map(str, range(len(memory_mb)))
    for proc, used_mb in enumerate(memory_mb):
        job = (1, proc)
        fake.log(proc, event_text.executing(job, when="2026-03-01 10:00:00"))
        rows = (
            "\tPartitionable Resources :    Usage  Request Allocated",
            f"\t   Cpus                 : {cpus:>8.2f} {request_cpus:>8} {request_cpus:>9}",
            f"\t   Disk (KB)            : {disk_kb:>8} {request_disk_kb:>8} {request_disk_kb:>9}",
            f"\t   Memory (MB)          : {used_mb:>8} {request_mb:>8} {request_mb:>9}",
        )
        when = f"2026-03-01 10:{seconds // 60:02}:{seconds % 60:02}"
        ending = "\t(1) Normal termination (return value 0)"
        fake.log(proc, event_text.event(5, job, "Job terminated.", ending, *rows, when=when))
    return m


def test_too_large_a_request_is_named_with_what_was_used(make_map: MakeMap, fake: FakeBackend) -> None:
    m = ended(make_map, fake, [*range(381, 400), 480])
    assert m.advice() == [
        'asked for 8.0 GB, 95 % of 20 jobs used at most 399 MB, the largest 480 MB: request_memory="600MB"'
    ]


@pytest.mark.parametrize(("used_mb", "advised"), [(7300, True), (7500, True), (6000, False)])
def test_a_request_of_which_little_was_left_is_too_small(
    used_mb: int, advised: bool, make_map: MakeMap, fake: FakeBackend
) -> None:
    found = ended(make_map, fake, [used_mb] * ENOUGH, request_mb=8000).advice()
    assert bool(found) == advised
    if advised:
        wanted = re.search(r'request_memory="(\d+)MB"', found[0])
        assert wanted is not None
        assert int(wanted[1]) >= 1.25 * used_mb, "applied, nobody is held for it"


def test_too_few_jobs_tell_nothing(make_map: MakeMap, fake: FakeBackend) -> None:
    assert ended(make_map, fake, [10] * (ENOUGH - 1)).advice() == []
    assert make_map(str, range(20), tag="idle").advice() == []


def test_idle_cores_and_unused_disk_are_named(make_map: MakeMap, fake: FakeBackend) -> None:
    m = ended(make_map, fake, [6000] * ENOUGH, cpus=1.4, request_cpus=8, disk_kb=10_000)
    disk, cores = m.advice()
    assert disk.endswith('request_disk="100MB"')
    assert cores == "asked for 8 cores, no job kept more than 1.4 busy: request_cpus=2"


def test_many_short_jobs_should_share(make_map: MakeMap, fake: FakeBackend) -> None:
    fake.name = "local"
    m = ended(make_map, fake, [6000] * 100, seconds=0)
    assert m.advice() == [
        "half of 100 jobs took at most 0:00:00, hardly longer than it takes to start them: chunksize=60"
    ]


def test_components_held_for_their_memory_are_spoken_of_in_any_case(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(str, range(2))
    fake.log(0, event_text.image_size((1, 0), 300))
    fake.hold(0, 34, 102, "used too much")
    fake.hold(1, 34, 104, "disk")
    assert m.advice() == ['1 held for using more than 300 MB: request_memory="600MB"']
