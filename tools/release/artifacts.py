"""Build the wheels and sdists, and look into them.

In: the tree. Out: files in a folder. On the other side: hatchling for building, the package index for taking them.
"""

from __future__ import annotations

import email
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from email.message import Message
from pathlib import Path, PurePosixPath

from release import DISTRIBUTIONS, ROOT, NotReady

# What a wheel may hold beside modules.
_MARKERS = {"py.typed"}


def build(folder: Path) -> None:
    """Build an sdist of each distribution, and a wheel from that: so an sdist lacks nothing."""
    for distribution in DISTRIBUTIONS:
        _hatchling("sdist", ROOT / "packages" / distribution, folder)
        sdist = _only(folder.glob(f"{distribution.replace('-', '_')}-*.tar.gz"))
        unpacked = folder / "unpacked"
        unpacked.mkdir(exist_ok=True)
        with tarfile.open(sdist) as archive:
            # Our own archive; a newer tarfile wants to be told how much it may be trusted, an older one cannot be.
            archive.extraction_filter = getattr(tarfile, "data_filter", None)
            archive.extractall(unpacked)  # noqa: S202 - as above
        _hatchling("wheel", unpacked / sdist.name.removesuffix(".tar.gz"), folder)
    shutil.rmtree(folder / "unpacked")


def build_wheels(folder: Path) -> None:
    """Build nothing but the wheels: for images, which are built from this tree before it is published."""
    folder.mkdir(parents=True, exist_ok=True)
    for distribution in DISTRIBUTIONS:
        _hatchling("wheel", ROOT / "packages" / distribution, folder)


def _hatchling(target: str, source: Path, folder: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    subprocess.run(command, cwd=source, check=True, stdout=subprocess.DEVNULL)


def _only(paths: Iterable[Path]) -> Path:
    found = list(paths)
    if len(found) != 1:
        raise NotReady(f"There should be one file, but there are {[path.name for path in found]}.")
    return found[0]


def wheels(folder: Path) -> list[Path]:
    """The wheels there."""
    return sorted(folder.glob("*.whl"))


def sdists(folder: Path) -> list[Path]:
    """The sdists there."""
    return sorted(folder.glob("*.tar.gz"))


def check_wheel(wheel: Path, package: str, version: str) -> None:
    """Raise `NotReady` if a wheel lacks something, or holds what it should not."""
    with zipfile.ZipFile(wheel) as archive:
        names = [PurePosixPath(name) for name in archive.namelist() if not name.endswith("/")]
        info = _only_of({name.parts[0] for name in names if name.parts[0].endswith(".dist-info")}, wheel)
        metadata = email.message_from_bytes(archive.read(f"{info}/METADATA"))
    code = [name for name in names if name.parts[0] == package]
    foreign = [name for name in names if name.parts[0] not in {package, info}]
    odd = [name for name in code if name.suffix != ".py" and name.name not in _MARKERS]
    if foreign or odd:
        raise NotReady(f"{wheel.name} holds what does not belong there: {', '.join(map(str, foreign + odd))}.")
    for needed in (f"{package}/py.typed", f"{package}/__init__.py", f"{info}/licenses/LICENSE"):
        if PurePosixPath(needed) not in names:
            raise NotReady(f"{wheel.name} lacks {needed}.")
    sources = {path.relative_to(ROOT) for path in (ROOT / "packages").glob(f"*/src/{package}/**/*.py")}
    missing = {"/".join(path.parts[3:]) for path in sources} - {str(name) for name in code}
    if missing:
        raise NotReady(f"{wheel.name} lacks {', '.join(sorted(missing))}.")
    check_metadata(wheel.name, metadata, version)


def check_metadata(name: str, metadata: Message, version: str) -> None:
    """Raise `NotReady` if metadata does not say what the index and pip need."""
    wanted = {
        "Version": version,
        "License-Expression": "Apache-2.0",
        "Requires-Python": ">=3.10",
        "Description-Content-Type": "text/markdown",
    }
    for field, value in wanted.items():
        if metadata[field] != value:
            raise NotReady(f"{name} says {field}: {metadata[field]}, but it should be {value}.")
    if not metadata["Summary"]:
        raise NotReady(f"{name} has no Summary.")
    siblings = [each for each in metadata.get_all("Requires-Dist", []) if each.startswith(("htmap-", "htmap_"))]
    loose = [each for each in siblings if not each.endswith(f"=={version}")]
    if loose:
        raise NotReady(f"{name} needs {', '.join(loose)}: siblings are pinned to {version}.")


def check_sdist(sdist: Path) -> None:
    """Raise `NotReady` if an sdist lacks what its wheel is built of, or holds more than that."""
    with tarfile.open(sdist) as archive:
        names = {PurePosixPath(*PurePosixPath(each.name).parts[1:]) for each in archive if each.isfile()}
    needed = {PurePosixPath(name) for name in ("PKG-INFO", "LICENSE", "README.md", "pyproject.toml")}
    if not needed <= names:
        raise NotReady(f"{sdist.name} lacks {', '.join(sorted(map(str, needed - names)))}.")
    foreign = [name for name in names - needed if name.parts[0] != "src" and name.name != ".gitignore"]
    if foreign:
        raise NotReady(f"{sdist.name} holds what does not belong there: {', '.join(map(str, foreign))}.")


def _only_of(found: set[str], wheel: Path) -> str:
    if len(found) != 1:
        raise NotReady(f"{wheel.name} should have one folder of metadata, not {sorted(found)}.")
    return found.pop()


def check_with_twine(files: list[Path]) -> None:
    """Raise `NotReady` if the index would refuse a file, or could not show its description."""
    command = [sys.executable, "-m", "twine", "check", "--strict", *map(str, files)]
    if subprocess.run(command, check=False).returncode != 0:
        raise NotReady("twine refuses what it names above.")
