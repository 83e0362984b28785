"""What both sides of HTMap share: the wire formats, transfer paths, and the calls that user code makes on the node."""

from __future__ import annotations

__version__ = "0.1.0"
