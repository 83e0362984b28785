"""Mirrors htmap.language.commands: one table, in which each name means one thing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from htmap.language.command_table import OTHER_UNIVERSES, ROWS
from htmap.language.command_types import Local
from htmap.language.commands import canonical, find, is_in_every_map, reserved_names, why_unknown


def test_no_name_means_two_commands() -> None:
    names = Counter(name for row in ROWS for name in {row.name, *row.aliases, row.attribute.casefold()} if name)
    assert [name for name, count in names.items() if count > 1] == []
    assert not OTHER_UNIVERSES & names.keys()


def test_names_are_as_htmap_writes_them() -> None:
    assert [name for row in ROWS for name in (row.name, *row.aliases) if name != name.casefold()] == []
    assert all(row.meaning.endswith(".") and "\n" not in row.meaning for row in ROWS)


@pytest.mark.parametrize(
    ("spelled", "name"),
    [
        ("RequestMemory", "request_memory"),
        ("Env", "environment"),
        ("prio", "priority"),
        ("JobPrio", "priority"),
        ("Own_Thing", "own_thing"),
    ],
)
def test_all_spellings_lead_to_one_name(spelled: str, name: str) -> None:
    assert canonical(spelled) == name


def test_every_spelling_of_what_is_reserved_is_known() -> None:
    assert {"log", "stdout", "args", "TransferInput", "MY.component", "+IsHTMapJob", "shards"} <= reserved_names()


@pytest.mark.parametrize(
    "name", ["executable", "transfer_input_files", "MY.HTMapUid", "on_exit_hold_reason", "htmap_submission"]
)
def test_what_every_map_has_is_known(name: str) -> None:
    assert is_in_every_map(name)


@pytest.mark.parametrize("name", ["request_memory", "requirements", "MY.Own", "max_idle"])
def test_what_users_ask_for_is_not_in_every_map(name: str) -> None:
    assert not is_in_every_map(name)


def test_whatever_a_pool_alone_needs_is_let_aside() -> None:
    row = find("KeepClaimIdle")
    assert row is not None
    assert row.local is Local.LETS_ASIDE


KNOWN_TO_CONDOR = {
    name
    for line in Path(__file__).with_name("known_to_condor.txt").read_text().splitlines()
    if not line.startswith("#")
    for name in line.split()
}


def test_every_command_of_the_manual_is_in_the_table() -> None:
    assert KNOWN_TO_CONDOR
    assert [name for name in KNOWN_TO_CONDOR if why_unknown(name, [])] == []


def test_every_command_of_the_table_is_in_the_manual() -> None:
    assert {row.name for row in ROWS} <= KNOWN_TO_CONDOR


@pytest.mark.parametrize("name", ["max_retires", "whatever", "ProjectName", "walltime"])
def test_a_name_that_is_no_command_is_noticed(name: str) -> None:
    assert name in str(why_unknown(name, ["$(other)"]))
    assert why_unknown(name, [f"$({name})"]) is None, "it is a macro"
