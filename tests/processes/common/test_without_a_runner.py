"""A function of a map that is called on the submit side, where there is no runner."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_without_a_runner_the_calls_do_nothing(tmp_path: Path) -> None:
    code = "import htmap_common; htmap_common.checkpoint('x'); htmap_common.transfer_output_files('x', 'y')"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []
