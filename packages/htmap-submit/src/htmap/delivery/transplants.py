"""The archives of environments that have been transplanted.

In: the running environment (`htmap.delivery.environment`). Out: one archive for each environment, in the folder that
the setting TRANSPLANT.DIR names. On the other side: the execute node, which unpacks it with tar.

An archive is made beside its place and renamed: who sees it may use it. Two processes that want the same one at once
make it once: the second waits for the lock of the first.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import gzip
import io
import json
import re
import secrets
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from htmap.delivery.environment import Environment
from htmap.exceptions import DamagedFile
from htmap.settings import settings
from htmap.store.atomic import make_private_directory, storage_errors
from htmap.store.locks import exclusive
from htmap.store.mapdir import Home
from htmap.store.trust import is_trusted, make_trusted_directory

_NAME = re.compile(r"transplant-([0-9a-f]+)\.tar\.gz")
_DESCRIPTION = "transplant.json"  # the first member

# The C library and what it loads find each other by LD_LIBRARY_PATH, for this process alone: `HOOK` takes it away.
_PYTHON = """\
#!/bin/sh
case $0 in */*) here=${0%/*} ;; *) here=. ;; esac
here=$(cd "$here" && pwd)
export HTMAP_TRANSPLANT_OUTER="$LD_LIBRARY_PATH"
export HTMAP_TRANSPLANT_PYTHON="$here/python"
export LD_LIBRARY_PATH="$here/libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
exec "$here/EXECUTABLE" "$@"
"""

_HOOK = '''\
"""What a transplanted Python does first: programs that it starts get the libraries of their own machine."""

import os
import sys

python = os.environ.pop("HTMAP_TRANSPLANT_PYTHON", None)
if python:
    # Another Python that this one starts is to have them again.
    sys.executable = sys._base_executable = python
    outer = os.environ.pop("HTMAP_TRANSPLANT_OUTER", "")
    if outer:
        os.environ["LD_LIBRARY_PATH"] = outer
    else:
        os.environ.pop("LD_LIBRARY_PATH", None)
'''

# 150 MB a second to unpack, and hardly larger than at higher levels.
_COMPRESSION = 4


class Transplant(NamedTuple):
    """An object that represents metadata information about a transplant install.

    Attributes
    ----------
    hash
        Names the environment by its content.
    path
        The archive.
    created
        When it was made.
    size
        Of the archive, in bytes.
    packages
        What is installed in it, as ``name==version``.
    """

    hash: str
    path: Path
    created: dt.datetime
    size: int
    packages: tuple[str, ...]

    @classmethod
    def load(cls, path: Path) -> Transplant:
        """The transplant install at that path.

        Raises
        ------
        htmap.exceptions.DamagedFile
            It is none, or it is damaged.
        """
        path = Path(path)
        found = _NAME.fullmatch(path.name)
        described = _describe(path)
        if found is None or not isinstance(described.get("packages"), list):
            raise DamagedFile(f"{path} is no transplant install.")
        created = dt.datetime.fromtimestamp(described.get("created", 0)).astimezone()
        return cls(found[1], path, created, path.stat().st_size, tuple(described["packages"]))

    def remove(self) -> None:
        """Delete the archive. Maps whose jobs have not started yet need it: it is made again for the next map only."""
        with storage_errors(f"remove the transplant install {self.path}"):
            self.path.unlink(missing_ok=True)


def transplants() -> tuple[Transplant, ...]:
    """The transplant installs that there are, the oldest first. Damaged ones are left out."""
    return tuple(sorted(_loadable(), key=lambda each: each.created))


def _loadable() -> Iterator[Transplant]:
    for path in filter(is_trusted, folder().glob("transplant-*.tar.gz")):
        with contextlib.suppress(DamagedFile, FileNotFoundError):
            yield Transplant.load(path)


def transplant_info() -> str:
    """Return a text table of the transplant installs."""
    found = transplants()
    if not found:
        return f"There are no transplant installs in {folder()}."
    rows = [("Hash", "Size (MB)", "Created", "Packages")]
    for each in found:
        size_mb = f"{each.size / 1e6:.1f}"
        rows.append((each.hash, size_mb, f"{each.created:%Y-%m-%d %H:%M}", str(len(each.packages))))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines)


def folder() -> Path:
    """Where they lie."""
    chosen = settings["TRANSPLANT.DIR"]
    return Path(chosen).expanduser().absolute() if chosen else Home.of(settings).transplants


def archive_name(digest: str) -> str:
    """The file name of the archive of an environment."""
    return f"transplant-{digest}.tar.gz"


def make(environment: Environment) -> None:
    """Make the archive of an environment, unless it is there."""
    path = folder() / archive_name(environment.digest)
    with storage_errors(f"make the transplant install {path}"):
        make_private_directory(path.parent)
        make_trusted_directory(path.parent)
        if is_trusted(path):
            return
        with exclusive(path.parent / "lock"):
            if not is_trusted(path):
                for leftover in path.parent.glob(f".{path.name}.*"):
                    leftover.unlink()  # of a process that was killed: whoever makes one holds the lock
                _make(environment, path)


def _make(environment: Environment, path: Path) -> None:
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with beside.open("xb") as file, gzip.GzipFile("", "wb", _COMPRESSION, file) as compressed:
            beside.chmod(0o600)
            _pack(environment, compressed)
        beside.rename(path)
    finally:
        beside.unlink(missing_ok=True)


def _pack(environment: Environment, stream: gzip.GzipFile) -> None:
    described = {
        "created": dt.datetime.now(dt.timezone.utc).timestamp(),
        "packages": environment.packages,
    }
    with tarfile.open(fileobj=stream, mode="w|", dereference=True) as archive:
        _add_text(archive, _DESCRIPTION, json.dumps(described))
        hook_place = next(name for name in environment.texts if name.endswith("/_htmap_local.pth")).rpartition("/")[0]
        _add_text(archive, f"{hook_place}/_htmap_transplant.py", _HOOK)
        _add_text(archive, f"{hook_place}/_htmap_transplant.pth", "import _htmap_transplant\n")
        if environment.is_virtual:
            link = tarfile.TarInfo(environment.executable)
            link.type, link.linkname = tarfile.SYMTYPE, f"../../base/bin/{Path(environment.executable).name}"
            archive.addfile(link)
        for name, text in environment.texts.items():
            _add_text(archive, name, text)
        for name, path in environment.files.items():
            # With its time: Python believes compiled files only beside sources of that time.
            archive.add(path, name, recursive=False, filter=_of_nobody)
        # The last one: where it is, all is.
        _add_text(archive, "python", _PYTHON.replace("EXECUTABLE", environment.executable), mode=0o755)


def _add_text(archive: tarfile.TarFile, name: str, text: str, mode: int = 0o644) -> None:
    content = text.encode(errors="surrogateescape")
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))


def _of_nobody(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode |= 0o600
    if entry.islnk():  # two names of one file, of which the other may be elsewhere
        entry.type = tarfile.REGTYPE
    return entry


def _describe(path: Path) -> dict[str, Any]:
    try:
        with tarfile.open(path, "r|gz") as archive:
            member = archive.next()
            content = archive.extractfile(member) if member and member.name == _DESCRIPTION else None
            described = json.load(content) if content else None
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise DamagedFile(f"{path} is no transplant install, or it is damaged: {error}") from error
    return described if isinstance(described, dict) else {}
