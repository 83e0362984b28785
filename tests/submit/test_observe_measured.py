"""Mirrors htmap.observe.measured: when, where, how much, as far as an event says so."""

from __future__ import annotations

import datetime as dt

import pytest
from tests.submit import event_text as text

from htmap.observe.measured import Resources, host_of, resources_of, when_of

JOB = (1, 0)
NOON = dt.datetime(2026, 3, 1, 10, 0, 0).astimezone().timestamp()
NOON_UTC = dt.datetime(2026, 3, 1, 10, 0, 0, tzinfo=dt.timezone.utc).timestamp()

TABLE = """005 (001.000.000) 2026-03-01 10:00:00 Job terminated.
\t(1) Normal termination (return value 0)
\tPartitionable Resources :    Usage  Request Allocated
\t   Cpus                 :{cpus:>9}        2         2
\t   Disk (KB)            :{disk:>9}     1024    200000
\t   Memory (MB)          :{memory:>9}      128       256

\tJob terminated of its own accord at 2026-03-01T10:00:00Z with exit-code 0."""


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (text.ISO, NOON),
        (text.SUB_SECOND, NOON),
        (text.UTC, NOON_UTC),
        (text.UTC_SUB_SECOND, NOON_UTC),
        (text.OLD, 0),
        ("2026-99-01 10:00:00", pytest.approx(NOON, abs=10 * 365 * 86400)),
        ("9999999999", 0),
    ],
)
def test_an_event_has_a_time_if_its_year_is_written(when: str, expected: float) -> None:
    assert when_of(text.executing(JOB, when=when)) == expected


def test_a_host_is_named_by_its_alias_or_its_slot() -> None:
    assert host_of(text.executing(JOB)) == b"node7"
    address = "<10.0.0.7:9618?addrs=10.0.0.7-9618&alias=n8.example.org&noUDP&sock=startd_1>"
    assert host_of(f"001 (1.0.000) {text.ISO} Job executing on host: {address}\n".encode()) == b"n8.example.org"
    assert host_of(b"001 (1.0.000) x Job executing on host: <10.0.0.7:1>\n\tSlotName: slot1_2@node9\n") == b"node9"
    assert host_of(b"001 (1.0.000) x Job executing on host: <10.0.0.7:1>") == b""


def test_what_a_job_used_stands_beside_what_it_asked_for() -> None:
    whole = TABLE.format(cpus="0.50", disk="102", memory="21").encode()
    assert resources_of(whole) == Resources(50, 2, 102, 1024, 21, 128)


def test_what_was_not_measured_is_nothing() -> None:
    part = TABLE.format(cpus="", disk="102", memory="").encode()
    assert resources_of(part) == Resources(0, 2, 102, 1024, 0, 128)
    assert resources_of(b"005 (1.0.000) x Job terminated.") == Resources()


@pytest.mark.parametrize("amount", ["nan", "-3", "1e99", "many", "99999999999999"])
def test_garbage_in_the_table_breaks_nothing(amount: str) -> None:
    found = resources_of(TABLE.format(cpus=amount, disk=amount, memory=amount).encode())
    assert all(0 <= number < 2**32 for number in found)
