"""Mirrors htmap.maps.why: what keeps components from running, said with the next step."""

from __future__ import annotations

import pytest
from tests.submit import event_text
from tests.submit.conftest import MakeMap
from tests.submit.fake_backend import FakeBackend

from htmap.backend.protocol import Condition, Prospects
from htmap.exceptions import BackendNotAvailable, NoSuchComponent

MEMORY = Condition("TARGET.Memory >= RequestMemory", 0, "Memory", 1_000_000)
ARCH = Condition('TARGET.Arch == "X86_64"', 8)


def test_what_no_machine_satisfies_is_named_with_what_the_largest_has(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(str, range(3))
    fake.pool = Prospects(10, 0, [ARCH, MEMORY, Condition("true", 10)], {"Memory": 64 * 1024})
    text = m.why(1)
    assert text.startswith("Component 1 is IDLE.")
    assert "None of the 10 machines of the pool satisfies" in text
    assert "TARGET.Memory >= RequestMemory (asked for 977 GB; the largest machine has 64 GB)" in text
    assert '8 machines satisfy TARGET.Arch == "X86_64"' in text
    assert "true" not in text
    assert "map.set_memory()" in text


def test_conditions_that_no_machine_satisfies_together_are_counted(make_map: MakeMap, fake: FakeBackend) -> None:
    fake.pool = Prospects(10, 0, [ARCH, Condition("TARGET.HasGpu", 2)])
    text = make_map(str, [1]).why()
    assert text.startswith("1 component is IDLE: 0")
    assert "no machine satisfies all" in text
    assert "2 satisfy TARGET.HasGpu" in text


def test_what_could_run_waits_for_its_turn(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(str, [1])
    fake.pool = Prospects(10, 3, [ARCH])
    assert "3 machines of 10 can run it" in m.why()
    assert "better priority" in m.why()
    fake.pool = Prospects(10, 3, [ARCH], rejection="insufficient priority")
    assert "insufficient priority" in m.why()
    fake.pool = Prospects(0, 0)
    assert "no machine now" in m.why()


def test_slots_are_busy_with_maps_that_have_names(make_map: MakeMap, fake: FakeBackend) -> None:
    other = make_map(str, [1], tag="other")
    m = make_map(str, [1])
    uids = {m.opened.directory.uid: 1, other.opened.directory.uid: 2, "gone": 1}
    fake.pool = Prospects(4, 4, busy_with=uids)
    assert "All 4 slots of this machine are busy: 2 by map other, 1 by this map, 1 by another map." in m.why()
    assert "LOCAL.SLOTS" in m.why()


def test_each_status_has_a_paragraph(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(lambda x: 1 / x, [0, 1, 2, 3, 4])
    fake.run(0, 1)
    fake.start(2)
    fake.hold(3, 34, 102, "Used\x1b[2J 200 MB of 128 MB")
    fake.log(4, event_text.aborted((1, 4)))
    errored, held, running, removed, completed = (each.splitlines() for each in _ordered(m.why()))
    assert errored == [
        "1 component is ERRORED: 0",
        "  1 of the first 1: ZeroDivisionError: division by zero",
        "  `htmap errors` says more; `htmap rerun failed` tries again.",
    ]
    assert held[1] == r"  3: [34] Used\x1b[2J 200 MB of 128 MB"
    assert "set_memory" in held[2]
    assert running == ["1 component is RUNNING: 2", "  1 on node7."]
    assert "taken out of the queue" in removed[1]
    assert completed == ["1 component is COMPLETED: 1"]


def _ordered(text: str) -> list[str]:
    order = ["ERRORED", "HELD", "RUNNING", "REMOVED", "COMPLETED"]
    return sorted(text.split("\n\n"), key=lambda part: order.index(part.splitlines()[0].split()[3].rstrip(":")))


def test_evictions_are_told(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(str, [1])
    for _ in range(2):
        fake.log(0, event_text.executing((1, 0)))
        fake.log(0, event_text.evicted((1, 0)))
    assert "has been started 2 times, and evicted 2 times" in m.why(0)


def test_a_queue_that_cannot_be_asked_or_says_nothing_is_no_error(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(str, [1])
    assert "says nothing" in m.why()
    fake.refusal = BackendNotAvailable("gone fishing")
    assert "gone fishing" in m.why()
    with pytest.raises(NoSuchComponent):
        m.why(1)
