"""No node of these tests leans on what somebody installed on the machine, in its system or below a home."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import htmap

# What the Python below the environment of the tests looks into, and that environment does not.
ASK = "import json, site; print(json.dumps([*site.getsitepackages(), site.getusersitepackages()]))"


def folders_of_the_machine() -> set[str]:
    base = Path(sys.executable).resolve()
    printed = subprocess.run([base, "-c", ASK], capture_output=True, text=True, check=True, timeout=60).stdout
    return {os.path.realpath(folder) for folder in json.loads(printed)}


def test_what_the_machine_has_installed_is_not_seen_by_a_node() -> None:
    def where_is_looked(_):
        import os
        import sys

        return [os.path.realpath(folder) for folder in sys.path]

    theirs = folders_of_the_machine()
    assert theirs
    looked = set(htmap.map(where_is_looked, [None]).get(0))
    assert looked
    assert not looked & theirs


def test_a_node_of_the_pool_has_nothing_installed_but_what_travels(backend) -> None:
    def installed(_):
        from importlib.metadata import distributions

        return sorted({distribution.metadata["Name"] for distribution in distributions()})

    names = htmap.map(installed, [None]).get(0)
    # The local backend runs the interpreter of the submit side, with all that the tests' own environment has.
    assert ("pytest" in names) == (backend == "local")
    if backend == "htcondor":
        assert names == []
