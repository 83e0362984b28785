"""Leave root behind.

In: a process of root's. Out: the same command in a user namespace where it is an ordinary user.
A schedd refuses jobs of root. In the namespace the process is uid 1, a name that every machine knows, and the
files of root are its own; so nothing has to be copied, and no account has to be made.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

from testbed.debian import TestbedError

ORDINARY_ID = 1


def leave_root(command: list[str]) -> None:
    """Replace this process by `command` as an ordinary user if it is root's; else do nothing.

    Raises
    ------
    TestbedError
        This is root, and no user namespace can be made.
    """
    if os.geteuid() != 0:
        return
    unshare = shutil.which("unshare")
    if unshare is None:
        raise TestbedError(
            "HTCondor runs no jobs of root, and unshare (util-linux) is missing: run this as an ordinary user."
        )
    identity = [f"--map-user={ORDINARY_ID}", f"--map-group={ORDINARY_ID}"]
    enter = [unshare, "--user", *identity, "--"]
    if subprocess.run([*enter, "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode != 0:
        raise TestbedError(
            "HTCondor runs no jobs of root, and no user namespace can be made: run this as an ordinary user."
        )
    sys.stdout.flush()
    name = pwd.getpwuid(ORDINARY_ID).pw_name
    # HOME stays root's: its files are this user's now. The names must agree with the uid.
    os.environ.update(HOME=str(Path.home()), USER=name, LOGNAME=name)
    os.execv(unshare, [*enter, *command])  # noqa: S606 - a shell would split names
