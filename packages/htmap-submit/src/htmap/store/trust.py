"""What HTMap runs, unpacks or believes has to be its user's own, as ssh wants its files.

In: paths below HTMAP_DIR. Out: nothing, or a refusal with the command that mends it.
On the other side: other users of this machine. Whoever may write into the queue, the runners or the transplant installs
has programs run in the name of who uses them.
"""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

from htmap.exceptions import StorageError

_OF_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def is_trusted(path: Path) -> bool:
    """Whether something is there that is ours, or root's, and that nobody else may write to."""
    try:
        return _distrust(path.stat()) is None
    except OSError:
        return False


def check_trusted(path: Path) -> None:
    """Raise `StorageError` if something is there that somebody else could have made, or could change.

    Raises
    ------
    OSError
        It cannot be looked at.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return
    why = _distrust(status)
    if why is not None:
        raise StorageError(f"HTMap does not use {path}, because {why}")


def make_trusted_directory(path: Path) -> None:
    """Check a directory; an empty one that is ours is closed to others: nobody has put anything into it yet."""
    status = path.stat()
    if status.st_uid == os.geteuid() and status.st_mode & _OF_OTHERS and not any(path.iterdir()):
        path.chmod(stat.S_IMODE(status.st_mode) & ~_OF_OTHERS)
    try:
        check_trusted(path)
    except StorageError as error:
        if status.st_uid != os.geteuid():
            raise
        mend = f"chmod -R go-w {shlex.quote(str(path))}"
        raise StorageError(f"{error} If all that is in there is yours, close it: {mend}") from None


def _distrust(status: os.stat_result) -> str | None:
    """Why something is not trusted, as the end of a sentence."""
    if status.st_uid not in {os.geteuid(), 0}:
        return (
            f"it belongs to another user ({_name_of(status.st_uid)}), who could have programs run in your name. Set "
            "HTMAP_DIR to a directory of your own; what you may read of others, copy there."
        )
    if status.st_mode & _OF_OTHERS:
        return "others may write to it, and could have programs run in your name."
    return None


def _name_of(uid: int) -> str:
    import pwd  # noqa: PLC0415 - never needed, as a rule

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
