"""The command line and the status functions say the same of a map on every backend."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import time
from pathlib import Path

import htmap


def divide(x):
    print(f"dividing by {x}")
    return 12 / x


def run(*words: str):
    return subprocess.run(
        [sys.executable, "-m", "htmap", *words], capture_output=True, text=True, check=False, timeout=120
    )


def test_a_map_is_seen_from_the_command_line():
    m = htmap.map(divide, range(4), tag="divide", quiet=True)
    waited = run("wait", "divide", "--timeout", "100")
    assert waited.returncode == 4, waited
    assert "1 ERRORED, 3 COMPLETED" in waited.stderr
    assert run("stdout", "divide", "3").stdout == "dividing by 3\n"
    assert "1 component: ZeroDivisionError at test_command_line.py:" in run("errors", "divide").stdout
    assert run("components", "divide", "--status", "COMPLETED").stdout == "1\n2\n3\n"
    debugged = run("debug", "divide", "2")
    assert (debugged.returncode, debugged.stdout) == (0, "dividing by 2\n6.0\n")
    shown = json.loads(run("show", "divide", "--json").stdout)
    assert shown["backend"] == htmap.settings["BACKEND"]
    found = json.loads(htmap.status_json())["divide"]
    assert found["component_statuses"] == shown["component_statuses"]
    assert found["component_statuses"]["COMPLETED"] == 3
    assert found["local_data"] == m.local_data
    (row,) = csv.DictReader(io.StringIO(htmap.status_csv()))
    assert (row["tag"], row["ERRORED"], row["problem"]) == ("divide", "1", "")
    assert htmap.status().splitlines()[1].split()[0] == "divide"
    assert run("rerun", "failed", "divide").returncode == 0
    assert run("wait", "divide", "--timeout", "100").returncode == 4
    assert run("remove", "divide").returncode == 0
    assert run("tags").stdout == ""


def test_holds_are_seen_and_ended_from_the_command_line(tmp_path):
    gate = tmp_path / "gate"

    def wait_for(path):
        while not Path(path).exists():
            time.sleep(0.1)

    htmap.map(wait_for, [str(gate)] * 3, tag="held", quiet=True)
    assert run("hold", "held").returncode == 0
    assert run("wait", "held", "--timeout", "100").returncode == 5
    assert "3 held components" in run("reasons", "held").stdout
    assert run("edit", "memory", "held", "64MB").returncode == 0
    gate.touch()
    assert run("release", "held").returncode == 0
    assert run("wait", "held", "--timeout", "100").returncode == 0
