"""Mirrors htmap_common.on_execute and what htmap_common exports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import htmap_common
from htmap_common import checkpoint, on_execute, transfer_output_files, transfer_path


@pytest.fixture
def told() -> Iterator[list[tuple[str, tuple[object, ...]]]]:
    """What an installed runner was told."""
    calls: list[tuple[str, tuple[object, ...]]] = []
    on_execute.install(
        checkpoint=lambda *paths: calls.append(("checkpoint", paths)),
        transfer_output_files=lambda *paths: calls.append(("transfer_output_files", paths)),
    )
    yield calls
    on_execute.install(checkpoint=lambda *_: None, transfer_output_files=lambda *_: None)


def test_an_installed_runner_is_told(told: list[tuple[str, tuple[object, ...]]]) -> None:
    checkpoint("a", Path("b"))
    transfer_output_files("c")
    assert told == [("checkpoint", ("a", Path("b"))), ("transfer_output_files", ("c",))]


def test_the_package_exports_what_it_says() -> None:
    assert {name: getattr(htmap_common, name) for name in htmap_common.__all__} == {
        "TransferPath": transfer_path.TransferPath,
        "__version__": htmap_common.__version__,
        "checkpoint": checkpoint,
        "transfer_output_files": transfer_output_files,
    }
    with pytest.raises(AttributeError, match="nothing"):
        htmap_common.nothing  # noqa: B018
