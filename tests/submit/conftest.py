"""Maps without a pool and without processes: settings of one test, and queues that do what the test says.

In: nothing of the user's. Out: an HTMAP_DIR of its own for each test, `FakeBackend` at the protocol, `Bindings` at
the vendor's door.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.kept_settings import kept_settings
from tests.no_processes import starts_no_process
from tests.submit.fake_backend import FakeBackend, only
from tests.submit.fake_bindings import Bindings

from htmap.delivery.registry import DeliveryMethod
from htmap.lifecycle.new_map import Request, create
from htmap.maps.opened import Opened
from htmap.maps.readable import ReadableMap
from htmap.options import MapOptions
from htmap.pickling import call_of
from htmap.settings import BASE_SETTINGS, Settings
from htmap.store.mapdir import Home

__all__ = ["starts_no_process"]  # also a fixture

MakeMap = Callable[..., ReadableMap]


@pytest.fixture
def own_settings(tmp_path: Path) -> Iterator[Settings]:
    """`htmap.settings` as they are without ~/.htmaprc, with an HTMAP_DIR of this test, and no patience."""
    ours = {"HTMAP_DIR": str(tmp_path / "htmap"), "WAIT_TIME": 0.01, "OUTPUT_GRACE": 0.0}
    with kept_settings() as settings:
        settings.replace(Settings.from_settings({}, ours, BASE_SETTINGS))
        yield settings


@pytest.fixture
def home(own_settings: Settings) -> Home:
    return Home.of(own_settings)


@pytest.fixture
def fake() -> FakeBackend:
    return FakeBackend()


@pytest.fixture
def bindings(own_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Bindings:
    """HTCondor is set up here, as far as `htmap.backend.condor` can tell."""
    module = Bindings()
    monkeypatch.setitem(sys.modules, "htcondor2", module)
    own_settings["BACKEND"] = "htcondor"
    return module


@pytest.fixture
def queue(bindings: Bindings) -> FakeBackend:
    """The queue behind the bindings: maps made with htmap.map() run there."""
    return bindings.queue


def request_of(
    function: Callable[..., Any],
    inputs: Iterable[Any],
    *,
    tag: str | None = "t",
    delivery: DeliveryMethod | None = None,
    **options: Any,
) -> Request:
    """What a user would have asked for with htmap.map()."""
    executable = DeliveryMethod("test", lambda _tag, _map_dir: {"executable": "/bin/true"}, None)
    return Request(
        function=function,
        calls=(call_of((each,), {}) for each in inputs),
        options=MapOptions(**options),
        tag=tag,
        delivery=delivery or executable,
        max_idle=1000,
        threshold=10_000,
    )


@pytest.fixture
def make_map(home: Home, fake: FakeBackend) -> MakeMap:
    """Gives a function that creates a map on the fake backend; what it shows is read from disk, as always."""

    def make(function: Callable[..., Any], inputs: Iterable[Any], **options: Any) -> ReadableMap:
        tag, map_dir = create(home, only(fake), fake.name, request_of(function, inputs, **options))
        return ReadableMap(Opened.at(tag, map_dir.path, fake))

    return make
