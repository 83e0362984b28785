"""Amounts as people read them."""

from __future__ import annotations

_STEP = 1024
_ENOUGH = 10  # from here on, a decimal says nothing more


def size(size_bytes: float) -> str:
    """Bytes in the largest unit that leaves a number above 1: ``1.5 GB``."""
    for unit in ("B", "KB", "MB", "GB"):
        if size_bytes < _STEP:
            digits = 0 if unit == "B" or size_bytes >= _ENOUGH else 1
            return f"{size_bytes:.{digits}f} {unit}"
        size_bytes /= _STEP
    return f"{size_bytes:.1f} TB"


def duration(seconds: float) -> str:
    """Seconds as hours, minutes and seconds: ``26:03:10``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


_AGES = ((86_400, "d"), (3600, "h"), (60, "min"))


def age(seconds: float) -> str:
    """How long ago, in the largest unit of which two or more are full: ``3 d``, ``40 h``, ``5 s``."""
    for unit_s, name in _AGES:
        if seconds >= 2 * unit_s:
            return f"{int(seconds // unit_s)} {name}"
    return f"{max(0, int(seconds))} s"


def count(number: int, noun: str, plural: str = "") -> str:
    """A number of things: ``1 map``, ``3 maps``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
