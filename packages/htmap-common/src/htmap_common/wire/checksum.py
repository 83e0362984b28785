"""CRC-32 of buffers of any size.

In: buffers, a `Source`. Out: numbers, the same as zlib's. On the other side: isal, where it is installed, which takes a
fifth of zlib's time; zlib takes as long for a gigabyte as the kernel to write it.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable

from .source import Buffer, Source

# Smaller ones cost zlib less than to look for isal.
_LARGE = 1024 * 1024


def crc32(data: Buffer, before: int = 0) -> int:
    """The checksum of what came before, followed by these bytes."""
    return zlib.crc32(data, before) if len(data) < _LARGE else _quick_crc32()(data, before)


def crc32_of(source: Source, offset: int, length: int) -> int:
    """The CRC-32 of a range, without holding more than a piece of it."""
    checksum = 0
    for start in range(offset, offset + length, _LARGE):
        checksum = crc32(source.read(start, min(_LARGE, offset + length - start)), checksum)
    return checksum


@functools.cache
def _quick_crc32() -> Callable[[Buffer, int], int]:
    try:
        from isal.isal_zlib import crc32 as quick  # noqa: PLC0415 - few files are large
    except ImportError:
        return zlib.crc32
    return quick
