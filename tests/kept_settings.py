"""The settings of htmap, changed for a while."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator

import htmap
from htmap.settings import Settings


@contextlib.contextmanager
def kept_settings() -> Iterator[Settings]:
    """`htmap.settings`, which are afterwards as they were: also in what they follow, which `Settings.replace` ends."""
    before = {**vars(htmap.settings), "_layers": copy.deepcopy(htmap.settings._layers)}
    try:
        yield htmap.settings
    finally:
        vars(htmap.settings).update(before)
