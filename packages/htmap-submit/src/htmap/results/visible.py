"""Text of others, made safe for a terminal.

In: messages, reprs, hold reasons: whatever came from a node. Out: the same text, with control characters spelled out:
sent raw, they could clear the screen of whoever reads it, or set its title.
"""

from __future__ import annotations

_CONTROLS = [*range(0x20), *range(0x7F, 0xA0)]
_SPELLED = {code: f"\\x{code:02x}" for code in _CONTROLS if chr(code) not in "\n\t"}


def visible(text: str) -> str:
    """The text with control characters, other than line ends and tabs, as escapes."""
    return text.translate(_SPELLED)
