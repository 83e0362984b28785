"""What the end of a job says when the runner did not get to say it itself.

In: exit codes, and what they mean for a delivery method. Out: the ClassAd expressions that hold such a job, and tell
its user why. On the other side: a starter (or our local one), which evaluates them when the job has ended.

The runner leaves a record for whatever happens to a component. What is left is trouble with the runner itself: there
was no Python to run it, or it was killed.
"""

from __future__ import annotations

from collections.abc import Mapping

from htmap_common.agreed import SOME_RAISED

NOTHING_TO_RUN = 127  # what a shell, and env, say of a command that is not there

RUNNER_FAILED = f"ExitBySignal || (ExitCode != 0 && ExitCode != {SOME_RAISED})"

_NO_PYTHON = (
    "The execute node has no python3 (or what this delivery method runs instead). "
    "Choose nodes that have it, or another DELIVERY_METHOD."
)


def why_runner_failed(reasons: Mapping[int, str] | None = None) -> str:
    """The expression for the hold reason.

    Parameters
    ----------
    reasons
        Sentences for exit codes that mean something with a delivery method, before those that always mean it.
    """
    sentences = {NOTHING_TO_RUN: _NO_PYTHON, **(reasons or {})}
    expression = 'strcat("The runner failed with exit code ", ExitCode, ". What it printed is in the log of the job.")'
    for code, sentence in sentences.items():
        expression = f"ifThenElse(ExitCode == {code}, {_quoted(sentence)}, {expression})"
    return (
        'ifThenElse(ExitBySignal, strcat("The runner was killed by signal ", ExitSignal, ". If this was for its memory '
        f'or disk, ask for more of it; then release the map."), {expression})'
    )


def _quoted(sentence: str) -> str:
    return '"' + sentence.replace("\\", "\\\\").replace('"', '\\"') + '"'
