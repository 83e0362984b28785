"""Mirrors htmap.backend.select: which queue it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from htmap.backend import select
from htmap.backend.condor import CondorBackend
from htmap.backend.local.client import LocalBackend
from htmap.backend.select import backend_named, chosen_backend, why_auto
from htmap.exceptions import InvalidSetting
from htmap.settings import BASE_SETTINGS, Settings
from htmap.store.mapdir import Home


def settings_with(**values: object) -> Settings:
    return Settings({key.replace("__", "."): value for key, value in values.items()}, BASE_SETTINGS.to_dict())


@pytest.fixture(autouse=True)
def _bare_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No HTCondor is set up here, whatever the machine is that runs the tests."""
    monkeypatch.delenv("CONDOR_CONFIG", raising=False)
    monkeypatch.setattr(select, "_CONFIGURATIONS", ("/nowhere/condor_config", "~no-such-user/condor_config"))


@pytest.mark.parametrize(
    ("value", "name"), [("local", "local"), ("Local", "local"), ("htcondor", "htcondor"), ("HTCondor", "htcondor")]
)
def test_a_backend_that_is_named_is_taken(value: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen_backend(settings_with(BACKEND=value)) == name
    monkeypatch.setenv("CONDOR_CONFIG", "/etc/condor/condor_config")
    assert chosen_backend(settings_with(BACKEND=value)) == name


@pytest.mark.parametrize("value", ["slurm", "", "lokal", "auto "])
def test_a_backend_that_does_not_exist_is_refused_with_those_that_do(value: str, home: Home) -> None:
    with pytest.raises(InvalidSetting, match=rf"BACKEND must be auto, htcondor or local, not '{value}'"):
        chosen_backend(settings_with(BACKEND=value))
    with pytest.raises(InvalidSetting, match="one of htcondor, local"):
        backend_named(value, home, BASE_SETTINGS)


def test_auto_is_local_on_a_machine_without_htcondor() -> None:
    assert chosen_backend(BASE_SETTINGS) == "local"


def test_auto_knows_a_machine_without_a_user_of_htcondors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.delenv("CONDOR_CONFIG", raising=False)
    assert chosen_backend(BASE_SETTINGS) in select.NAMES


def test_auto_takes_htcondor_where_it_is_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = tmp_path / "condor_config"
    monkeypatch.setattr(select, "_CONFIGURATIONS", (str(config),))
    assert chosen_backend(BASE_SETTINGS) == "local"
    config.touch()
    assert chosen_backend(BASE_SETTINGS) == "htcondor"


@pytest.mark.parametrize("value", ["/etc/condor/condor_config", "ONLY_ENV"])
def test_auto_takes_htcondor_where_the_environment_names_a_configuration(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONDOR_CONFIG", value)
    assert chosen_backend(BASE_SETTINGS) == "htcondor"


def test_auto_takes_htcondor_where_a_schedd_is_named() -> None:
    assert chosen_backend(settings_with(HTCONDOR__SCHEDULER="schedd@example.org")) == "htcondor"


def test_what_auto_chose_is_said_with_the_setting_that_changes_it() -> None:
    assert all("BACKEND" in why_auto(name) for name in select.NAMES)


def test_each_backend_knows_its_name_and_connects_to_nothing_yet(home: Home) -> None:
    condor = backend_named("htcondor", home, settings_with(HTCONDOR__SCHEDULER="no such schedd"))
    local = backend_named("local", home, BASE_SETTINGS)
    assert isinstance(condor, CondorBackend)
    assert isinstance(local, LocalBackend)
    assert (condor.name, local.name) == select.NAMES
    assert not home.local.exists()


def test_the_local_backend_has_a_slot_for_each_core_unless_told_otherwise(home: Home) -> None:
    cores, three = (
        backend_named("local", home, BASE_SETTINGS),
        backend_named("local", home, settings_with(LOCAL__SLOTS=3)),
    )
    assert isinstance(cores, LocalBackend)
    assert isinstance(three, LocalBackend)
    assert 1 <= cores._slots <= (os.cpu_count() or 1)
    assert three._slots == 3
