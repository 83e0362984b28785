"""HTMap: high-throughput computing from Python."""

from __future__ import annotations

__version__ = "0.1.0"
