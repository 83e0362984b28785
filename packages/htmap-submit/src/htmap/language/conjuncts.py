"""The parts of a ClassAd expression that must all be true.

In: an expression as text, such as the Requirements of a job. Out: its conjuncts as text. Nothing is evaluated here,
and the expression need not be one that `htmap.language.classad` knows: it may use any function of HTCondor's.
"""

from __future__ import annotations

import re

# A string, a quoted name, a parenthesis of any kind, an operator, or anything else.
_WORD = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|[()\[\]{}]|&&|\|\||[?]|.', re.DOTALL)
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_LOOSER = frozenset({"||", "?"})  # what binds less than a conjunction


def conjuncts(expression: str) -> list[str]:
    """The conjuncts of an expression, in order, those in parentheses too; one that is none is its only one."""
    text = _bare(expression.strip())
    parts = _split(text)
    if len(parts) == 1:
        return [text] if text else []
    return [conjunct for part in parts for conjunct in conjuncts(part)]


def _split(text: str) -> list[str]:
    """The parts between the conjunctions that stand in no parentheses."""
    parts, current, depth = [], "", 0
    for word in _WORD.findall(text):
        depth += (word in _OPENING) - (word in _CLOSING)
        if depth == 0 and word in _LOOSER:
            return [text]
        if depth == 0 and word == "&&":
            parts.append(current)
            current = ""
        else:
            current += word
    return [*parts, current]


def _bare(text: str) -> str:
    """Without parentheses around the whole."""
    while text.startswith("(") and _closes_at_end(text):
        text = text[1:-1].strip()
    return text


def _closes_at_end(text: str) -> bool:
    depth, position = 0, 0
    for word in _WORD.findall(text):
        depth += (word in _OPENING) - (word in _CLOSING)
        position += len(word)
        if depth == 0:
            return position == len(text)
    return False
