"""The Python of a node: that of the tests, and no package of anybody's.

In: an interpreter. Out: a virtual environment of it that is empty. On the other side: jobs, whose PATH leads to its
``python3``. What somebody installed on the machine of the tests, in its system or below a home, would else be seen by
jobs, and a test could pass for no other reason.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from testbed.debian import TestbedError


def make(folder: Path, interpreter: Path | None = None) -> Path:
    """Make the environment in `folder`; the folder that PATH must name.

    Parameters
    ----------
    folder
        Not there yet.
    interpreter
        None: the one below the virtual environment that this runs in, if it does.
    """
    # Without the variables of who asks: PYTHONHOME and the like lead elsewhere.
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [interpreter or base(), "-I", "-m", "venv", "--without-pip", "--symlinks", folder],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env=variables,
    )
    if done.returncode != 0:
        raise TestbedError(f"The nodes of a pool get no Python: {done.stderr.strip() or done.stdout.strip()}")
    return folder / "bin"


def base() -> Path:
    """The interpreter below the virtual environment that this runs in, or this one."""
    return Path(sys.executable).resolve()
