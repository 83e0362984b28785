"""Delivery "docker": HTCondor's docker universe, with any image that has Python (setting DOCKER.IMAGE)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from htmap.delivery import image_runner, preflight
from htmap.delivery.images import docker_image

SETTING = "DOCKER.IMAGE"


def descriptors(_tag: str, map_dir: Path) -> Mapping[str, str]:
    """Run in that image; HTCondor itself requires machines with docker."""
    return {**image_runner.descriptors(map_dir), "universe": "docker", "docker_image": docker_image(SETTING)}


def set_up(_tag: str, map_dir: Path) -> None:
    """See whether the image fits, as far as it can be seen from here."""
    preflight.check_docker(SETTING, docker_image(SETTING))
    image_runner.make(map_dir)
