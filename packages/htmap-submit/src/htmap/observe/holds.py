"""Holds: a job is in the queue and may not run until somebody releases it.

In: code and reason of a hold, as the event log or the queue says them. Out: `ComponentHold`, and what may be done.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ComponentHold:
    """Represents an HTCondor hold on a map component.

    Parameters
    ----------
    code
        The HTCondor HoldReasonCode.
    reason
        The HTCondor hold reason.
    """

    code: int
    reason: str

    def __str__(self) -> str:
        return f"[{self.code}] {self.reason}"


# Source: the table of hold reason codes in HTCondor's manual.
_HOLD_ADVICE = {
    1: "Somebody held it by hand: release the map when it may go on.",
    3: "A periodic_hold expression of yours, or of the pool's, came true: see the reason.",
    6: "The executable could not be started: is it there, does it have the right architecture?",
    12: "Output files could not be sent back: is the disk full, did the function make all that it promised?",
    13: "Input files could not be sent: are they there, can you read them?",
    16: "Input files are being sent: just wait.",
    21: "The job's own policy held it: see the reason.",
    22: "The path of the output or the event log cannot be written: check HTMAP_DIR and its disk.",
    26: "The pool's policy for jobs held it: see the reason, ask the pool's administrators.",
    32: "The job took longer than the pool allows, or than you allowed it.",
    34: "It used more memory than it requested: map.set_memory(MB), then map.release().",
    35: "The container image could not be had, or not be started: check its name.",
    46: "The job ran longer than the allowed duration: make components smaller.",
    47: "The job ran longer than the allowed execute duration: make components smaller.",
}


def advice_on(hold: ComponentHold) -> str:
    """What may be done about a hold; empty if nothing is known beyond its reason."""
    return _HOLD_ADVICE.get(hold.code, "")
