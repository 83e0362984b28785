"""Mirrors htmap.backend.refusals: what a schedd says in numbers is said in a sentence, with the way out."""

from __future__ import annotations

import pytest

from htmap.backend.refusals import explained

LIMITS = {"MAX_JOBS_PER_OWNER": "100000"}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("expected next ProcId to be 3, but Schedd says -4", ["MAX_JOBS_PER_SUBMISSION = 3", "chunksize", "max_idle"]),
        (
            "expected next ProcId to be 2, but Schedd says -3",
            ["MAX_JOBS_PER_OWNER = 100000", "remove some", "chunksize"],
        ),
        ("expected next ProcId to be 2, but Schedd says -2", ["(MAX_JOBS_SUBMITTED)", "wait until"]),
        ("expected next ProcId to be 0, but Schedd says -5", ["account is disabled"]),
        (
            "Failed to create new cluster.SCHEDD:22:MAX_JOBS_SUBMITTED exceeded. Current=5, Limit=5",
            ["(MAX_JOBS_SUBMITTED)"],
        ),
        ("Failed to create job ad, errmsg=Submit:-1:unable to read proxy file\n", ["x509userproxy", "make one"]),
        ("Unable to commit transaction, SCHEDD:2:Jobs must be small.", ["SUBMIT_REQUIREMENT", "Jobs must be small."]),
    ],
)
def test_a_refusal_becomes_a_sentence(text: str, named: list[str]) -> None:
    sentence = explained(text, LIMITS)
    assert sentence is not None
    assert all(each in sentence for each in named), sentence


@pytest.mark.parametrize(
    "text", ["Number of jobs exceeds the moon", "expected next ProcId to be 2, but Schedd says -99"]
)
def test_what_is_not_known_is_left_to_speak_for_itself(text: str) -> None:
    assert explained(text, LIMITS) is None
