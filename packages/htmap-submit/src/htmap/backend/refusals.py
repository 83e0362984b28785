"""What a schedd means when it refuses a submission, in sentences.

In: the text of the bindings' exception. Out: what is wrong, and the way out; nothing, where the text itself says it.
Pure. Source: qmgmt's codes for new jobs (-2 ... -6), tried on 23.9.6 and 25.14.1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_SMALLER = (
    "MapOptions(chunksize=...) puts several components into a job; MapOptions(max_idle=1000) lets jobs into the queue "
    "bit by bit."
)

# The number of a job that was not taken is how many were.
_CODE = re.compile(r"expected next ProcId to be (?P<taken>\d+), but Schedd says (?P<code>-\d+)")
_FULL = re.compile(r"(?P<limit>MAX_JOBS_SUBMITTED) exceeded")
_REQUIREMENT = re.compile(r"SCHEDD:2:\s*(?P<why>.*)", re.DOTALL)

_OF_CODE: Mapping[int, tuple[str, str]] = {
    -2: (
        "MAX_JOBS_SUBMITTED",
        "its queue holds as many jobs as it may{limit}: wait until some have ended, or ask its administrators. ",
    ),
    -3: (
        "MAX_JOBS_PER_OWNER",
        "you would have more jobs there than one user may have{limit}: wait until some have ended, or remove some. ",
    ),
    -4: ("MAX_JOBS_PER_SUBMISSION", "these are more jobs than it takes at once{limit}. "),
    -5: ("", "your account is disabled there: ask its administrators."),
    -6: ("", "you may not submit there: ask its administrators."),
}


def explained(text: str, limits: Mapping[str, str]) -> str | None:
    """What a refusal means.

    Parameters
    ----------
    limits
        The configuration of HTCondor here, which names limits unless the schedd is that of another machine.
    """
    if found := _CODE.search(text):
        return _of_code(int(found["code"]), found["taken"], limits)
    if found := _FULL.search(text):
        return _of_code(-2, "", limits)
    if "unable to read proxy file" in text:
        return (
            "an option (use_x509userproxy, x509userproxy) wants a proxy, and none can be read: make one, as with "
            "voms-proxy-init or grid-proxy-init."
        )
    if found := _REQUIREMENT.search(text):
        return (
            f"the policy of the access point takes no such jobs (SUBMIT_REQUIREMENT): {' '.join(found['why'].split())} "
            "Change the map options that it speaks of, or ask its administrators."
        )
    return None


def _of_code(code: int, taken: str, limits: Mapping[str, str]) -> str | None:
    if code not in _OF_CODE:
        return None
    name, sentence = _OF_CODE[code]
    value = taken if code == -4 else limits.get(name, "")  # noqa: PLR2004 - as in the table
    limit = f" ({name}{f' = {value}' if value else ''})" if name else ""
    return sentence.format(limit=limit) + (_SMALLER if name else "")
