"""What is quick starts no process: a wall around the units.

In: whatever a test does. Out: the test fails if it has started a process. On the other side: Python's audit events.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

_STARTS = {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system", "os.exec"}

# An audit hook cannot be taken back, so one is there for good and looks at this; None: nobody watches.
_started: list[str] | None = None


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if _started is not None and event in _STARTS:
        _started.append(f"{event} {arguments[:2]}")


sys.addaudithook(_note)


@pytest.fixture(autouse=True)
def starts_no_process() -> Iterator[None]:
    """Fail a test of the quick loop that starts a process."""
    global _started  # noqa: PLW0603 - see above
    _started = []
    yield
    started, _started = _started, None
    assert not started, f"a test that starts processes lies in tests/processes; this one started {started}"
