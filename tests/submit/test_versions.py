"""Mirrors htmap.versions."""

from __future__ import annotations

import re

import pytest

import htmap
from htmap import versions


def test_the_version_is_said_in_words() -> None:
    assert htmap.version() == f"HTMap version {htmap.__version__}"


def test_the_version_as_numbers_agrees_with_the_text() -> None:
    major, minor, micro, stage, number = htmap.version_info()
    spelled = f"{major}.{minor}.{micro}" + (f"{stage}{number}" if stage else "")
    assert spelled == htmap.__version__


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.20.3", (1, 20, 3, None, None)),
        ("1.20.3a4", (1, 20, 3, "a", 4)),
        ("1.20.3b0", (1, 20, 3, "b", 0)),
        ("0.0.10rc12", (0, 0, 10, "rc", 12)),
    ],
)
def test_prereleases_are_told_apart(text: str, expected: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "__version__", text)
    assert versions.version_info() == expected


@pytest.mark.parametrize("text", ["1.2", "1.2.3.4", "1.2.3dev1", "v1.2.3", "1.2.3\n", ""])
def test_what_is_no_version_is_not_taken_for_one(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "__version__", text)
    with pytest.raises(ValueError, match=re.escape(repr(text))):
        versions.version_info()
