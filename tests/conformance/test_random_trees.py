"""Random trees, there and back: what arrives is what the rule says, and everything else is as it was.

The rule is that of docs/decisions/links-and-folders.md, stated here once more, by way of resolved paths.
"""

from __future__ import annotations

import os
import random
import stat
import warnings
from pathlib import Path

import pytest

import htmap

TIMEOUT_S = 300
TREES = 300
IN_ONE_JOB = 75

NAMES = [
    "a", "b c", "ü☃", "new\nline", "\udcff\udcfe", "-rf", ".hidden", "x" * 200, "[*]?", "$(x)", "$HOME", "a,b", ";",
    "'", '"', "\\", "~", " ", "#", "function", "outputs",
]  # fmt: skip


def grow(top: str, outside: str, seed: int) -> None:
    """Make a tree of files, folders, links of all kinds and what is neither."""
    chance = random.Random(seed)
    os.mkdir(top)
    folders, paths = [top], list[str]()
    for _ in range(chance.randrange(25)):
        folder = chance.choice(folders)
        path = os.path.join(folder, chance.choice(NAMES))
        if os.path.lexists(path) or path.count(os.sep) - top.count(os.sep) > 8:
            continue
        kind = chance.choice(
            ["file", "file", "folder", "folder", "link", "link", "link", "hard", "fifo", "socket", "holes"]
        )
        if kind == "folder":
            os.mkdir(path)
            folders.append(path)
        elif kind == "link":
            os.symlink(a_target(chance, path, [*folders, *paths], outside), path)
        elif kind == "hard":
            files = [each for each in paths if os.path.isfile(each) and not os.path.islink(each)]
            os.link(chance.choice([*files, os.path.join(outside, "x")]), path)
        elif kind in {"fifo", "socket"}:
            os.mknod(path, 0o600 | (stat.S_IFIFO if kind == "fifo" else stat.S_IFSOCK))
        else:
            with open(path, "w", errors="surrogateescape") as file:
                file.write(f"{seed} {path}")
                if kind == "holes":
                    file.truncate(100_000)
        paths.append(path)


def a_target(chance: random.Random, path: str, places: list[str], outside: str) -> str:
    """Where a link leads: within the tree, out of it, nowhere, in a circle; relative or absolute."""
    place = chance.choice(
        [*places, path, os.path.dirname(path), outside, f"{outside}/deep", f"{outside}/x", "/dev/null"]
    )
    if chance.random() < 0.2:
        place += "-gone"
    absolute = os.path.abspath(place)
    return absolute if chance.random() < 0.5 else os.path.relpath(absolute, os.path.dirname(os.path.abspath(path)))


def arriving(path: str, place: str = "", way: frozenset[str] = frozenset()) -> dict[str, str | None]:
    """What has to arrive of a tree, by its places: the text of a file, None for a folder."""
    real = os.path.realpath(path)
    if os.path.islink(path):
        here = os.path.realpath(os.path.dirname(path))
        way |= {here[:end] or "/" for end in range(len(here) + 1) if here[end : end + 1] in {"/", ""}}
    if os.path.isfile(real):
        with open(real, errors="surrogateescape") as file:
            return {place: file.read()}
    if not os.path.isdir(real) or real in way:
        return {}
    found: dict[str, str | None] = {place: None}
    for name in os.listdir(real):
        found |= arriving(os.path.join(path, name), os.path.join(place, name), way | {real})
    return found


def arrived(top: str) -> dict[str, str | None]:
    """What there is, of which nothing may be a link or have a second name."""
    found: dict[str, str | None] = {}
    for folder, folders, files in os.walk(top):
        found["" if folder == top else os.path.relpath(folder, top)] = None
        for name in [*folders, *files]:
            path = os.path.join(folder, name)
            assert not os.path.islink(path), path
            if name in files:
                status = os.lstat(path)
                assert stat.S_ISREG(status.st_mode), path
                assert status.st_nlink == 1, path
                with open(path, errors="surrogateescape") as file:
                    found[os.path.relpath(path, top)] = file.read()
    return found


def state_of(folder: Path) -> dict[str, tuple[int, int, int, int, int, bytes]]:
    """All that there is to know about a folder and what is in it, but for when it was read and how it is linked to."""
    found = {}
    for path in [folder, *folder.rglob("*")]:
        status = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        found[str(path)] = (status.st_ino, status.st_mode, status.st_uid, status.st_size, status.st_mtime_ns, content)
    return found


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder of the user's own."""
    place = tmp_path / "outside"
    (place / "deep/deeper").mkdir(parents=True)
    for name in ("x", "deep/y", "deep/deeper/z"):
        (place / name).write_text(name)
    (place / "deep/up").symlink_to("..")
    (place / "deep/deeper/x").symlink_to("../../x")
    return place


def send_back(seed: int, outside: str):
    """Make a tree, say what has to arrive of it, and hand it over, in one way or another."""
    top = f"tree {seed}"
    grow(top, outside, seed)
    expected = arriving(top)
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            if seed % 3 == 0 and stat.S_ISREG(os.lstat(path).st_mode) and os.lstat(path).st_nlink == 1:
                os.chmod(path, 0o400 if seed % 2 else 0)
    if seed % 5 == 0:
        htmap.checkpoint(top)
    if seed % 4 == 0:
        os.symlink(top, "link")
        htmap.transfer_output_files("link")
        top = "link"
    else:
        htmap.transfer_output_files(top)
        assert not os.path.lexists(top)
    return {f"{top}/{place}".rstrip("/"): text for place, text in expected.items()}


def test_what_comes_back_of_random_trees_is_what_the_rule_says(outside) -> None:
    before = state_of(outside)
    calls = [(seed, str(outside)) for seed in range(TREES)]
    options = htmap.MapOptions(chunksize=IN_ONE_JOB)
    m = htmap.starmap(send_back, calls, map_options=options, quiet=True)
    m.wait(TIMEOUT_S)
    for seed, expected in enumerate(m):
        came = arrived(str(m.output_files[seed]))
        del came[""]
        assert came == expected, seed
    assert state_of(outside) == before
    m.remove()
    assert state_of(outside) == before


def look(folder):
    """Say what has arrived of an input folder."""
    return arrived(str(folder))


def test_what_goes_along_of_random_trees_is_what_the_rule_says(outside, tmp_path) -> None:
    trees = [tmp_path / f"tree {seed}" for seed in range(TREES)]
    for seed, tree in enumerate(trees):
        grow(str(tree), str(outside), seed)
    expected = [arriving(str(tree)) for tree in trees]
    before = state_of(outside)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="(?s).*is left out")
        options = htmap.MapOptions(chunksize=IN_ONE_JOB)
        m = htmap.map(look, list(map(htmap.TransferPath, trees)), map_options=options, quiet=True)
    m.wait(TIMEOUT_S)
    for seed, came in enumerate(m):
        assert came == expected[seed], seed
    m.remove()
    assert state_of(outside) == before
    assert [arriving(str(tree)) for tree in trees] == expected
