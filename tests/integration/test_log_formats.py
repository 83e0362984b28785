"""An access point may write event logs as XML or JSON; a map does not mind."""

from __future__ import annotations

from pathlib import Path

import htmap
from htmap import ComponentStatus as Status

TIMEOUT_S = 120


def invert(x: int) -> float:
    return 1 / x


def test_a_log_in_xml_says_the_same(pool_home: Path) -> None:  # noqa: ARG001 - see there
    m = htmap.map(invert, range(3), map_options=htmap.MapOptions(log_xml=True), quiet=True)
    m.wait(TIMEOUT_S, errors_ok=True)
    assert m.opened.directory.events.read_bytes().startswith(b"<")
    assert m.component_statuses == [Status.ERRORED, Status.COMPLETED, Status.COMPLETED]
    assert m[1:] == [1.0, 0.5]
    m.rerun([0])
    m.wait(TIMEOUT_S, errors_ok=True)
    assert m.component_statuses[0] is Status.ERRORED
