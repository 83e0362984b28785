"""Parts of pages that are made from the code, so that they cannot disagree with it.

In: the modules of htmap. Out: directives for Sphinx (``{settings-table}``, ``{options-table}``,
``{reserved-options}``, ``{reserved-reasons}``, ``{exit-codes}``), and links from the
modules in which things are defined to the names under which they are public.
"""

from __future__ import annotations

from typing import Any

import click
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

import htmap
from htmap.cli.exits import MEANINGS
from htmap.language.command_table import ROWS
from htmap.language.command_types import Command
from htmap.settings import KNOWN, KnownSetting

_TYPES = {str: "text", int: "whole number", float: "number", bool: "true or false", dict: "table"}


class SettingsTable(SphinxDirective):
    """A table of all settings that HTMap reads."""

    def run(self) -> list[nodes.Node]:
        return [_table(["Setting", "Value", "Default", "Meaning"], [_row(known) for known in KNOWN])]


def _row(known: KnownSetting) -> list[nodes.Node]:
    default = "none" if known.default is None else repr(known.default).replace("'", '"')
    return [
        nodes.literal(text=known.key),
        nodes.Text(_TYPES[known.type]),
        nodes.literal(text=default),
        nodes.Text(known.meaning),
    ]


class ReservedOptions(SphinxDirective):
    """The names that cannot be map options."""

    def run(self) -> list[nodes.Node]:
        bare = {key.removeprefix("+").removeprefix("MY.") for key in htmap.MapOptions.RESERVED_KEYS}
        paragraph = nodes.paragraph()
        for number, key in enumerate(sorted(bare, key=str.casefold)):
            paragraph += [nodes.Text(", " if number else ""), nodes.literal(text=key)]
        return [paragraph]


class OptionsTable(SphinxDirective):
    """A table of all submit commands, and what HTMap and the local backend make of them."""

    def run(self) -> list[nodes.Node]:
        head = ["Option", "Also", "Value", "Meaning", "Local backend"]
        rows = [_option(row) for row in sorted(ROWS, key=lambda row: row.name) if not row.reserved]
        return [_table(head, rows)]


def _option(row: Command) -> list[nodes.Node]:
    others = [name for name in (*row.aliases, row.attribute) if name and name.casefold() != row.name]
    meaning = f"{row.meaning} Since {row.since}." if row.since else row.meaning
    return [
        nodes.literal(text=row.name),
        nodes.Text(", ".join(others)),
        nodes.Text(row.kind.value),
        nodes.Text(meaning),
        nodes.Text(row.local.value),
    ]


class ReservedReasons(SphinxDirective):
    """A table of the submit commands that HTMap sets itself, and why."""

    def run(self) -> list[nodes.Node]:
        reserved = sorted((row for row in ROWS if row.reserved), key=lambda row: row.name)
        rows: list[list[nodes.Node]] = [[nodes.literal(text=row.name), nodes.Text(row.reserved)] for row in reserved]
        return [_table(["Command", "Why it is HTMap's"], rows)]


class ExitCodes(SphinxDirective):
    """A table of the exit codes of the command."""

    def run(self) -> list[nodes.Node]:
        rows = [[nodes.literal(text=str(code.value)), nodes.Text(meaning)] for code, meaning in MEANINGS.items()]
        return [_table(["Code", "Meaning"], rows)]


def _table(head: list[str], rows: list[list[nodes.Node]]) -> nodes.table:
    group = nodes.tgroup(cols=len(head))
    group += [nodes.colspec(colwidth=1) for _ in head]
    group += nodes.thead("", _table_row([nodes.Text(title) for title in head]))
    group += nodes.tbody("", *map(_table_row, rows))
    return nodes.table("", group)


def _table_row(cells: list[nodes.Node]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", cell)) for cell in cells))


def to_public_name(app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.Element) -> Any:
    """Resolve ``htmap.maps.Map`` and ``Map`` as ``htmap.Map``, where that is public."""
    if node.get("refdomain") != "py":
        return None
    name = str(node.get("reftarget", "")).rpartition(".")[2]
    for public in (f"htmap.{name}", f"htmap.exceptions.{name}"):
        if public in env.domains.python_domain.objects:
            return env.domains.python_domain.resolve_xref(
                env, node["refdoc"], app.builder, "obj", public, node, content
            )
    return None


def keep_stars(app: Sphinx, ctx: click.Context, lines: list[str]) -> None:  # noqa: ARG001 - sphinx-click's signature
    """Help texts are plain: a star in them is one, and begins no emphasis."""
    lines[:] = [line.replace("*", r"\*") for line in lines]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register all of it."""
    app.add_directive("settings-table", SettingsTable)
    app.add_directive("reserved-options", ReservedOptions)
    app.add_directive("options-table", OptionsTable)
    app.add_directive("reserved-reasons", ReservedReasons)
    app.add_directive("exit-codes", ExitCodes)
    app.connect("missing-reference", to_public_name)
    for part in ("description", "options", "epilog"):
        app.connect(f"sphinx-click-process-{part}", keep_stars)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
