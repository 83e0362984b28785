"""Make files go wrong: bits flip, parts vanish, and headers say what no writer of ours would, with right checksums."""

from __future__ import annotations

import copy
import random
import struct
import zlib
from typing import Any

import msgpack

_HEAD, _PREFIX, _TRAILER = 32, struct.Struct(">IQIII"), struct.Struct(">Q8sII")
_END = b"HTMAPEND"

_HOSTILE: list[Any] = [
    None, True, 0, 1, -1, 2, 255, 2**31, 2**40, 2**63 - 1, -(2**63), 2**64 - 1, 1.5, float("nan"), float("inf"), "",
    "x", "x" * 999, "\ud800", "../../etc/passwd", "returned", "raised", "\x1b[2J", b"", b"\xff" * 9, [], [[]], [0] * 99,
    [-1, -1, -1], [[0, 2**62]],
    {}, {"": 0}, {"a": {"a": {"a": []}}}, [[[[[[[[]]]]]]]],
]  # fmt: skip


def changed(content: bytes, others: list[bytes], chance: random.Random, *, is_wire: bool) -> bytes:
    """A file that has gone wrong.

    Parameters
    ----------
    others
        Files that parts may come from.
    is_wire
        It has headers that can be signed again.
    """
    if is_wire and _is_one_in(2, chance):
        return _signed_again(content, chance)
    for _ in range(chance.choice([1, 1, 1, 2, 5])):
        content = chance.choice(_ACCIDENTS)(content, others, chance)
    return content


def _is_one_in(number: int, chance: random.Random) -> bool:
    return chance.randrange(number) == 0


def _flip(content: bytes, _others: list[bytes], chance: random.Random) -> bytes:
    if not content:
        return content
    at = chance.randrange(len(content))
    return content[:at] + bytes([content[at] ^ 1 << chance.randrange(8)]) + content[at + 1 :]


def _cut(content: bytes, _others: list[bytes], chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content) + 1)]


def _drop(content: bytes, _others: list[bytes], chance: random.Random) -> bytes:
    start = chance.randrange(len(content) + 1)
    return content[:start] + content[start + chance.randrange(40) :]


def _double(content: bytes, _others: list[bytes], chance: random.Random) -> bytes:
    start = chance.randrange(len(content) + 1)
    part = content[start : start + chance.choice([1, 8, 100])]
    return content[:start] + part * chance.choice([2, 3, 50]) + content[start:]


def _splice(content: bytes, others: list[bytes], chance: random.Random) -> bytes:
    other = chance.choice(others)
    return content[: chance.randrange(len(content) + 1)] + other[chance.randrange(len(other) + 1) :]


def _overwrite(content: bytes, _others: list[bytes], chance: random.Random) -> bytes:
    at = chance.randrange(len(content) + 1)
    part = chance.choice(
        [bytes(4), b"\xff" * 4, b"\x7f" + b"\xff" * 7, b"\n...\n", b"$(", b"\x80" * 64, chance.randbytes(8)]
    )
    return content[:at] + part + content[at + len(part) :]


_ACCIDENTS = [_flip, _flip, _cut, _drop, _double, _splice, _overwrite]


def _signed_again(content: bytes, chance: random.Random) -> bytes:
    """Change one header, and make all checksums right."""
    places, end = [], _HEAD
    while end + _PREFIX.size <= len(content):
        header, body, *_ = _PREFIX.unpack_from(content, end)
        if end + _PREFIX.size + header + body > len(content):
            break
        places.append((end, header, body))
        end += _PREFIX.size + header + body
    at, length, body = chance.choice(places)
    start = at + _PREFIX.size
    packed = _another(content[start : start + length], chance)
    payload = content[start + length : start + length + body]
    prefix = _PREFIX.pack(len(packed), body, zlib.crc32(packed), zlib.crc32(payload) if body else 0, 0)[:-4]
    signed = content[:at] + prefix + zlib.crc32(prefix).to_bytes(4, "big") + packed + payload
    rest = content[start + length + body :]
    if rest[-16:-8] == _END and len(rest) >= _TRAILER.size:
        (index, *_) = _TRAILER.unpack(rest[-_TRAILER.size :])
        moved = index + len(packed) - length if index > at else index
        trailer = _TRAILER.pack(moved, _END, 0, 0)[:-4]
        rest = rest[: -_TRAILER.size] + trailer + zlib.crc32(trailer).to_bytes(4, "big")
    return signed + rest


def _another(packed: bytes, chance: random.Random) -> bytes:
    if _is_one_in(5, chance):
        return _flip(packed, [], chance)
    header = msgpack.unpackb(packed, unicode_errors="surrogatepass")
    for _ in range(chance.choice([1, 1, 2, 4])):
        _spoil(header, chance)
    found: bytes = msgpack.packb(header, unicode_errors="surrogatepass")
    return found


def _spoil(header: Any, chance: random.Random) -> None:
    """Replace, remove or add something, at any depth."""
    node = header
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            break
        key = chance.choice(keys)
        if isinstance(node[key], dict | list) and node[key] and not _is_one_in(3, chance):
            node = node[key]
            continue
        if _is_one_in(10, chance):
            del node[key]
        else:
            node[key] = copy.deepcopy(chance.choice(_HOSTILE))
        return
