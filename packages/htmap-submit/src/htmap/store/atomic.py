"""Write files so that a reader sees the old one, the new one or none, and say clearly when the disk refuses."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from htmap.exceptions import HTMapException, StorageError
from htmap_common.wire import Buffer

_ADVICE = {
    errno.ENOSPC: "The disk is full: free some space (`htmap.clean()` removes transient maps).",
    errno.EDQUOT: "Your disk quota is used up: free some space (`htmap.clean()` removes transient maps).",
    errno.EACCES: "You may not write there: change its permissions, or the setting HTMAP_DIR.",
    errno.EPERM: "You may not write there: change its permissions, or the setting HTMAP_DIR.",
    errno.EROFS: "That disk is read-only: change the setting HTMAP_DIR.",
    errno.ENOTDIR: "Something on that path is a file, not a directory: change the setting HTMAP_DIR.",
    errno.EEXIST: "Something else is there: move it away, or change the setting HTMAP_DIR.",
    errno.ENOENT: "There is no such place: make it, or change the setting HTMAP_DIR.",
    errno.EMFILE: "This process has too many files open.",
}


@contextlib.contextmanager
def storage_errors(doing: str) -> Iterator[None]:
    """Turn an OSError of the body into a `StorageError` that says what could not be done, why, and what next."""
    try:
        yield
    except HTMapException:
        raise
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        advice = _ADVICE.get(error.errno or 0, "")
        raise StorageError(f"Cannot {doing}: {error.strerror or error}{where}. {advice}".rstrip()) from error


def is_there(path: Path) -> bool:
    """Whether something lies at a path, also where a disk does not let anybody look."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def write_file(path: Path, buffers: Iterable[Buffer], mode: int = 0o600) -> None:
    """Write a file beside its place, then rename it there.

    The rename is the signal: who sees the file may trust its length. Nothing is synced to disk: the promise is
    about killed processes and full disks, not about power cuts.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with beside.open("xb") as file:
            file.writelines(buffers)
        beside.chmod(mode)
        beside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise


def make_private_directory(path: Path) -> None:
    """Make a directory that only its owner may enter, and those above it that are not there yet likewise."""
    try:
        path.mkdir(mode=0o700, exist_ok=True)
    except FileNotFoundError:
        # Not mkdir(parents=True): it would leave the mode of the parents to the umask.
        make_private_directory(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


# Somebody may write into a directory while it is removed: a job that ends, or whoever locks it to sweep it up.
_REMOVAL_TRIES = 20


def remove_tree(path: Path) -> None:
    """Remove a directory and all below it; fine if somebody else does the same at the same time."""

    def ignore_vanished(
        _function: object, _path: str, exc_info: tuple[type[BaseException], BaseException, object]
    ) -> None:
        if not isinstance(exc_info[1], FileNotFoundError):
            raise exc_info[1]

    with storage_errors(f"remove {path}"):
        for _ in range(_REMOVAL_TRIES):
            try:
                shutil.rmtree(path, onerror=ignore_vanished)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
            else:
                return
        shutil.rmtree(path, onerror=ignore_vanished)


def size_of(path: Path) -> int:
    """Bytes in the files below a directory; what vanishes meanwhile counts nothing."""
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(folder, name)).st_size  # noqa: PTH118 - once per file
    return total
