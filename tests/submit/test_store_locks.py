"""Mirrors htmap.store.locks: one writer at a time, whatever becomes of the one before."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from htmap.exceptions import StorageError
from htmap.store.locks import exclusive, is_held


def test_a_lock_that_nobody_made_is_not_held(tmp_path: Path) -> None:
    assert not is_held(tmp_path / "lock")
    assert not is_held(tmp_path / "absent" / "lock")
    assert list(tmp_path.iterdir()) == []


def test_a_lock_is_held_inside_the_block_only(tmp_path: Path) -> None:
    with exclusive(tmp_path / "lock"):
        assert is_held(tmp_path / "lock")
    assert not is_held(tmp_path / "lock")


def test_a_lock_is_given_up_when_the_block_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), exclusive(tmp_path / "lock"):
        raise ZeroDivisionError
    assert not is_held(tmp_path / "lock")


def test_writers_take_turns(tmp_path: Path) -> None:
    inside: list[int] = []
    most = []

    def write() -> None:
        with exclusive(tmp_path / "lock"):
            inside.append(1)
            most.append(len(inside))
            inside.pop()

    threads = [threading.Thread(target=write) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 20


def test_a_lock_that_cannot_be_looked_at_is_named(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    with pytest.raises(StorageError, match=r"Cannot see who holds .*lock: Is a directory"):
        is_held(tmp_path / "lock")
