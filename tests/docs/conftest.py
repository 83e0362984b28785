"""The option ``--accept``: take what is printed now into the pages, for people who have changed what is printed."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option; it works when tests/docs is named on the command line."""
    parser.getgroup("HTMap").addoption(
        "--accept", action="store_true", help="write what is printed into the pages that show something else"
    )
