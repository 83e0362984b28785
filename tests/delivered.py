# ruff: noqa: PLC0415, T201 - what runs on a node imports what it needs there, and prints as users do
"""One map that shows a delivery method at work: argument, result, input file, output file, checkpoint, exception.

In: a queue that htmap is set to, a delivery method that is chosen. Out: assertions.
On the other side: an execute node, or an image, which has nothing of this module: what runs there travels by value.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

import htmap
from htmap import ComponentStatus as Status
from htmap.exceptions import MapComponentError

TIMEOUT_S = 180
# In which a component has most often written its checkpoint. If it has not, it is vacated again, with more patience.
SETTLED_S = 3.0


def work(kind: str, path: Path) -> Any:
    """Do one of the three things that are looked at."""
    import os
    import sys
    import time
    from pathlib import Path

    import htmap

    text = path.read_text()
    if kind == "raise":
        raise ValueError(f"on purpose, after reading {text}")
    if kind == "checkpoint":
        steps = Path("steps")
        while not steps.exists():
            Path("steps.new").write_text(text)
            Path("steps.new").rename(steps)
            htmap.checkpoint(steps)
            while True:
                time.sleep(0.05)
        return steps.read_text() + " from before"
    Path("made.txt").write_text(text.upper())
    htmap.transfer_output_files("made.txt")
    print("hello from", kind)
    return {
        "text": text,
        "python": sys.version_info[:2],
        "executable": sys.executable,
        "prefix": sys.prefix,
        "uid": os.getuid(),
        "release": Path("/etc/os-release").read_text(),
        "runner": sys.modules["htmap_exec"].__file__,
    }


def drive(folder: Path, **options: Any) -> dict[str, Any]:
    """Run the map by the delivery method that is set, and look at all of it; what the plain component returned.

    Parameters
    ----------
    folder
        For the input file.
    options
        Map options.
    """
    path = folder / "input with space.txt"
    path.write_text("some text")
    inputs = [(kind, htmap.TransferPath(path)) for kind in ("return", "raise", "checkpoint")]
    m = htmap.starmap(work, inputs, map_options=htmap.MapOptions(**options), quiet=True)
    return look_at(m)


def look_at(m: htmap.Map) -> dict[str, Any]:
    """Bring a map of `work` to its end, vacating what waits for it, and look at all of it."""
    _vacate_until_done(m)
    assert m.component_statuses == [Status.COMPLETED, Status.ERRORED, Status.COMPLETED], explained(m)
    with pytest.raises(MapComponentError) as error:
        m.get(1)
    assert isinstance(error.value.__cause__, ValueError)
    assert str(error.value.__cause__) == "on purpose, after reading some text"
    assert m.get(2) == "some text from before"
    assert (m.output_files[0] / "made.txt").read_text() == "SOME TEXT"
    assert m.stdout[0] == "hello from return\n"
    returned: dict[str, Any] = m.get(0)
    assert returned["text"] == "some text"
    return returned


def _vacate_until_done(m: htmap.Map) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    since, settled_s = None, SETTLED_S
    while m.is_active:
        assert time.monotonic() < deadline, explained(m)
        assert not m.holds, explained(m)
        if m.component_statuses[2] is not Status.RUNNING:
            since = None
        elif since is None:
            since = time.monotonic()
        elif time.monotonic() - since > settled_s and m.component_statuses[:2] == [Status.COMPLETED, Status.ERRORED]:
            m.vacate()
            since, settled_s = None, 2 * settled_s
        time.sleep(0.1)


def held(folder: Path, **options: Any) -> str:
    """Run one component by the delivery method that is set, which must be held; why."""
    path = folder / "input"
    path.write_text("some text")
    m = htmap.starmap(work, [("return", htmap.TransferPath(path))], map_options=htmap.MapOptions(**options), quiet=True)
    deadline = time.monotonic() + TIMEOUT_S
    while not m.holds:
        assert time.monotonic() < deadline, explained(m)
        assert m.is_active, explained(m)
        time.sleep(0.1)
    return m.holds[0].reason


def error_of(folder: Path, **options: Any) -> str:
    """Run one component by the delivery method that is set, which must end in an error; its report."""
    path = folder / "input"
    path.write_text("some text")
    m = htmap.starmap(work, [("return", htmap.TransferPath(path))], map_options=htmap.MapOptions(**options), quiet=True)
    m.wait(TIMEOUT_S, errors_ok=True)
    return m.get_err(0).report()


def explained(m: htmap.Map) -> str:
    """All that a map says of itself, for the message of a failed test."""
    reports = "\n".join(m.error_reports())
    directory = m.opened.directory
    logs = "\n".join(path.read_text(errors="replace") for path in directory.submission(0).logs.glob("*/*"))
    events = directory.events.read_text(errors="replace")[-3000:]
    return f"{m.status()}\n{m.hold_report()}\n{reports}\n{logs}\n{events}"
