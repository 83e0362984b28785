"""Leave root behind.

In: a process of root's. Out: the same command as an ordinary user. A schedd refuses jobs of root.

There are two ways, and neither makes an account. In a user namespace (`command`) the process is uid 1, a name that
every machine knows, and the files of root are its own; so nothing has to be copied. But seen from outside it is still
root, and docker would start a container as the uid that the process shows, which does not own the scratch directory of
the job. For containers there is `real_command`: uid 1 of the machine itself, which may read what root may read, such as
this checkout and its Python, and write only what is given to it.
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


def leave_root(command_line: list[str]) -> None:
    """Replace this process by `command_line` as an ordinary user if it is root's; else do nothing.

    Raises
    ------
    TestbedError
        This is root, and no user namespace can be made.
    """
    if os.geteuid() == 0:
        wrapped = command(command_line)
        sys.stdout.flush()
        os.environ.update(variables())
        os.execv(wrapped[0], wrapped)  # noqa: S606 - a shell would split names


def command(command_line: list[str]) -> list[str]:
    """The command that runs `command_line` in a user namespace; the same one if this is an ordinary user already."""
    if os.geteuid() != 0:
        return command_line
    if not can_make_namespaces():
        raise TestbedError(
            "HTCondor runs no jobs of root, and no user namespace can be made here (inside of a chroot none can): "
            "run this as an ordinary user."
        )
    return [*_enter(), *command_line]


def can_make_namespaces() -> bool:
    """Whether user namespaces can be made: some containers forbid it, and the kernel itself inside of a chroot."""
    return (
        subprocess.run([*_enter(), "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0
    )


def _enter() -> list[str]:
    return [_program("unshare"), "--user", f"--map-user={ORDINARY_ID}", f"--map-group={ORDINARY_ID}", "--"]


def real_command(command_line: list[str]) -> list[str]:
    """The command that runs `command_line` as a real account, if this is root."""
    if os.geteuid() != 0:
        return command_line
    # The one capability that stays is to read files; also what it starts has it.
    kept = ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]
    identity = [f"--reuid={ORDINARY_ID}", f"--regid={ORDINARY_ID}", "--clear-groups"]
    return [_program("setpriv"), *identity, *kept, "--", *command_line]


def variables() -> dict[str, str]:
    """What the environment must say of the ordinary user, if this is root."""
    if os.geteuid() != 0:
        return {}
    name = pwd.getpwuid(ORDINARY_ID).pw_name
    # HOME stays root's: its files can be read. The names must agree with the uid.
    return {"HOME": str(Path.home()), "USER": name, "LOGNAME": name}


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise TestbedError(f"HTCondor runs no jobs of root, and {name} (util-linux) is missing: be an ordinary user.")
    return found
