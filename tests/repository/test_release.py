"""The check before a release finds what it should: each fault is planted in wheels and papers that were good."""

from __future__ import annotations

import email
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from release import DISTRIBUTIONS, ROOT, NotReady, artifacts, papers

VERSION = papers.version()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all wheels and sdists."""
    folder = tmp_path_factory.mktemp("built")
    artifacts.build(folder)
    return folder


def wheel(folder: Path, distribution: str) -> Path:
    (found,) = folder.glob(f"{distribution.replace('-', '_')}-*.whl")
    return found


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_what_is_built_of_this_tree_is_good(distribution: str, built: Path) -> None:
    artifacts.check_wheel(wheel(built, distribution), DISTRIBUTIONS[distribution], VERSION)
    (sdist,) = built.glob(f"{distribution.replace('-', '_')}-*.tar.gz")
    artifacts.check_sdist(sdist)


def changed(source: Path, folder: Path, change: Callable[[str, bytes], bytes | None], **more: bytes) -> Path:
    """A copy of a wheel in which some files are others, or missing (None), and more are there."""
    target = folder / source.name
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = change(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
        for name, content in more.items():
            new.writestr(name, content)
    return target


@pytest.mark.parametrize("lost", ["htmap/py.typed", "/licenses/LICENSE", "htmap/cli/app.py", "htmap/__init__.py"])
def test_a_wheel_that_lacks_something_is_refused(lost: str, built: Path, tmp_path: Path) -> None:
    bad = changed(
        wheel(built, "htmap-submit"), tmp_path, lambda name, content: None if name.endswith(lost) else content
    )
    with pytest.raises(NotReady, match=lost):
        artifacts.check_wheel(bad, "htmap", VERSION)


@pytest.mark.parametrize("odd", ["tests/test_x.py", "htmap/__pycache__/x.pyc", "htmap/notes.txt"])
def test_a_wheel_that_holds_something_else_is_refused(odd: str, built: Path, tmp_path: Path) -> None:
    bad = changed(wheel(built, "htmap-submit"), tmp_path, lambda _, content: content, **{odd: b""})
    with pytest.raises(NotReady, match="does not belong there"):
        artifacts.check_wheel(bad, "htmap", VERSION)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (f"Version: {VERSION}", "Version: 9.9.9"),
        ("License-Expression: Apache-2.0", "License: free"),
        ("Requires-Python: >=3.10", "Requires-Python: >=3.6"),
        ("Description-Content-Type: text/markdown", "Description-Content-Type: text/plain"),
        (f"Requires-Dist: htmap-exec=={VERSION}", "Requires-Dist: htmap-exec>=0.1"),
        ("Summary: ", "Summary-Of-Old: "),
    ],
)
def test_metadata_that_mislead_are_refused(old: str, new: str, built: Path) -> None:
    with zipfile.ZipFile(wheel(built, "htmap-submit")) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith("/METADATA"))
        text = archive.read(name).decode()
    assert old in text
    artifacts.check_metadata("it", email.message_from_string(text), VERSION)
    with pytest.raises(NotReady, match=r"^it "):
        artifacts.check_metadata("it", email.message_from_string(text.replace(old, new)), VERSION)


def test_papers_that_disagree_are_refused(tmp_path: Path) -> None:
    for name in ("CHANGELOG.md", "CITATION.cff", *papers._SOURCES):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    assert papers.version(tmp_path) == VERSION
    papers.check(VERSION, tmp_path)
    with pytest.raises(NotReady, match=r"CITATION\.cff does not cite version 9\.9\.9"):
        papers.check("9.9.9", tmp_path)
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n")
    with pytest.raises(NotReady, match=r"CHANGELOG\.md has neither"):
        papers.check(VERSION, tmp_path)
    (tmp_path / papers._SOURCES[0]).write_text('__version__ = "9.9.9"\n')
    with pytest.raises(NotReady, match="must have one version"):
        papers.version(tmp_path)
