"""Delivery "bundle", the default: the runner travels with each job as one zip that any python3 can run.

The zip holds the sources of htmap_exec, htmap_common, cloudpickle and msgpack (its pure-Python part), as they are
installed here; so the node needs nothing but an interpreter of the same minor version. It is kept below HTMAP_DIR
under the hash of those sources, made once and shared by all maps.

Sources only: compiled they would start some 50 ms sooner, but be two to three times the size, and the interpreter on
the node may be of another version, which the runner then has to be able to say.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import io
import stat
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from htmap.exceptions import HTMapException
from htmap.store.atomic import storage_errors, write_file
from htmap.store.mapdir import MapDir

_PACKAGES = ("htmap_exec", "htmap_common", "cloudpickle", "msgpack")

# The shebang makes the zip an executable of its own: if there is no python3, the job ends with code 127.
_SHEBANG = b"#!/usr/bin/env python3\n"

_ENTRY = """\
from htmap_exec.__main__ import main

raise SystemExit(main())
"""


def descriptors(_tag: str, map_dir: Path) -> Mapping[str, str]:
    """Send the zip as the executable of the job."""
    return {"executable": str(_place(map_dir)), "transfer_executable": "true"}


def set_up(_tag: str, map_dir: Path) -> None:
    """Put the zip in its place, unless it is there."""
    place = _place(map_dir)
    if place.exists():
        return
    with storage_errors(f"write the runner to {place}"):
        write_file(place, [runner_zip()], mode=0o700)


def _place(map_dir: Path) -> Path:
    return MapDir(map_dir).home.runners / f"htmap-exec-{_sources_hash()}.pyz"


@functools.cache
def _sources_hash() -> str:
    digest = hashlib.sha256(_ENTRY.encode())
    for package in _PACKAGES:
        for name, path in _sources(package):
            digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def runner_zip() -> bytes:
    """The runner as one executable zip."""
    stream = io.BytesIO()
    stream.write(_SHEBANG)
    with zipfile.ZipFile(stream, "w") as archive:
        _add(archive, "__main__.py", _ENTRY.encode())
        for package in _PACKAGES:
            for name, path in _sources(package):
                _add(archive, name, path.read_bytes())
    return stream.getvalue()


def _sources(package: str) -> Iterator[tuple[str, Path]]:
    """The modules of an installed package, without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise HTMapException(f"The package {package} is not installed, so the runner cannot be sent to execute nodes.")
    root = Path(spec.submodule_search_locations[0])
    for path in sorted(root.rglob("*.py")):
        yield f"{package}/{path.relative_to(root).as_posix()}", path


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    # A fixed time and mode: the same sources give the same zip.
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    archive.writestr(entry, content, compresslevel=9)
