"""Mirrors htmap.cli.doctor and htmap.cli.checks, as far as that needs no pool (tests/integration/test_doctor.py)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.processes.cli.place import Place

from htmap.backend import select
from htmap.backend.protocol import PoolCondition
from htmap.cli import checks
from htmap.cli.checks import Finding, Grade, all_findings
from htmap.settings import Settings
from htmap.store.mapdir import Home


def test_a_machine_without_htcondor_is_well(place: Place) -> None:
    said = place.htmap("doctor")
    assert "All is well." in said
    assert "local, 2 jobs at a time" in said
    assert str(place.htmap_dir) in said
    assert max(map(len, said.splitlines())) <= 100


def test_what_is_wrong_is_listed_and_ends_with_1(place: Place) -> None:
    (place.home / ".htmaprc").write_text('LOCAL = "many"\n')
    ran = place.run("doctor", HTMAP_BACKEND="slurm")
    assert ran.code == 1
    assert "LOCAL must be a table of settings, not 'many'" in ran.out.replace("\n", " ")
    (place.home / ".htmaprc").unlink()
    ran = place.run("doctor", HTMAP_BACKEND="slurm", HTMAP_LOCAL__SLOTS="many")
    assert ran.code == 1
    assert "LOCAL.SLOTS must be a whole number" in ran.out.replace("\n", " ")
    ran = place.run("doctor", HTMAP_BACKEND="slurm", HTMAP_LOG_LEVEL="loud", HTMAP_DELIVERY_METHOD="pigeon")
    assert ran.code == 1
    assert ran.out.count("problem ") == 3
    assert "3 problems found." in ran.out


def found(settings: Settings) -> dict[str, Finding]:
    return {each.subject: each for each in all_findings(settings)}


@pytest.fixture(autouse=True)
def _bare_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONDOR_CONFIG", raising=False)
    monkeypatch.setattr(select, "_CONFIGURATIONS", ())


def test_auto_without_htcondor_says_how_to_get_to_a_pool(own_settings: Settings) -> None:
    note = found(own_settings)["HTCondor"]
    assert note.grade is Grade.NOTE
    assert "HTCONDOR.SCHEDULER" in note.advice
    own_settings["HTMAP_DIR"] = "/proc/nowhere"
    assert found(own_settings)["HTMAP_DIR"].grade is Grade.BAD


def test_a_pool_that_is_there_but_not_used_is_noted(own_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONDOR_CONFIG", "/some/config")
    own_settings["BACKEND"] = "local"
    assert "/some/config" in found(own_settings)["HTCondor"].text


def test_broken_maps_are_counted(own_settings: Settings, home: Home) -> None:
    (home.maps / "2024").mkdir()
    assert found(own_settings)["maps"].text.startswith("1 ")


@pytest.mark.parametrize(("kind", "grade"), [("ext4", Grade.GOOD), ("nfs4", Grade.NOTE), ("tmpfs", Grade.NOTE)])
def test_shared_and_fleeting_file_systems_are_noted(
    kind: str, grade: Grade, own_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "file_system_of", lambda _path: kind)
    assert found(own_settings)["HTMAP_DIR"].grade is grade
    assert kind in found(own_settings)["HTMAP_DIR"].text


def test_the_file_system_of_a_path_is_that_of_its_mount() -> None:
    assert checks.file_system_of(Path("/proc/self")) == "proc"
    assert checks.file_system_of(Path("/")) not in {"", "proc"}


def test_a_full_disk_is_a_problem(own_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_FEW_BYTES", 1 << 70)
    assert found(own_settings)["disk"].grade is Grade.BAD
    assert "htmap clean" in found(own_settings)["disk"].advice


@pytest.mark.parametrize(("says", "grade"), [("", Grade.GOOD), ("Block limit reached on /home", Grade.BAD)])
def test_a_quota_that_is_used_up_is_a_problem(
    says: str, grade: Grade, own_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "quota"
    program.write_text(f'#!/bin/sh\necho "{says}"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert found(own_settings)["quota"].grade is grade


@pytest.mark.parametrize(
    ("condition", "subject", "grade", "text"),
    [
        (PoolCondition("s", "25.0.1", None, "no answer"), "collector", Grade.BAD, "no answer"),
        (PoolCondition("s", "25.0.1", {}), "execute nodes", Grade.NOTE, "none at the moment"),
        (PoolCondition("s", "", {"a": frozenset()}), "containers", Grade.NOTE, "no machine says"),
        (
            PoolCondition("s", "", {"a": frozenset(["docker"]), "b": frozenset()}),
            "execute nodes",
            Grade.GOOD,
            "2 machines: 1 with docker, 0 with apptainer or singularity",
        ),
    ],
)
def test_what_a_pool_lacks_is_said(condition: PoolCondition, subject: str, grade: Grade, text: str) -> None:
    by_subject = {each.subject: each for each in checks._pool(condition)}
    assert by_subject["schedd"].grade is Grade.GOOD
    assert by_subject[subject].grade is grade
    assert text in by_subject[subject].text
    assert ("containers" in by_subject) == (subject == "containers")
