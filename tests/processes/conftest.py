"""What starts processes or a queue of its own. In: the fixtures of the units. Out: the same, for the folders below."""

from __future__ import annotations

from tests.submit.conftest import bindings, home, own_settings, queue

__all__ = ["bindings", "home", "own_settings", "queue"]
