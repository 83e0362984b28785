"""The map as the user holds it: opened, read, acted on, surveyed with all others."""

from __future__ import annotations

from htmap.maps.acting import Map

__all__ = ["Map"]
