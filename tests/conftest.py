"""What all tests share: who runs them, where, and the pool.

In: the options ``--backend`` and ``--condor``. Out: the fixtures `backend` and `pool`.
On the other side: `testbed`, which finds or gets HTCondor.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

from testbed import cache, ordinary_user
from testbed import pool as personal_pool
from testbed.debian import TestbedError

# How long an example takes says nothing on a busy machine; what failed must be found again from the output alone.
settings.register_profile("htmap", deadline=None, print_blob=True)
settings.load_profile("htmap")

SERVICES = Path("/etc/services")

_at_end = ExitStack()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options of our own."""
    group = parser.getgroup("HTMap")
    group.addoption(
        "--backend", choices=["local", "htcondor"], default="local", help="what the conformance suite runs on"
    )
    group.addoption("--condor", metavar="SUITE", help="take HTCondor from this suite of Debian, for example sid")


def pytest_configure(config: pytest.Config) -> None:
    """Become an ordinary user, in a home of its own."""
    _leave_root(config)
    os.environ["XDG_CACHE_HOME"] = str(cache.cache_folder().parent)
    for name in [name for name in os.environ if name.startswith(("HTMAP_", "_CONDOR_"))]:
        del os.environ[name]
    # So neither ~/.htmaprc nor ~/.condor of who runs the tests has a say in them.
    home = tempfile.mkdtemp(prefix="htmap-home-")
    _at_end.callback(shutil.rmtree, home, ignore_errors=True)
    os.environ["HOME"] = home


def pytest_sessionstart(session: pytest.Session) -> None:
    """Start the pool before parallel workers exist, so that they share it."""
    if session.config.option.backend == "htcondor":
        _enter_pool(session.config)


def pytest_unconfigure() -> None:
    """End what this run started."""
    _at_end.close()


@pytest.fixture(scope="session")
def backend(request: pytest.FixtureRequest) -> str:
    """The name of the backend that maps run on."""
    return str(request.config.option.backend)


@pytest.fixture(scope="session")
def pool(request: pytest.FixtureRequest) -> Iterator[personal_pool.Pool]:
    """A real HTCondor pool; CONDOR_CONFIG names it."""
    with personal_pool.running(request.config.option.condor) as running:
        os.environ["CONDOR_CONFIG"] = str(running.config)
        yield running


@pytest.fixture(scope="session")
def urls(request: pytest.FixtureRequest) -> None:
    """URLs can be fetched and sent here: ask for this where a node of a pool would."""
    if request.config.option.backend == "htcondor" and not SERVICES.exists():
        why = f"HTCondor's curl_plugin crashes where {SERVICES} is missing: have the package netbase installed"
        if os.environ.get("CI"):
            pytest.fail(why)  # nothing is skipped there
        pytest.skip(why)


def _enter_pool(config: pytest.Config) -> None:
    try:
        running = _at_end.enter_context(personal_pool.running(config.option.condor))
    except TestbedError as error:
        raise pytest.UsageError(str(error)) from error
    os.environ["CONDOR_CONFIG"] = str(running.config)


def _leave_root(config: pytest.Config) -> None:
    """HTCondor runs no jobs of root, and root may write where a test wants to see that it may not."""
    capture = config.pluginmanager.getplugin("capturemanager")
    if os.geteuid() == 0 and capture is not None:
        capture.suspend_global_capture(in_=True)
    try:
        ordinary_user.leave_root(sys.orig_argv)
    except TestbedError as error:
        raise pytest.UsageError(str(error)) from error
