"""Mirrors htmap_common.wire.header."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from htmap_common.wire import Corrupt
from htmap_common.wire.header import MAX_HEADER_SIZE, pack_header, unpack_header

SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.binary()
# Any text, lone surrogates too: file names that are not UTF-8 look like that.
TEXT = st.text(st.characters(codec=None), max_size=8)
VALUES = st.recursive(
    SCALARS | TEXT, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=8
)
HEADERS = st.dictionaries(TEXT, VALUES, max_size=5)


def unpack(packed: bytes) -> dict[str, Any]:
    return unpack_header(memoryview(packed))


@settings(max_examples=50, deadline=None)
@given(HEADERS)
def test_a_header_comes_back_as_it_was(header: dict[str, Any]) -> None:
    assert unpack(pack_header(header)) == header


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=64))
def test_random_bytes_are_a_header_or_corrupt(packed: bytes) -> None:
    with suppress(Corrupt):
        assert isinstance(unpack(packed), dict)


@settings(max_examples=150, deadline=None)
@given(HEADERS, st.data())
def test_changed_bytes_are_a_header_or_corrupt(header: dict[str, Any], data: st.DataObject) -> None:
    packed = bytearray(pack_header(header))
    packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    with suppress(Corrupt):
        assert isinstance(unpack(bytes(packed)), dict)


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        msgpack.packb([1, 2]),
        msgpack.packb({"a": 1}) + b"\x00",
        msgpack.packb({1: "integer key"}),
        msgpack.packb({b"bytes key": 1}),
        msgpack.packb({"deep": [{"map": {7: 1}}]}),
        msgpack.packb({"extension": msgpack.ExtType(5, b"abc")}),
        msgpack.packb({"timestamp": [msgpack.Timestamp(1, 2)]}),
        b"\x81\xa1a\xd6\xff",
        b"\x81\xa1a\xdd\xff\xff\xff\xff",
        b"\x81\xa1a\xdf\xff\xff\xff\xff",
        b"\x81\xa1a\xdb\xff\xff\xff\xff",
        b"\x81\xa1a" + b"\x91" * 100_000 + b"\xc0",
        b"\x81\xa1a\xa1\xff",
    ],
    ids=[
        "empty",
        "no map",
        "more after it",
        "integer key",
        "bytes key",
        "integer key deep inside",
        "extension",
        "timestamp",
        "cut extension",
        "4 G items",
        "4 G pairs",
        "4 G characters",
        "nested 100,000 deep",
        "not UTF-8",
    ],
)
def test_what_is_not_one_plain_map_is_corrupt(packed: bytes) -> None:
    with pytest.raises(Corrupt):
        unpack(packed)


@pytest.mark.parametrize("header", [{1: 2}, {"a": {1: 2}}, {"a": [({b"b": 1},)]}])
def test_a_header_that_could_not_be_read_again_is_not_written(header: dict[Any, Any]) -> None:
    with pytest.raises(ValueError, match="string"):
        pack_header(header)


@pytest.mark.parametrize("value", [object(), dt.datetime.now(tz=dt.timezone.utc), 1j])
def test_a_value_that_is_not_plain_is_not_written(value: object) -> None:
    with pytest.raises(TypeError):
        pack_header({"a": value})


def test_a_header_that_is_too_large_is_not_written() -> None:
    with pytest.raises(ValueError, match=str(MAX_HEADER_SIZE)):
        pack_header({"a": bytes(MAX_HEADER_SIZE)})
