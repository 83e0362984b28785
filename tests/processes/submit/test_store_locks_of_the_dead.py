"""Mirrors htmap.store.locks: the lock of a process that was killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from htmap.store.locks import is_held

HOLD = """
import sys
from pathlib import Path
from htmap.store.locks import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_is_gone_with_its_process_however_that_ended(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert is_held(tmp_path / "lock")
        process.kill()
        process.wait()
        assert not is_held(tmp_path / "lock")
