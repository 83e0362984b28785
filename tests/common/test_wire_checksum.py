"""The checksum of large buffers, with isal and without."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator

import pytest

from htmap_common.wire import checksum
from htmap_common.wire.source import BufferSource

CONTENT = bytes(range(256)) * 8192


@pytest.fixture(params=["isal", "zlib"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    checksum._quick_crc32.cache_clear()
    if request.param == "zlib":
        monkeypatch.setitem(sys.modules, "isal.isal_zlib", None)
    assert (checksum._quick_crc32() is zlib.crc32) is (request.param == "zlib")
    yield
    checksum._quick_crc32.cache_clear()


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("length", [0, 1, checksum._LARGE - 1, checksum._LARGE, checksum._LARGE + 1, len(CONTENT)])
def test_a_checksum_is_that_of_zlib(length: int) -> None:
    expected = zlib.crc32(CONTENT[:length], 5)
    assert checksum.crc32(CONTENT[:length], 5) == expected
    assert checksum.crc32(memoryview(bytearray(CONTENT))[:length], 5) == expected
    assert checksum.crc32_of(BufferSource(CONTENT), 0, length) == zlib.crc32(CONTENT[:length])
