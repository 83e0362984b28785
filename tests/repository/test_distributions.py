"""The three distributions go together: one version, one license, one form."""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "htmap-common": "htmap_common",
    "htmap-exec": "htmap_exec",
    "htmap-submit": "htmap",
}
LONGEST_FILE = 450

each_distribution = pytest.mark.parametrize("distribution", PACKAGES)
each_package = pytest.mark.parametrize("package", PACKAGES.values())


def sources() -> list[Path]:
    found = sorted((ROOT / "packages").glob("*/src/**/*.py"))
    assert found
    return found


def public_objects(package: str) -> Iterator[tuple[str, object]]:
    """What a user sees of a package: its public names, and the public methods of its classes."""
    module = importlib.import_module(package)
    for name in module.__all__ if hasattr(module, "__all__") else public_names(module):
        item = getattr(module, name)
        if inspect.isclass(item) or inspect.isroutine(item) or inspect.ismodule(item):
            yield f"{package}.{name}", item
        if inspect.isclass(item):
            for method in public_names(item):
                if inspect.isroutine(vars(item).get(method)) or isinstance(vars(item).get(method), property):
                    yield f"{package}.{name}.{method}", getattr(item, method)


def public_names(owner: ModuleType | type) -> list[str]:
    return [name for name in vars(owner) if not name.startswith("_")]


def test_all_have_one_version() -> None:
    declared = {importlib.import_module(package).__version__ for package in PACKAGES.values()}
    installed = {importlib.metadata.version(distribution) for distribution in PACKAGES}
    assert len(declared) == 1
    assert declared == installed


def test_images_get_the_runner_of_this_version_with_what_it_was_tested_with() -> None:
    wanted = (ROOT / "containers/requirements.txt").read_text().split("\n")
    pins = dict(line.split("==") for line in wanted if line and not line.startswith("#"))
    locked = dict(re.findall(r"(?m)^([\w-]+)==([\w.]+)$", (ROOT / "constraints.txt").read_text()))
    assert pins == {
        "htmap-exec": importlib.metadata.version("htmap-exec"),
        **{name: locked[name] for name in ("cloudpickle", "msgpack")},
    }


@each_distribution
def test_siblings_are_pinned_exactly(distribution: str) -> None:
    version = importlib.metadata.version(distribution)
    required = importlib.metadata.requires(distribution) or []
    siblings = [requirement for requirement in required if re.match(r"htmap[-_]", requirement)]
    assert distribution == "htmap-common" or siblings
    for sibling in siblings:
        assert re.fullmatch(rf"htmap-\w+=={re.escape(version)}", sibling)


@each_distribution
def test_a_distribution_brings_its_papers(distribution: str) -> None:
    folder = ROOT / "packages" / distribution
    assert (folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert (folder / "README.md").read_text().startswith("# ")
    assert (folder / "src" / PACKAGES[distribution] / "py.typed").exists()


@pytest.mark.parametrize("file", sources(), ids=lambda file: str(file.relative_to(ROOT / "packages")))
def test_a_file_can_be_read_in_one_sitting(file: Path) -> None:
    lines = file.read_text().splitlines()
    assert len(lines) <= LONGEST_FILE


@each_package
def test_everything_public_says_what_it_is(package: str) -> None:
    objects = list(public_objects(package))
    silent = [name for name, item in objects if not inspect.getdoc(item)]
    assert not silent
