"""The msgpack door: record headers to bytes and back.

In: plain dicts from writers, untrusted bytes from files. Out: bytes, and dicts that hold nothing but plain values.
On the other side: msgpack, in C or pure Python. Nothing else in this package imports it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgpack

from .errors import Corrupt

MAX_HEADER_SIZE = 64 * 1024 * 1024

# File names need not be UTF-8: Python shows their odd bytes as lone surrogates, which strict UTF-8 refuses.
_UNICODE_ERRORS = "surrogatepass"
_CONTAINERS = frozenset((dict, list, tuple))
# Headers of up to so many bytes are decoded as they are.
_LIGHT = 64 * 1024
# Bytes in memory for a byte of a larger header: more than anything of ours takes.
_HEAVIEST = 16
_LIST_BYTES, _SLOT_BYTES, _MAP_BYTES, _ITEM_BYTES = 72, 8, 80, 50
_LONGEST_WORD = 256
_FIX_MASK, _FIX_ARRAY = 0xF0, 0x90
_SMALL_MAPS = frozenset(bytes([0x80 | count]) for count in range(1, 16))
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
        hooks = {} if len(packed) <= _LIGHT else _Weight(len(packed)).hooks()
        header = msgpack.unpackb(packed, raw=False, strict_map_key=True, unicode_errors=_UNICODE_ERRORS, **hooks)
        is_plain = type(header) is dict and _leaf_types(header) <= _SCALARS
    except (ValueError, TypeError, OverflowError, RecursionError, MemoryError, msgpack.UnpackException) as error:
        raise Corrupt(f"a header cannot be decoded ({type(error).__name__})") from error
    if not is_plain:
        raise Corrupt("a header is not a map of plain values")
    plain: dict[str, Any] = header
    return plain


def unpack_rows(packed: memoryview, key: str, width: int) -> Iterator[list[Any]]:
    """Decode the list of rows that is the first thing in a header, one row at a time; what follows it is not looked at.

    A header of a few megabytes can hold a million lists, each of which takes a hundred times its bytes.

    Raises
    ------
    Corrupt
        It is something else.
    """
    if not begins_with(packed, key):
        raise Corrupt(f"a header does not begin with {key!r}")
    count, start = _array_header(packed, 1 + len(_packed_text(key)))
    rows = msgpack.Unpacker(
        raw=False, max_array_len=width, max_map_len=0, max_ext_len=0, max_bin_len=0, max_str_len=_LONGEST_WORD
    )
    try:
        rows.feed(packed[start:])
        for _ in range(count):
            row = rows.unpack()
            if type(row) is not list or len(row) != width:
                raise Corrupt(f"a row of {key!r} has not {width} values")
            yield row
    except (ValueError, TypeError, RecursionError, MemoryError, msgpack.UnpackException) as error:
        raise Corrupt(f"{key!r} cannot be decoded ({type(error).__name__})") from error


def begins_with(start: memoryview, key: str) -> bool:
    """Whether a header is a map, of up to 15 keys, whose first key is this one. Its first bytes will do."""
    word = _packed_text(key)
    return bytes(start[:1]) in _SMALL_MAPS and bytes(start[1 : 1 + len(word)]) == word


def peek(start: memoryview, keys: Iterable[str]) -> dict[str, Any] | None:
    """The values of some keys, numbers or words, from the first bytes of a header; None if they are not all there."""
    wanted = set(keys)
    found: dict[str, Any] = {}
    words = msgpack.Unpacker(
        raw=False, max_array_len=0, max_map_len=0, max_ext_len=0, max_bin_len=0, max_str_len=_LONGEST_WORD
    )
    try:
        words.feed(start)
        for _ in range(words.read_map_header()):
            key = words.unpack()
            if key in wanted:
                found[key] = words.unpack()
                if len(found) == len(wanted):
                    return found
            else:
                words.skip()
    except (ValueError, TypeError, RecursionError, MemoryError, msgpack.UnpackException):
        pass
    return None


class _Weight:
    """Bounds what the containers of a large header weigh in memory, while it is decoded."""

    def __init__(self, length: int) -> None:
        self._left = _LIGHT + length * _HEAVIEST

    def hooks(self) -> dict[str, Any]:
        return {"list_hook": self._weigh_list, "object_hook": self._weigh_map}

    def _weigh_list(self, found: list[Any]) -> list[Any]:
        self._take(_LIST_BYTES + _SLOT_BYTES * len(found))
        return found

    def _weigh_map(self, found: dict[str, Any]) -> dict[str, Any]:
        self._take(_MAP_BYTES + _ITEM_BYTES * len(found))
        return found

    def _take(self, weight: int) -> None:
        self._left -= weight
        if self._left < 0:
            raise ValueError("A header of this size does not hold so many lists and maps.")


def _packed_text(text: str) -> bytes:
    packed: bytes = msgpack.packb(text)
    return packed


def _array_header(packed: memoryview, at: int) -> tuple[int, int]:
    """The length of the array that begins at a byte, and where its first element is."""
    kind = packed[at] if at < len(packed) else 0
    if kind & _FIX_MASK == _FIX_ARRAY:
        return kind & ~_FIX_MASK, at + 1
    size = {0xDC: 2, 0xDD: 4}.get(kind)
    if size is None or at + 1 + size > len(packed):
        raise Corrupt("a header holds no list where one is expected")
    return int.from_bytes(packed[at + 1 : at + 1 + size], "big"), at + 1 + size


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
