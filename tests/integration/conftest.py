"""A place for the maps of each integration test, on the real pool.

In: the pool. Out: an empty HTMAP_DIR that htmap is set to. What a test leaves in the queue is removed with its maps.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cloudpickle
import pytest

import htmap
from testbed.pool import Pool


@pytest.fixture
def home(pool: Pool, request: pytest.FixtureRequest) -> Iterator[Path]:  # noqa: ARG001 - the pool must run first
    """An HTMAP_DIR whose maps run on the pool."""
    folder = Path(tempfile.mkdtemp(prefix="htmap-"))
    before = htmap.settings.to_dict()
    htmap.settings["HTMAP_DIR"] = str(folder)
    htmap.settings["BACKEND"] = "htcondor"
    cloudpickle.register_pickle_by_value(request.module)
    yield folder
    cloudpickle.unregister_pickle_by_value(request.module)
    htmap.clean(all=True)
    htmap.settings.replace(type(htmap.settings)(before))
    shutil.rmtree(folder)
