"""Mirrors htmap.delivery.advice: jobs that will never start are spoken of, others are not."""

from __future__ import annotations

import pytest

from htmap.delivery.advice import idle_advice


@pytest.mark.parametrize(
    ("method", "what"),
    [("docker", "offers docker,"), ("container", "a container runtime"), ("singularity", "apptainer or singularity")],
)
def test_a_pool_without_the_runtime_is_spoken_of(method: str, what: str) -> None:
    advice = idle_advice(method, lambda _constraint: 0)
    assert advice is not None
    assert what in advice
    assert f"delivery method {method}" in advice


@pytest.mark.parametrize("machines", [1, 7, None])
def test_a_pool_that_has_it_or_cannot_be_asked_is_not(machines: int | None) -> None:
    assert idle_advice("docker", lambda _constraint: machines) is None


@pytest.mark.parametrize("method", ["bundle", "shared", "assume", "transplant", "pigeon"])
def test_a_method_that_needs_no_runtime_asks_nobody(method: str) -> None:
    def ask(_constraint: str) -> int:
        raise AssertionError

    assert idle_advice(method, ask) is None
