"""Which machines could run an idle job, and what is in the way.

In: the ad of a job and those of machines, whose expressions HTCondor itself evaluates. Out: `Prospects`. On the other
side: `htmap.backend.condor`, which has asked a schedd and a collector for them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from htmap.backend.protocol import Condition, Prospects
from htmap.language.conjuncts import conjuncts

# What a partitionable slot has when nothing runs there.
_AMOUNT = re.compile(r"\bTARGET\.(Memory|Disk|Cpus) >= Request\1\b")
_WHOLE = {"Memory": "TotalSlotMemory", "Disk": "TotalSlotDisk", "Cpus": "TotalSlotCpus"}


def prospects_of(job: Any, machines: Sequence[Any], parsed: Callable[[str], Any]) -> Prospects:
    """Evaluate each thing that a job asks for on each machine, as if nothing else ran there.

    Parameters
    ----------
    job, machines
        ClassAds, as the bindings give them; those of machines are changed.
    parsed
        Makes an expression of the bindings from text.
    """
    for machine in machines:
        for name, total in _WHOLE.items():
            if machine.get("PartitionableSlot", False) and total in machine:
                machine[name] = machine[total]
    requirements = str(job.lookup("Requirements")) if "Requirements" in job else "true"
    conditions, satisfied = [], [True] * len(machines)
    for text in map(_whole_of, conjuncts(requirements)):
        expression = parsed(text)
        answers = [expression.eval(job, machine) is True for machine in machines]
        satisfied = [both and one for both, one in zip(satisfied, answers, strict=True)]
        conditions.append(_condition(text, sum(answers), job))
    largest = {name: max((float(each.get(name, 0)) for each in machines), default=0.0) for name in _WHOLE}
    rejection = str(job.get("LastRejMatchReason", "")).strip()
    return Prospects(len(machines), sum(satisfied), conditions, largest, rejection)


def _whole_of(condition: str) -> str:
    """What is in the way of a job that asks for too much.

    From 25.12 on, a job leaves disk to machines that are as new, and these refuse by themselves what they do not have.
    (Tried on 25.14.1: ``versionGE(...) || (TARGET.Disk >= RequestDisk)``.)
    """
    found = _AMOUNT.search(condition)
    return condition if found is None else found[0]


def _condition(text: str, machines: int, job: Any) -> Condition:
    found = _AMOUNT.search(text)
    if found is None:
        return Condition(text, machines)
    asked = job.eval(f"Request{found[1]}")
    return Condition(text, machines, found[1], float(asked) if isinstance(asked, int | float) else 0.0)
