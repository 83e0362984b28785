"""Words for people, in which nothing of somebody else's does anything.

In: texts with names of files, of functions, of whatever came from another machine. Out: text for a terminal or a page.
On the other side: terminals, which obey control characters, and readers, whom marks of writing direction deceive.
"""

from __future__ import annotations

import re

# C0 and C1 but for the newline and the tab, what changes the direction of writing, and what cannot be encoded.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
_FIRST_LONG = 0x100
_WORDS_OF_SHELLS = (
    (re.compile(r"(?:^|/)~"), "A ~ is not expanded here: write Path(...).expanduser()."),
    (re.compile(r"\$\w|\$\{"), "Variables are not expanded here: write os.path.expandvars(...)."),
    (re.compile(r"[*?\[]"), "Patterns are not expanded here: write glob.glob(...)."),
)


def visible(text: str) -> str:
    """A text with an escape, as in Python, for each character that would not be seen; its lines stay lines."""
    return _UNSEEN.sub(_escape, text)


def quoted_path(path: str) -> str:
    """A path as it was written, on one line."""
    return visible(path).replace("\n", "\\n").replace("\t", "\\t")


def unexpanded(path: str) -> str:
    """A sentence, after a blank, for a path that is not there and that a shell would have expanded; else nothing."""
    return next((f" {advice}" for word, advice in _WORDS_OF_SHELLS if word.search(path)), "")


def _escape(mark: re.Match[str]) -> str:
    code = ord(mark[0])
    return f"\\x{code:02x}" if code < _FIRST_LONG else f"\\u{code:04x}"
