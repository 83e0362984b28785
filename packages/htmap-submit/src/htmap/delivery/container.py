"""Delivery "container": HTCondor's container universe, on whatever runtime a machine has (CONTAINER.IMAGE)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from htmap.delivery import image_runner, preflight
from htmap.delivery.images import Kind, image

SETTING = "CONTAINER.IMAGE"


def descriptors(_tag: str, map_dir: Path) -> Mapping[str, str]:
    """Run in that image; HTCondor itself requires machines with a runtime for its kind, and transfers a file."""
    chosen = image(SETTING)
    return {
        **image_runner.descriptors(map_dir),
        "universe": "container",
        "container_image": chosen.source,
        "transfer_container": "false" if chosen.kind is Kind.PLACE else "true",
    }


def set_up(_tag: str, map_dir: Path) -> None:
    """See whether the image fits, as far as it can be seen from here."""
    preflight.check(SETTING, image(SETTING))
    image_runner.make(map_dir)
