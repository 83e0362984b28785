"""Images, as settings name them.

In: the settings DOCKER.IMAGE, SINGULARITY.IMAGE and CONTAINER.IMAGE. Out: where an image is, spelled so that neither
the submit language nor a shell can take it for anything else. On the other side: a registry, a web server, a disk.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from pathlib import Path

from htmap.exceptions import InputFileNotFound, InvalidSetting, MissingSetting
from htmap.language.words import checked_setting
from htmap.settings import settings

# Source: the grammar of references of the distribution project; ours is a little wider, and has no blanks.
_NAME, _TAG, _DIGEST = r"[A-Za-z0-9][A-Za-z0-9._/-]*(:[0-9]+/[A-Za-z0-9._/-]+)?", r"(:\w[\w.-]*)?", r"(@\w+:[0-9a-f]+)?"
_REFERENCE = re.compile(_NAME + _TAG + _DIGEST, re.ASCII)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.+)")

# What container runtimes fetch themselves; anything else with a scheme is for HTCondor's file transfer.
_REGISTRIES = frozenset({"docker", "oras", "library", "shub"})

# Only execute nodes may have it: a file system that is mounted where it is used.
_NODES_ONLY = ("/cvmfs/",)


class Kind(enum.Enum):
    """How an image reaches the node."""

    REGISTRY = "a reference that the container runtime resolves"
    URL = "a file that HTCondor fetches"
    FILE = "a file here, which is sent along"
    PLACE = "a path that is the same on the node"


@dataclass(frozen=True, slots=True)
class Image:
    """An image.

    Parameters
    ----------
    source
        A reference, an URL, or an absolute path.
    """

    kind: Kind
    source: str

    @property
    def name(self) -> str:
        """The last part of a path or URL: what a file that was sent is called on the node."""
        return self.source.rstrip("/").rpartition("/")[2]


def docker_image(setting: str) -> str:
    """The reference of a docker image, without ``docker://``."""
    return _reference(setting, _value(setting, "python:3.12-slim").removeprefix("docker://"))


def image(setting: str) -> Image:
    """The image that a setting names.

    Raises
    ------
    MissingSetting
        It is not set.
    InvalidSetting
        It cannot be the name of an image.
    InputFileNotFound
        It is a path, and nothing is there.
    """
    value = _value(setting, "docker://python:3.12-slim, or the path of a .sif file")
    scheme = _SCHEME.fullmatch(value)
    if scheme and scheme[1] in _REGISTRIES:
        return Image(Kind.REGISTRY, f"{scheme[1]}://{_reference(setting, scheme[2])}")
    # In lists of files a comma ends a name.
    checked_setting(setting, value, ",")
    if scheme and scheme[1] != "file":
        return Image(Kind.URL, checked_setting(setting, value, " "))
    path = Path(value.removeprefix("file://")).expanduser().absolute()
    if path.is_dir() or str(path).startswith(_NODES_ONLY):
        # HTCondor follows no link to a directory, and every root file system has some: so it is not sent.
        return Image(Kind.PLACE, str(path))
    if not path.is_file():
        raise InputFileNotFound(
            f"There is no image {path} (setting {setting}). An image in a registry is written docker://{value}."
        )
    return Image(Kind.FILE, str(path.parent.resolve() / path.name))


def _value(setting: str, example: str) -> str:
    value = settings[setting]
    if not value:
        raise MissingSetting(
            f"This delivery method needs to know the image: set {setting}, for example to {example}. "
            "The image must have Python; containers/README.md says how to build one."
        )
    return checked_setting(setting, value)


def _reference(setting: str, reference: str) -> str:
    if not _REFERENCE.fullmatch(reference):
        raise InvalidSetting(
            f"The setting {setting} is {reference!r}, which is no name of an image like python:3.12-slim."
        )
    return reference
