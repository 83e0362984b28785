"""Mirrors htmap.delivery.advice: jobs that will never start are spoken of, others are not."""

from __future__ import annotations

import pytest

from htmap.delivery.advice import idle_advice, request_advice


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


@pytest.mark.parametrize(
    ("commands", "asked"),
    [
        ({"request_memory": "9TB"}, "TotalMemory >= 9437184"),
        ({"request_memory": "2048"}, "TotalMemory >= 2048"),
        ({"request_disk": "2GB"}, "TotalDisk >= 2097152"),
        ({"request_cpus": "65"}, "TotalCpus >= 65"),
    ],
)
def test_a_request_that_no_machine_meets_is_spoken_of(commands: dict[str, str], asked: str) -> None:
    advice = request_advice(commands, lambda constraint: 0 if constraint == asked else 5)
    assert advice is not None
    assert f"{next(iter(commands))} = {next(iter(commands.values()))}" in advice
    assert "match none" in advice
    assert request_advice(commands, lambda _constraint: 1) is None


@pytest.mark.parametrize("machines", [0, None])
def test_an_empty_pool_says_nothing_about_requests(machines: int | None) -> None:
    assert request_advice({"request_memory": "9TB"}, lambda _constraint: machines) is None


@pytest.mark.parametrize("request_cpus", ["", "$(n)", "ifThenElse(a, 1, 2)"])
def test_a_request_that_is_no_number_is_passed_over(request_cpus: str) -> None:
    assert request_advice({"request_cpus": request_cpus}, lambda _constraint: 0) is None
