"""Ask an image what it declares, before jobs are sent to it.

In: an image that can be seen from here. Out: nothing, or a refusal that names both numbers. On the other side: the
command line of docker or apptainer if this machine has it, or the files of a sandbox; else nothing is known, and the
launcher finds out on the node.

An image tells the wire format of the htmap-exec in it by the label `WIRE_FORMAT` (containers/README.md), and its Python
by the label `PYTHON`, or the variable PYTHON_VERSION, which the official images of Python have.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from htmap.delivery.images import Image, Kind
from htmap.exceptions import InvalidSetting
from htmap_common.wire import FORMAT

WIRE_FORMAT, PYTHON = "htmap.wire-format", "htmap.python"

_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Declared:
    """What an image says of itself; None: nothing."""

    wire_format: str | None
    python: str | None


_NOTHING = Declared(None, None)


def check_docker(setting: str, reference: str) -> None:
    """Refuse a docker image that declares what does not fit. Raises `InvalidSetting`."""
    _check(setting, reference, _of_docker(reference))


def check(setting: str, image: Image) -> None:
    """Refuse an image that declares what does not fit. Raises `InvalidSetting`."""
    if image.kind is Kind.REGISTRY and image.source.startswith("docker://"):
        check_docker(setting, image.source.removeprefix("docker://"))
    elif image.kind in {Kind.FILE, Kind.PLACE}:
        path = Path(image.source)
        _check(setting, image.source, _of_sandbox(path) if path.is_dir() else _of_file(path))


def _check(setting: str, name: str, declared: Declared) -> None:
    if declared.wire_format not in {None, str(FORMAT)}:
        raise InvalidSetting(
            f"The image {name} (setting {setting}) has an htmap-exec of wire format {declared.wire_format}, and this "
            f"HTMap has wire format {FORMAT}. Build the image again with the htmap-exec that belongs to this HTMap."
        )
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    if declared.python is not None and ".".join(declared.python.split(".")[:2]) != here:
        raise InvalidSetting(
            f"The image {name} (setting {setting}) has Python {declared.python}, and this is Python {here}. Functions "
            "travel as bytecode, so the first two numbers must agree: take another image, or submit with that Python."
        )


def _of_docker(reference: str) -> Declared:
    said = _said("docker", "image", "inspect", "--format", "{{json .Config}}", reference)
    if not isinstance(said, dict):
        return _NOTHING
    variables = dict(each.partition("=")[::2] for each in said.get("Env") or ())
    return _declared(said.get("Labels") or {}, variables.get("PYTHON_VERSION"))


def _of_sandbox(folder: Path) -> Declared:
    with contextlib.suppress(OSError, ValueError):
        labels = json.loads((folder / ".singularity.d" / "labels.json").read_text(encoding="utf-8"))
        return _declared(labels)
    return _NOTHING


def _of_file(path: Path) -> Declared:
    for runtime in ("apptainer", "singularity"):
        said = _said(runtime, "inspect", "--json", "--labels", str(path))
        with contextlib.suppress(KeyError, TypeError):
            return _declared(said["data"]["attributes"]["labels"])
    return _NOTHING


def _declared(labels: Mapping[str, Any], python: str | None = None) -> Declared:
    return Declared(labels.get(WIRE_FORMAT) or None, labels.get(PYTHON) or python)


def _said(program: str, *arguments: str) -> Any:
    """What a program prints as JSON; None if it is not here, or knows no answer."""
    found = shutil.which(program)
    if found is None:
        return None
    with contextlib.suppress(OSError, ValueError, subprocess.TimeoutExpired):
        done = subprocess.run(
            [found, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT_S, check=False
        )
        return json.loads(done.stdout) if done.returncode == 0 else None
    return None
