"""What the running Python consists of, file by file, and where each file goes in a copy that can run anywhere.

In: this interpreter. Out: an `Environment`: files with their places, texts that replace others, and a hash of it all.
On the other side: `htmap.delivery.transplants`, which packs it.

::

    base/bin/python3.11               the interpreter itself
    base/lib/python3.11/              its standard library, without tests and what needs a screen
    env/lib/python3.11/site-packages  the virtual environment, if it is one; else base has the packages
    local/<n>/                        what editable installs point to
    libs/                             shared libraries that are not of the C library
"""

from __future__ import annotations

import ast
import hashlib
import os
import platform
import re
import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import distributions
from pathlib import Path

from htmap.delivery.shared_libraries import libraries_of
from htmap.exceptions import CannotTransplantPython

# Change it when the same files make another archive, so that old ones are not taken for new.
RECIPE = 1

# Tests, what needs a screen, the pip that makes virtual environments, and what compiles against Python.
_LEFT_OUT = re.compile(
    r"test|idlelib|turtledemo|tkinter|ensurepip|config-.*|_tkinter\..*\.so|site-packages|dist-packages"
)
_NOT_CODE = re.compile(r"\..*|node_modules")
_NOTHING = re.compile(r"(?!)")


@dataclass(slots=True)
class Environment:
    """The running Python.

    Attributes
    ----------
    files
        Place in the archive to the path of the file here.
    texts
        Place in the archive to the text of a file that is made for it.
    packages
        ``name==version`` of each installed distribution.
    is_virtual
        Whether it is a virtual environment, standing on another interpreter.
    digest
        Names the content: the same files and texts in the same places have the same digest.
    """

    files: dict[str, Path] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    is_virtual: bool = False
    digest: str = ""

    @property
    def executable(self) -> str:
        """Where the interpreter is to be started, in the archive."""
        return f"{'env' if self.is_virtual else 'base'}/bin/{_executable().name}"

    def size(self) -> int:
        """Bytes on disk once it is unpacked."""
        return sum(path.stat().st_size for path in self.files.values())


def check() -> None:
    """Raise `CannotTransplantPython` if the running interpreter cannot be transplanted."""
    if not sys.platform.startswith("linux"):
        raise CannotTransplantPython(f"A Python of {sys.platform} cannot run on execute nodes, which run Linux.")
    stdlib = Path(sysconfig.get_path("stdlib"))
    is_systems = sys.base_prefix in {"/", "/usr"} or (stdlib / "EXTERNALLY-MANAGED").exists()
    if sys.prefix == sys.base_prefix and is_systems:
        raise CannotTransplantPython(
            f"{sys.executable} is the Python of the operating system, mixed with everything else below "
            f"{sys.base_prefix}, so it cannot be transplanted. Make a virtual environment (python3 -m venv), install "
            "htmap-submit and your packages there, and submit from it."
        )


def running() -> Environment:
    """The environment of this interpreter.

    Raises
    ------
    CannotTransplantPython
        It cannot be transplanted; the message says what to do.
    """
    check()
    try:
        found = _collected()
        return _completed(found, _fingerprint(found))
    except OSError as error:
        raise CannotTransplantPython(
            f"This Python cannot be transplanted: {error.filename} cannot be read ({error.strerror})."
        ) from error


def _collected() -> Environment:
    found = Environment(is_virtual=sys.prefix != sys.base_prefix)
    stdlib = Path(sysconfig.get_path("stdlib"))
    _add_tree(found, stdlib, f"base/{sys.platlibdir}/{stdlib.name}", _LEFT_OUT)
    found.files[f"base/bin/{_executable().name}"] = _executable()
    local = [] if found.is_virtual or not site.ENABLE_USER_SITE else [Path(site.getusersitepackages())]
    for folder, place in _site_folders():
        _add_tree(found, folder, place, _NOTHING)
        local += _add_paths(found, folder, place)
    _add_local(found, dict.fromkeys(local))
    return found


_completed_before: dict[str, Environment] = {}


def _completed(found: Environment, fingerprint: str) -> Environment:
    """Add what takes a second or more to find out, unless nothing has changed since it was found out."""
    if fingerprint not in _completed_before:
        for name, library in libraries_of(found.files.values()).items():
            found.files[f"libs/{name}"] = library
        found.packages = tuple(sorted({f"{each.metadata['Name']}=={each.version}" for each in distributions()}))
        found.digest = _digest(found)
        _completed_before.clear()
        _completed_before[fingerprint] = found
    return _completed_before[fingerprint]


def _fingerprint(found: Environment) -> str:
    """Changes whenever a file does, as far as its size and time tell."""
    stats = ((name, path.stat()) for name, path in found.files.items())
    seen = [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]
    return repr((seen, sorted(found.texts.items())))


def _digest(found: Environment) -> str:
    digest = hashlib.blake2b(f"{RECIPE} {platform.machine()}".encode(), digest_size=8)
    for name, path in sorted(found.files.items()):
        if "/__pycache__/" not in name:  # follows from the source, and changes at each import
            content = hashlib.blake2b(path.read_bytes(), digest_size=16).digest()
            digest.update(name.encode(errors="surrogateescape") + b"\0" + content)
    for name, text in sorted(found.texts.items()):
        digest.update(name.encode() + b"\0" + text.encode(errors="surrogateescape") + b"\0")
    return digest.hexdigest()


def _executable() -> Path:
    """The file of the interpreter; that of a virtual environment is a link to it."""
    return Path(getattr(sys, "_base_executable", None) or sys.executable).resolve()


def _site_folders() -> Iterator[tuple[Path, str]]:
    """The folders of installed packages, each with its place in the archive."""
    is_virtual = sys.prefix != sys.base_prefix
    for text in dict.fromkeys(site.getsitepackages([sys.prefix])):
        yield Path(text), _place(text, sys.prefix, "env" if is_virtual else "base")
    if is_virtual and _sees_system():
        for text in dict.fromkeys(site.getsitepackages([sys.base_prefix])):
            yield Path(text), _place(text, sys.base_prefix, "base")


def _place(folder: str, prefix: str, top: str) -> str:
    return f"{top}/{Path(folder).relative_to(prefix).as_posix()}"


def _sees_system() -> bool:
    try:
        text = Path(sys.prefix, "pyvenv.cfg").read_text(encoding="utf-8")
    except OSError:
        return False
    return bool(re.search(r"^include-system-site-packages\s*=\s*true", text, re.MULTILINE | re.IGNORECASE))


def _add_tree(found: Environment, folder: Path, place: str, left_out: re.Pattern[str]) -> None:
    for name, path in _walk(folder, left_out, frozenset()):
        found.files[f"{place}/{name}"] = path


def _walk(folder: Path, left_out: re.Pattern[str], above: frozenset[str]) -> Iterator[tuple[str, Path]]:
    """All files below a folder, by relative path. Links become what they name; other environments are no part of it."""
    real = os.path.realpath(folder)
    if real in above or not folder.is_dir():
        return  # a link to a folder that it lies in
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        path = Path(entry.path)
        if left_out.fullmatch(entry.name):
            continue
        if entry.is_file() and not _is_of_another_python(path):
            yield entry.name, path
        elif entry.is_dir() and not (path / "pyvenv.cfg").exists():
            yield from ((f"{entry.name}/{name}", file) for name, file in _walk(path, left_out, above | {real}))


def _is_of_another_python(path: Path) -> bool:
    """Whether it was compiled by another version, or for python -O."""
    return path.parent.name == "__pycache__" and not path.name.endswith(f".{sys.implementation.cache_tag}.pyc")


_FINDER = re.compile(r"import (__editable___\w+_finder)\b")


def _add_paths(found: Environment, folder: Path, place: str) -> list[Path]:
    """Read the .pth files of a folder of packages, and leave in them what holds anywhere.

    Returns
    -------
    list of Path
        The folders outside that they add to sys.path: editable installs.
    """
    outside: list[Path] = []
    for path in sorted(folder.glob("*.pth")):
        kept = []
        for line in path.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
            finder = _FINDER.match(line)
            if finder:
                outside += _mapped(folder / f"{finder[1]}.py")
            elif line.startswith(("import ", "import\t", "#")) or not line.strip():
                kept.append(line)
            else:
                named = (folder / line.strip()).absolute()
                if named.is_dir() and not named.resolve().is_relative_to(folder.resolve()):
                    outside.append(named)
                else:
                    kept.append(line)
        del found.files[f"{place}/{path.name}"]
        found.texts[f"{place}/{path.name}"] = "".join(f"{line}\n" for line in kept)
    return outside


def _mapped(finder: Path) -> list[Path]:
    """The folders that hold the packages which an editable install of setuptools maps to their sources.

    Its finder is a module with a table from the names of packages to their paths.
    """
    table = re.search(r"^MAPPING\b[^=]*=\s*(\{.*?\})\s*$", finder.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    mapping: dict[str, str] = ast.literal_eval(table[1]) if table else {}
    return [Path(path).parent for path in mapping.values()]


def _add_local(found: Environment, folders: Iterable[Path]) -> None:
    """Add what editable installs point to, and a .pth file that finds it."""
    lines = []
    site_place = next(place for _, place in _site_folders())
    for number, folder in enumerate(folders):
        _add_tree(found, folder, f"local/{number}", _NOT_CODE)
        lines.append(os.path.relpath(f"local/{number}", site_place) + "\n")
    found.texts[f"{site_place}/_htmap_local.pth"] = "".join(lines)
