"""Units of the wire format start no process."""

from __future__ import annotations

from tests.no_processes import starts_no_process

__all__ = ["starts_no_process"]
