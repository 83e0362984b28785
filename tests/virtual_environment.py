"""A virtual environment as a user may have it, made in a second and without a network.

In: the packages of the tests' own environment. Out: an environment with copies of some, and HTMap itself as an editable
install. On the other side: what transplants it.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

# What htmap-submit needs at run time, without the bindings, which are large.
NEEDED = ("cloudpickle", "msgpack", "toml", "rich", "markdown-it-py", "mdurl", "Pygments", "psutil")


def make_virtual_environment(folder: Path, *more: str) -> Path:
    """Make it; its interpreter.

    Parameters
    ----------
    more
        Names of further distributions that it has.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    packages = next(folder.glob("lib/python3*/site-packages"))
    for name in (*NEEDED, *more):
        for file in distribution(name).files or ():
            if ".." not in file.parts and "__pycache__" not in file.parts:
                target = packages / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(str(file.locate()), target)
    sources = [_source(name) for name in ("htmap_common", "htmap_exec", "htmap")]
    (packages / "_editable.pth").write_text("".join(f"{source}\n" for source in sources))
    return folder / "bin/python"


def _source(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    assert spec
    assert spec.origin
    return Path(spec.origin).parents[1]
