"""The runner of HTMap: executes components of a map on an execute node and records what came of them."""

from __future__ import annotations

__version__ = "0.1.0"
