"""Programs from Debian packages, in a folder of our own.

In: a suite of Debian and names of packages. Out: one prefix (``bin sbin lib libexec ...``) whose programs
run on this machine with the suite's own C library, whatever this machine has.
On the other side: Debian's archive, through apt-get with a private state, and dpkg to unpack.
Each package is verified by apt against Debian's keys; the system's packages are neither read nor touched.
"""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
MIRROR_VARIABLE = "TESTBED_DEBIAN_MIRROR"
TRIES = 3

_ALWAYS = ("libc6", "libstdc++6", "libgcc-s1", "zlib1g", "patchelf")  # the last is what relocates; the others it needs
APT_TIMEOUT_S = 600


class TestbedError(Exception):
    """Something that the tests need cannot be had; the message says what to do."""


class DownloadFailed(TestbedError):
    """The archive did not answer, or does not have it: no fault of HTMap's."""


def install(prefix: Path, final: Path, suite: str, packages: Sequence[str], is_wanted: Callable[[str], bool]) -> None:
    """Fill `prefix` with packages of one suite.

    Parameters
    ----------
    prefix
        An empty folder.
    final
        The path that `prefix` will be renamed to, which the programs have written into them.
    suite
        For example ``trixie`` or ``sid``.
    packages
        What to install.
    is_wanted
        Says of each package that these depend on whether it is needed to run them.
    """
    _require_apt()
    work = prefix.with_name(f"{prefix.name}.work")
    try:
        apt = _PrivateApt(work, suite)
        apt.update()
        names = [name for name in apt.closure([*packages, *_ALWAYS]) if is_wanted(name)]
        tree = work / "tree"
        for archive in apt.download([*dict.fromkeys([*names, *_ALWAYS])]):
            _run(["dpkg", "-x", archive, tree])
        _lay_out(tree, prefix)
        _relocate(prefix, final, patchelf=_runnable(tree, "usr/bin/patchelf"))
        (prefix / "packages").write_text("\n".join(sorted(p.stem for p in work.glob("debs/*.deb"))) + "\n")
    finally:
        shutil.rmtree(work, ignore_errors=True)


def unpack(root: Path, suite: str, packages: Sequence[str]) -> None:
    """Fill `root` with packages of one suite and all that they depend on, as they are."""
    _require_apt()
    work = root.with_name(f"{root.name}.work")
    try:
        apt = _PrivateApt(work, suite)
        apt.update()
        for archive in apt.download(apt.closure(packages)):
            _run(["dpkg", "-x", archive, root])
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _require_apt() -> None:
    missing = [tool for tool in ("apt-get", "dpkg") if shutil.which(tool) is None]
    if missing or not KEYRING.exists():
        lacking = ", ".join([*missing, *([] if KEYRING.exists() else [str(KEYRING)])])
        raise TestbedError(
            f"This machine has no {lacking}, so HTCondor and Python cannot be taken from Debian's packages: "
            "install HTCondor (condor_master on PATH) and a Python of at least 3.12 yourself."
        )


class _PrivateApt:
    """apt-get with lists, cache and state below one folder."""

    def __init__(self, folder: Path, suite: str) -> None:
        self._debs = folder / "debs"
        self._config = folder / "apt.conf"
        for part in ("lists/partial", "cache/archives/partial", "debs"):
            (folder / part).mkdir(parents=True)
        (folder / "status").touch()
        (folder / "sources.list").write_text(f"deb [signed-by={KEYRING}] {_mirror()} {suite} main\n")
        # Read last, after the machine's own files: those may name a proxy, which is wanted, and hooks, which are not.
        self._config.write_text(
            "#clear APT::Update::Post-Invoke;\n"
            "#clear APT::Update::Post-Invoke-Success;\n"
            "#clear DPkg::Post-Invoke;\n"
            f'Dir::State::Lists "{folder}/lists";\n'
            f'Dir::State::status "{folder}/status";\n'
            f'Dir::Cache "{folder}/cache";\n'
            f'Dir::Etc::sourcelist "{folder}/sources.list";\n'
            'Dir::Etc::sourceparts "/dev/null";\n'
            'Dir::Etc::preferencesparts "/dev/null";\n'
            'Acquire::Languages "none";\n'
            'Acquire::Retries "3";\n'
            'APT::Sandbox::User "";\n'  # else root's apt wants a download folder that _apt can enter
        )

    def update(self) -> None:
        self._with_retries(["update", "--error-on=any"])

    def closure(self, packages: Sequence[str]) -> list[str]:
        """Names of the packages and of all that they depend on."""
        plan = self._run(["--simulate", "--no-install-recommends", "install", *packages])
        return re.findall(r"^Inst (\S+)", plan, re.MULTILINE)

    def download(self, names: Sequence[str]) -> list[Path]:
        self._with_retries(["download", *names])
        return sorted(self._debs.glob("*.deb"))

    def _with_retries(self, arguments: list[str]) -> None:
        for attempt in range(1, TRIES + 1):
            try:
                self._run(arguments)
            except DownloadFailed:
                if attempt == TRIES:
                    raise
                time.sleep(2**attempt)
            else:
                return

    def _run(self, arguments: list[str]) -> str:
        command: list[str | Path] = ["apt-get", "--quiet", "--config-file", self._config, *arguments]
        try:
            return _run(command, cwd=self._debs, timeout=APT_TIMEOUT_S)
        except (TestbedError, subprocess.TimeoutExpired) as error:
            raise DownloadFailed(f"Debian's archive: {error}") from error


def _mirror() -> str:
    """The address of Debian's archive that this machine uses itself."""
    chosen = os.environ.get(MIRROR_VARIABLE)
    if chosen:
        return chosen
    codename = _codename()
    uris = _run(["apt-get", "update", "--print-uris"])
    for found in re.finditer(r"^'(\S+?)/dists/([^/']+)/InRelease'", uris, re.MULTILINE):
        if found[2] == codename:
            return found[1]
    raise TestbedError(
        f"The apt sources of this machine name no archive of Debian: set {MIRROR_VARIABLE} to the address of one."
    )


def _codename() -> str:
    release = Path("/etc/os-release").read_text()
    is_debian = re.search(r"^ID=\"?debian\"?$", release, re.MULTILINE)
    found = re.search(r"^VERSION_CODENAME=\"?([\w-]+)", release, re.MULTILINE)
    return found[1] if is_debian and found else ""


def _lay_out(tree: Path, prefix: Path) -> None:
    """Merge the folders of a Debian tree into one prefix, libraries directly below ``lib``."""
    places = {
        "usr/bin": "bin",
        "usr/sbin": "sbin",
        "usr/libexec": "libexec",
        "usr/share": "share",
        "etc": "etc",
        "usr/lib": "lib",
        "lib": "lib",
    }
    for source, target in places.items():
        if (tree / source).is_dir():
            shutil.copytree(tree / source, prefix / target, symlinks=True, dirs_exist_ok=True)
    # One folder for all libraries: Debian keeps most in a folder named after the architecture.
    for triplet in (prefix / "lib").glob("*-linux-gnu*"):
        shutil.copytree(triplet, prefix / "lib", symlinks=True, dirs_exist_ok=True)
        shutil.rmtree(triplet)
    for unneeded in ("share/doc", "share/man", "share/locale", "share/javascript", "share/lintian"):
        shutil.rmtree(prefix / unneeded, ignore_errors=True)


def _runnable(tree: Path, program: str) -> list[Path | str]:
    """The command that runs a program of an unpacked tree where it lies."""
    libraries = ":".join(str(folder) for folder in (tree / "usr/lib").glob("*-linux-gnu*"))
    return [_loader(tree), "--library-path", libraries, tree / program]


def _relocate(prefix: Path, final: Path, patchelf: Sequence[Path | str]) -> None:
    """Make every program use the loader and the libraries of the prefix.

    They are written into the files, so no LD_LIBRARY_PATH is needed that jobs would inherit.
    """
    loader = _loader(prefix)
    # Workaround for patchelf 0.18: with its headers sorted, Python's executable ends with a segmentation fault.
    rpath = ["--no-sort", "--force-rpath", "--set-rpath", f"{final}/lib"]
    # The loader and the C library find each other by themselves and must not be rewritten.
    untouchable = {loader, *(path.resolve() for path in (prefix / "lib").glob("libc.so*"))}
    for path in sorted(prefix.rglob("*")):
        if path.is_symlink() or not path.is_file() or path in untouchable:
            continue
        segments = _elf_segments(path)
        interpreter = ["--set-interpreter", f"{final}/lib/{loader.name}"] if _PT_INTERP in segments else []
        if _PT_DYNAMIC in segments:
            path.chmod(path.stat().st_mode | 0o200)
            _run([*patchelf, *interpreter, *rpath, path])


def _loader(folder: Path) -> Path:
    for path in sorted(folder.rglob("ld-linux*.so.*")):
        if not path.is_symlink():
            return path
    raise TestbedError(f"libc6 brought no loader into {folder}.")


_ELF_HEADER_BYTES = 64
_PT_DYNAMIC, _PT_INTERP = 2, 3  # segment types of the ELF format


def _elf_segments(path: Path) -> set[int]:
    """Types of the program headers of a 64-bit ELF file; nothing for any other file."""
    with path.open("rb") as file:
        head = file.read(_ELF_HEADER_BYTES)
        if len(head) < _ELF_HEADER_BYTES or head[:5] != b"\x7fELF\x02":
            return set()
        order = "<" if head[5] == 1 else ">"
        (offset,) = struct.unpack_from(f"{order}Q", head, 32)
        size, count = struct.unpack_from(f"{order}HH", head, 54)
        file.seek(offset)
        table = file.read(size * count)
    return {struct.unpack_from(f"{order}I", table, size * i)[0] for i in range(count)}


def _run(command: Sequence[str | Path], cwd: Path | None = None, timeout: float = 120) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-6:]
        raise TestbedError(f"{Path(command[0]).name} failed with exit code {done.returncode}: " + " / ".join(said))
    return done.stdout
