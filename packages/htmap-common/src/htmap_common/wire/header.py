"""The msgpack door: record headers to bytes and back.

In: plain dicts from writers, untrusted bytes from files. Out: bytes, and dicts that hold nothing but plain values.
On the other side: msgpack, in C or pure Python. Nothing else in this package imports it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgpack

from .errors import Corrupt

MAX_HEADER_SIZE = 64 * 1024 * 1024

# File names need not be UTF-8: Python shows their odd bytes as lone surrogates, which strict UTF-8 refuses.
_UNICODE_ERRORS = "surrogatepass"
_CONTAINERS = frozenset((dict, list, tuple))
_SCALARS = frozenset((type(None), bool, int, float, str, bytes))


def pack_header(header: Mapping[str, Any]) -> bytes:
    """Encode the header of a record.

    Raises
    ------
    ValueError
        A key is not a string, or the result is larger than `MAX_HEADER_SIZE`.
    TypeError, OverflowError
        A value that msgpack cannot express.
    """
    packed: bytes = msgpack.packb(dict(header), unicode_errors=_UNICODE_ERRORS)
    if len(packed) > MAX_HEADER_SIZE:
        raise ValueError(f"A header may have {MAX_HEADER_SIZE} bytes, this one has {len(packed)}.")
    _leaf_types(header)
    return packed


def unpack_header(packed: memoryview) -> dict[str, Any]:
    """Decode the header of a record.

    Raises
    ------
    Corrupt
        It is not exactly one msgpack map with string keys and plain values (no extension types) at every depth.
    """
    try:
        # msgpack bounds every length by the size of its input.
        header = msgpack.unpackb(packed, raw=False, strict_map_key=True, unicode_errors=_UNICODE_ERRORS)
        is_plain = type(header) is dict and _leaf_types(header) <= _SCALARS
    except (ValueError, TypeError, OverflowError, RecursionError, MemoryError, msgpack.UnpackException) as error:
        raise Corrupt(f"a header cannot be decoded ({type(error).__name__})") from error
    if not is_plain:
        raise Corrupt("a header is not a map of plain values")
    plain: dict[str, Any] = header
    return plain


def _leaf_types(top: Mapping[str, Any]) -> set[type]:
    """The types of all values that are no containers; raises ValueError for a map key that is not a string."""
    leaves: set[type] = set()
    pending: list[Any] = [dict(top)]
    while pending:
        container = pending.pop()
        if type(container) is dict:
            if not all(isinstance(key, str) for key in container):
                raise ValueError("The keys of a header must be strings, at every depth.")
            container = container.values()
        for child in container:
            if type(child) in _CONTAINERS:
                pending.append(child)
            else:
                leaves.add(type(child))
    return leaves
