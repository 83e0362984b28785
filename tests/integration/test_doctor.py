"""`htmap doctor` says what is wrong: without HTCondor, with a pool, with a schedd that is configured but dead."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from testbed.pool import Pool

TIMEOUT_S = 180

DEAD = "COLLECTOR_HOST = 127.0.0.1:1\nSCHEDD_ADDRESS_FILE = {folder}/address\n"
ADDRESS = "<127.0.0.1:1>\n$CondorVersion: 23.9.6 2024-08-08 $\n$CondorPlatform: X $\n"


class Doctor:
    """Runs the doctor with an HTMAP_DIR of its own."""

    def __init__(self, folder: Path) -> None:
        self._environment = {**os.environ, "HTMAP_DIR": str(folder / "htmap"), "HOME": str(folder)}

    def findings(self, code: int, **environment: str) -> dict[str, dict[str, Any]]:
        """What it finds, by subject; of several on one subject, the last."""
        ran = subprocess.run(
            [sys.executable, "-m", "htmap", "doctor", "--json"],
            env={**self._environment, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )
        assert ran.returncode == code, ran
        return {each["subject"]: each for each in json.loads(ran.stdout)}


@pytest.fixture
def doctor(tmp_path: Path) -> Doctor:
    return Doctor(tmp_path)


def test_a_pool_is_well(doctor: Doctor, pool: Pool) -> None:
    found = doctor.findings(0, CONDOR_CONFIG=str(pool.config))
    assert str(pool.config) in found["backend"]["text"]
    assert found["schedd"]["grade"] == "ok"
    assert f"answers, HTCondor {pool.condor.version()}" in found["schedd"]["text"]
    assert found["execute nodes"]["text"].startswith("1 machine: ")


def test_a_schedd_that_is_named_and_unknown_is_a_problem(doctor: Doctor, pool: Pool) -> None:
    found = doctor.findings(1, CONDOR_CONFIG=str(pool.config), HTMAP_HTCONDOR__SCHEDULER="nobody@nowhere")
    assert found["schedd"]["grade"] == "problem"
    assert "HTCONDOR.SCHEDULER" in found["schedd"]["text"]


def test_a_schedd_that_is_configured_but_dead_is_a_problem(doctor: Doctor, tmp_path: Path) -> None:
    config = tmp_path / "condor_config"
    config.write_text(DEAD.format(folder=tmp_path))
    (tmp_path / "address").write_text(ADDRESS)
    found = doctor.findings(1, CONDOR_CONFIG=str(config))
    assert found["schedd"]["grade"] == "problem"
    assert "HTCondor cannot be reached" in found["schedd"]["text"]
    assert 'BACKEND = "local"' in found["schedd"]["text"]
    assert "execute nodes" not in found


def test_without_htcondor_maps_run_on_this_machine(doctor: Doctor) -> None:
    found = doctor.findings(0, HTMAP_BACKEND="local")
    assert found["backend"]["text"].startswith("local, ")
    assert found["HTCondor"]["grade"] == "note"
    assert "schedd" not in found
