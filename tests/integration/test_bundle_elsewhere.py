"""A node whose Python is not that of the submit side."""

from __future__ import annotations

import sys
from pathlib import Path

from tests import delivered

from testbed import node_python, pythons


def test_bundle_names_both_versions_where_python_is_another(pool_home: Path) -> None:
    folder = node_python.make(pool_home / "node", pythons.another())
    report = delivered.error_of(pool_home, environment=f'"PATH={folder}"')
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert f"The map was made by Python {here}, but this node runs Python" in report
    assert f"require nodes with Python {here}" in report.replace("\n  ", " ")
