"""Words as they stand in submit descriptions.

In: text of the user's, such as the name of an image. Out: values that mean exactly that text, or a refusal. On the
other side: the submit language, a shell on the node, the command line of a container runtime.
"""

from __future__ import annotations

import re

from htmap.exceptions import InvalidSetting

# For the local backend (htmap.backend.local.fork_servers); HTCondor takes no notice of it.
FORK_SERVER = "MY.HTMapForkServer"

# A newline begins another submit command, $( a macro, $$( one of the matched machine; the rest cannot be printed.
_UNUSABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]|\\$\\(|\\$\\$|\\\\$")


def arguments(*words: str) -> str:
    """A value for ``arguments`` in the new syntax: these words, then those for the runner.

    Source: the manual page of condor_submit. The whole is double-quoted, a word with spaces single-quoted, and either
    quote is doubled to stand for itself.
    """
    return '"' + " ".join([*map(_word, words), "$(runner_arguments)"]) + '"'


def _word(word: str) -> str:
    doubled = word.replace("'", "''").replace('"', '""')
    return f"'{doubled}'" if doubled != word or re.search(r"\s", word) or not word else word


def usable(setting: str, value: str, unusable: str = "") -> str:
    """The value of a setting that will stand in a submit description.

    Parameters
    ----------
    unusable
        Further characters that it must not hold.

    Raises
    ------
    InvalidSetting
        It would mean something else there.
    """
    mark = next((mark for mark in unusable if mark in value), None)
    found = _UNUSABLE.search(value)
    if found or mark:
        bad = found[0] if found else mark
        raise InvalidSetting(f"The setting {setting} is {value!r}: HTCondor cannot use a value with {bad!r} in it.")
    return value
