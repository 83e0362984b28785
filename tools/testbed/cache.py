"""The folder where things lie that are made once a machine.

In: a name and a function that makes a thing. Out: the folder of the thing, whole.
On the other side: other processes that ask for the same at the same time.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path


def cache_folder() -> Path:
    """Where everything of ours lies: ``htmap-testbed`` below the XDG cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base).absolute() / "htmap-testbed"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def made_once(name: str, make: Callable[[Path, Path], None]) -> Path:
    """The folder called `name`; made now if it is not there.

    Parameters
    ----------
    name
        A file name. Change it whenever `make` changes what it makes.
    make
        Called with an empty folder to fill, and the path that the folder will have when it is whole
        (some programs have their own path written into them).

    Notes
    -----
    The rename is the signal: a folder with its final name is whole. A second process waits for the first.
    """
    final = cache_folder() / name
    if final.is_dir():
        return final
    with locked(final.with_name(f"{name}.lock")):
        if not final.is_dir():
            _make_beside(final, make)
    return final


def _make_beside(final: Path, make: Callable[[Path, Path], None]) -> None:
    for leftover in final.parent.glob(f"{final.name}.making-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    beside = Path(tempfile.mkdtemp(prefix=f"{final.name}.making-", dir=final.parent))
    try:
        make(beside, final)
        beside.chmod(0o755)  # for whoever may enter the cache folder at all
        beside.rename(final)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file at `path`; the kernel lets go of it when the process ends."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
