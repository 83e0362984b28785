"""HTCondor is configured, but it does not answer: an error with a hint, and never a silent fall back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import htmap
try:
    htmap.map(abs, [1], tag="lost", quiet=True)
except htmap.exceptions.BackendNotAvailable as error:
    print(error)
print(htmap.get_tags())
"""

CONFIGURATIONS = {
    "nobody listens": "COLLECTOR_HOST = 127.0.0.1:1\nLOCAL_DIR = {folder}\n",
    "the address is of one that died": "COLLECTOR_HOST = 127.0.0.1:1\nSCHEDD_ADDRESS_FILE = {folder}/address\n",
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_dead_schedd_is_an_error_with_a_hint(name: str, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(CONFIGURATIONS[name].format(folder=tmp_path))
    (tmp_path / "address").write_text("<127.0.0.1:1>\n$CondorVersion: 23.9.6 2024-08-08 $\n$CondorPlatform: X $\n")
    environment = {**os.environ, "CONDOR_CONFIG": str(config), "HTMAP_DIR": str(tmp_path / "home")}
    printed = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=120, env=environment
    )
    assert "HTCondor cannot be reached" in printed.stdout
    assert "BACKEND" in printed.stdout
    assert printed.stdout.endswith("()\n")


def test_importing_htmap_imports_no_bindings_and_nothing_heavy() -> None:
    script = "import sys, htmap; print([name for name in sys.modules if name in %r])"
    heavy = ["htcondor2", "classad2", "htcondor", "rich", "psutil", "sqlite3", "numpy", "asyncio", "click"]
    printed = subprocess.run(
        [sys.executable, "-c", script % heavy], capture_output=True, text=True, check=True, timeout=60
    )
    assert printed.stdout.strip() == "[]"
