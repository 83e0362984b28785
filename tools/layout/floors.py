"""How high modules stand on one another.

In: a checkout. Out: for each package the number of floors, and the circles in the way. The code is read, not run.
A module that imports none of ours is on the ground floor; any other is one floor above the highest that it imports.
Modules that import each other, by whatever detour, are a circle and share a floor. Imports inside of functions count,
for they are needed too; those that only type checkers see do not.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("htmap_common", "htmap_exec", "htmap")

Graph = dict[str, set[str]]


@dataclass(frozen=True)
class Height:
    """How high some modules are built.

    Parameters
    ----------
    modules
        How many there are.
    floors
        On how many floors they stand.
    circles
        The names of modules that import each other, a list a circle.
    """

    modules: int
    floors: int
    circles: list[list[str]]


def import_graph(tree: Path) -> Graph:
    """What each module of our packages imports of them."""
    sources = {name: path for package in PACKAGES for name, path in _modules(tree, package)}
    return {name: set(_imports(name, path, sources)) - {name} for name, path in sources.items()}


def height(graph: Graph, package: str | None = None) -> Height:
    """How high one package is built, without what it stands on; or all of them."""
    inside = {name for name in graph if package is None or name.partition(".")[0] == package}
    own = {name: graph[name] & inside for name in inside}
    groups = _circles(own)
    circles = sorted(sorted(group) for group in set(groups.values()) if len(group) > 1)
    floors: dict[str, int] = {}
    return Height(len(own), max(_floor(name, own, groups, floors) for name in own), circles)


def _modules(tree: Path, package: str) -> Iterator[tuple[str, Path]]:
    (source,) = tree.glob(f"packages/*/src/{package}")
    for path in sorted(source.rglob("*.py")):
        parts = path.relative_to(source.parent).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def _imports(name: str, path: Path, sources: Mapping[str, Path]) -> Iterator[str]:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in _nodes(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in sources)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                yield from (found for found in (whole if whole in sources else base,) if found in sources)


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes, but for what only type checkers see."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from _nodes(node)


def _circles(graph: Graph) -> dict[str, frozenset[str]]:
    """The circle that each module is in; most are alone in theirs."""
    reached = {name: _reached(name, graph) for name in graph}
    return {name: frozenset({name} | {other for other in reached[name] if name in reached[other]}) for name in graph}


def _reached(name: str, graph: Graph) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        new = graph[waiting.pop()] - found
        found |= new
        waiting.extend(new)
    return found


def _floor(name: str, graph: Graph, groups: Mapping[str, frozenset[str]], floors: dict[str, int]) -> int:
    if name not in floors:
        group = groups[name]
        below = set().union(*(graph[each] for each in group)) - group
        floors[name] = 1 + max((_floor(each, graph, groups, floors) for each in below), default=0)
    return floors[name]
