"""Mirrors htmap.delivery.runner_failures: what the end of a job says, evaluated as a starter does."""

from __future__ import annotations

from pathlib import Path

import pytest

from htmap.delivery import registry
from htmap.delivery.runner_failures import RUNNER_FAILED, why_runner_failed
from htmap.language import classad, operators


def evaluated(expression: str, *, code: int | None = None, signal: int | None = None) -> operators.Value:
    ended: dict[str, operators.Value] = {"exitbysignal": signal is not None}
    ended |= {"exitcode": code} if code is not None else {"exitsignal": signal or 0}
    return classad.parse(expression).evaluate(classad.Scope(ended, {}))


@pytest.mark.parametrize(("code", "failed"), [(0, False), (100, False), (1, True), (101, True), (127, True)])
def test_only_an_agreed_code_is_no_failure_of_the_runner(code: int, failed: bool) -> None:
    assert evaluated(RUNNER_FAILED, code=code) is failed


def test_a_signal_is_a_failure_that_is_named() -> None:
    assert evaluated(RUNNER_FAILED, signal=9) is True
    assert "killed by signal 9" in str(evaluated(why_runner_failed(), signal=9))


def test_a_code_has_the_sentence_of_the_delivery_method_or_the_general_one() -> None:
    reason = why_runner_failed({127: 'No "x" here.', 200: "Two hundred \\ o."})
    assert evaluated(reason, code=127) == 'No "x" here.'
    assert evaluated(reason, code=200) == "Two hundred \\ o."
    assert "exit code 101" in str(evaluated(reason, code=101))
    assert "no python3" in str(evaluated(why_runner_failed(), code=127))


def test_assume_says_what_is_missing() -> None:
    found = registry.delivery_method("assume").descriptors("t", Path("/x"))
    assert (found["executable"], found["transfer_executable"]) == ("/usr/bin/env", "false")
    assert found["arguments"] == '"htmap-exec $(runner_arguments)"'
    assert "no htmap-exec on its PATH" in str(evaluated(found["on_exit_hold_reason"], code=127))
