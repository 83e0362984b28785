"""HTCondor's programs: those on PATH, else Debian's.

In: which HTCondor. Out: where its programs lie. On the other side: the machine, or `testbed.debian`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from testbed import cache, debian

MAIN_SUITE = "trixie"
"""Has 23.9.6, and keeps it: the version that HTMap is developed against."""

NEXT_SUITE = "sid"
"""Has the newest HTCondor that Debian packaged; moves."""

# Change this when what lies in a prefix changes, so that old ones are made again.
_RECIPE = 1


@dataclass(frozen=True)
class Condor:
    """One installation of HTCondor.

    Parameters
    ----------
    bin, sbin, libexec, lib
        The folders that HTCondor's configuration calls BIN, SBIN, LIBEXEC and LIB.
    """

    bin: Path
    sbin: Path
    libexec: Path
    lib: Path

    def version(self) -> str:
        """For example ``23.9.6``."""
        said = subprocess.run(
            [self.bin / "condor_version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "CONDOR_CONFIG": os.devnull},
        ).stdout
        found = re.search(r"\$CondorVersion: ([\d.]+)", said)
        return found[1] if found else "unknown"


def find_or_install(suite: str | None = None) -> Condor:
    """HTCondor's programs.

    Parameters
    ----------
    suite
        A suite of Debian to take them from. None: the HTCondor on PATH, if there is one, else `MAIN_SUITE`.
    """
    on_path = shutil.which("condor_master") if suite is None else None
    return _installed_here(Path(on_path)) if on_path else _from_debian(suite or MAIN_SUITE)


def _installed_here(master: Path) -> Condor:
    tool = shutil.which("condor_version")
    if tool is None:
        raise debian.TestbedError(f"{master} is here, but condor_version is not on PATH: install HTCondor's tools too.")
    usr = master.resolve().parent.parent
    candidates = [usr / "libexec/condor", usr / "lib/condor/libexec", usr / "libexec"]
    libexec = next((folder for folder in candidates if (folder / "condor_kflops").exists()), candidates[-1])
    lib = next((folder for folder in (usr / "lib/condor", usr / "lib64/condor") if folder.is_dir()), usr / "lib")
    return Condor(bin=Path(tool).parent, sbin=master.parent, libexec=libexec, lib=lib)


def _from_debian(suite: str) -> Condor:
    prefix = cache.made_once(f"condor-{suite}-{_RECIPE}", lambda now, final: _fill(now, final, suite))
    return Condor(bin=prefix / "bin", sbin=prefix / "sbin", libexec=prefix / "libexec/condor", lib=prefix / "lib")


def _fill(prefix: Path, final: Path, suite: str) -> None:
    debian.install(prefix, final, suite, ["condor"], _is_needed)
    for folder in (prefix / "bin", prefix / "sbin"):
        for path in folder.iterdir():
            if not path.name.startswith("condor"):
                path.unlink()


def _is_needed(package: str) -> bool:
    """Whether the daemons load it: not the bindings for other languages, nor the system around them."""
    foreign = ("libpython", "libperl", "libjs-", "libboost-python")
    return package == "condor" or (package.startswith("lib") and not package.startswith(foreign))
