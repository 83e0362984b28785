"""A thousandth of what ``python tools/mutations`` does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_readers_bear_files_that_have_gone_wrong() -> None:
    command = [sys.executable, str(ROOT / "tools/mutations"), "1000", "--api", "20", "--seed", "7"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "0 not borne" in ended.stdout
    assert "20 looked at" in ended.stdout
