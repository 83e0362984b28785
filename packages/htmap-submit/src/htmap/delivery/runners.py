"""The runner as one file that travels with the jobs.

In: what the first lines of the file say. Out: a file below HTMAP_DIR, under the hash of what it is made from:
made once, and shared by all maps. On the other side: the execute node, or an image, which runs that file.

It is a zip of htmap_exec, htmap_common, cloudpickle and msgpack (its pure-Python part), as they are installed here.
Each module lies in there twice. Compiled, as to compile them takes longer than all else that a short job does. And as
source, since the interpreter on the node may be of another version, which the runner then has to be able to say.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import io
import py_compile
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from htmap.exceptions import HTMapException
from htmap.interrupts import uninterrupted
from htmap.store.atomic import storage_errors, write_file
from htmap.store.mapdir import MapDir
from htmap.store.trust import is_trusted

_PACKAGES = ("htmap_exec", "htmap_common", "cloudpickle", "msgpack")

_ENTRY = """\
from htmap_exec.__main__ import main

raise SystemExit(main())
"""


def place(map_dir: Path, head: str) -> Path:
    """Where the file that begins with `head` is, once it has been made."""
    return MapDir(map_dir).home.runners / f"htmap-exec-{_hash(head)}.pyz"


def make(map_dir: Path, head: str) -> None:
    """Put the file in its place, unless it is there."""
    path = place(map_dir, head)
    if is_trusted(path):
        return
    with storage_errors(f"write the runner to {path}"):
        write_file(path, [content(head)], mode=0o700)


@functools.cache
def _hash(head: str) -> str:
    digest = hashlib.sha256(importlib.util.MAGIC_NUMBER + (head + _ENTRY).encode())
    for package in _PACKAGES:
        for name, path in _sources(package):
            digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def content(head: str) -> bytes:
    """The file: its first lines, which make it an executable, then the zip. A zip may have anything before it."""
    stream = io.BytesIO()
    stream.write(head.encode())
    # In the midst of an entry, zipfile makes a ValueError of Ctrl-C, and complains of it once more at the end.
    with uninterrupted(), zipfile.ZipFile(stream, "w") as archive, tempfile.TemporaryDirectory() as folder:
        _add(archive, "__main__.py", _ENTRY.encode())
        for package in _PACKAGES:
            for name, path in _sources(package):
                _add(archive, name, path.read_bytes())
                _add(archive, f"{name}c", _compiled(name, path, folder))
    return stream.getvalue()


def _compiled(name: str, path: Path, folder: str) -> bytes:
    compiled = Path(folder, "compiled")
    # A zip has no times that could be compared.
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(path), str(compiled), name, doraise=True, optimize=2, invalidation_mode=mode)
    return compiled.read_bytes()


def _sources(package: str) -> Iterator[tuple[str, Path]]:
    """The modules of an installed package, without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise HTMapException(f"The package {package} is not installed, so the runner cannot be sent to execute nodes.")
    root = Path(spec.submodule_search_locations[0])
    for path in sorted(root.rglob("*.py")):
        yield f"{package}/{path.relative_to(root).as_posix()}", path


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    # A fixed time and mode: those of the files here mean nothing on a node.
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    archive.writestr(entry, data, compresslevel=9)
