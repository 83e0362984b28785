"""Which shared libraries some programs need that another machine may lack.

In: files, some of them programs or libraries. Out: the libraries that they need from elsewhere. On the other side: the
machine's own loader, asked through ldd.

Those of the C library are not among them: they must fit the kernel and each other, and every Linux has its own.
"""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
from collections.abc import Iterable
from pathlib import Path

_C_LIBRARY = re.compile(r"ld-linux.*|lib(c|m|dl|pthread|rt|util|resolv|nsl|anl|mvec)\.so.*|ld-musl.*|libc\.musl.*")
_FOUND = re.compile(r"^\s+(\S+) => (/.+) \(0x[0-9a-f]+\)$", re.MULTILINE)

_TIMEOUT_S = 300.0


def libraries_of(files: Iterable[Path]) -> dict[str, Path]:
    """The libraries that `files` need, by name, but for those of the C library and `files` themselves."""
    files = list(files)
    programs = [str(path) for path in files if _is_elf(path)]
    ldd = shutil.which("ldd")
    if ldd is None or not programs:
        return {}
    said = subprocess.run(
        [ldd, *programs],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,  # it also complains of what is no dynamic program
    ).stdout
    own = {path.resolve() for path in files}
    found = {}
    for name, place in _FOUND.findall(said):
        if not _C_LIBRARY.fullmatch(name) and Path(place).resolve() not in own:
            found[name] = Path(place)
    return found


def _is_elf(path: Path) -> bool:
    if ".so" not in path.name and not path.stat().st_mode & stat.S_IXUSR:
        return False
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"
