"""Every exception of the reference is raised by what the reference says, and an old ``except`` clause catches it."""

from __future__ import annotations

import builtins
import importlib.util
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from tests.repository.test_api_reference import EXCEPTIONS
from tests.submit import event_text
from tests.submit.conftest import MakeMap
from tests.submit.fake_backend import FakeBackend

import htmap
from htmap import exceptions
from htmap.maps.readable import ReadableMap
from htmap.observe.events import parse
from htmap.observe.fold import JobTable, MapState, fold


def raised_by(call: Callable[[], object]) -> BaseException:
    """What a call raises."""
    with pytest.raises(exceptions.HTMapException) as caught:
        call()
    return caught.value


@pytest.fixture
def m(queue: FakeBackend) -> htmap.Map:
    """A map of three components that have returned; another one has the tag ``used``."""
    htmap.map(abs, [1], tag="used", quiet=True)
    made = htmap.map(abs, [1, 2, 3], tag="t", quiet=True)
    queue.run()
    return made


def test_both_of_two_exceptions_are_caught(m: htmap.Map) -> None:
    both: Mapping[Callable[[], object], tuple[type[BaseException], ...]] = {
        lambda: m.retag("used"): (exceptions.TagAlreadyExists, exceptions.CannotRetagMap),
        lambda: m.retag("a/b"): (exceptions.InvalidTag, exceptions.CannotRetagMap, ValueError),
        lambda: m.rerun([5]): (exceptions.NoSuchComponent, exceptions.CannotRerunComponents, IndexError),
        lambda: htmap.mapped("foo"): (exceptions.InvalidOption, TypeError),  # type: ignore[call-overload]
        lambda: htmap.map("foo", [1]): (exceptions.InvalidOption, TypeError),  # type: ignore[arg-type]
        lambda: htmap.map(abs, 1): (exceptions.InvalidOption, TypeError),  # type: ignore[arg-type]
        lambda: htmap.map(abs, [1], map_options={}): (exceptions.InvalidOption, TypeError),  # type: ignore[arg-type]
        lambda: m.rerun(1): (exceptions.InvalidOption, TypeError),  # type: ignore[arg-type]
        lambda: m.get(0, timeout="1"): (exceptions.InvalidOption, TypeError),  # type: ignore[arg-type]
    }
    for call, kinds in both.items():
        error = raised_by(call)
        assert all(isinstance(error, kind) for kind in kinds), (error, kinds)
    assert m.tag == "t"
    assert list(m) == [1, 2, 3]


@pytest.mark.parametrize(
    "get",
    [
        lambda m: m[0],
        lambda m: m[:1],
        lambda m: m.get(0, timeout=0.01),
        lambda m: m.get_err(0, timeout=0),
        lambda m: m.stdout[0],
        lambda m: m.stderr.get(0, timeout=0),
        lambda m: m.output_files[0],
        lambda m: next(m.iter(timeout=0)),
        lambda m: next(m.iter_with_inputs(timeout=0)),
    ],
)
def test_what_is_not_there_yet_is_not_found_and_late(get: Callable[[ReadableMap], object], make_map: MakeMap) -> None:
    error = raised_by(lambda: get(make_map(abs, [1])))
    assert isinstance(error, exceptions.OutputNotFound)
    assert isinstance(error, exceptions.TimeoutError)
    assert isinstance(error, builtins.TimeoutError)
    assert "component 0 of map t is not there yet: the component is IDLE" in str(error)


def test_all_iterators_of_a_removed_map_raise_when_they_are_asked_for(m: htmap.Map) -> None:
    m.remove()
    for call in (
        m.iter,
        m.iter_with_inputs,
        m.iter_as_available,
        m.iter_as_available_with_inputs,
        m.iter_inputs,
        m.error_reports,
        lambda: iter(m),
        lambda: reversed(m),
    ):
        assert isinstance(raised_by(call), exceptions.MapWasRemoved)


@dataclass(frozen=True)
class Scene:
    """A user with a queue that does what he is told."""

    queue: FakeBackend
    monkeypatch: pytest.MonkeyPatch

    def map(self, function: Callable[..., Any] = abs, **options: Any) -> htmap.Map:
        return htmap.map(function, [0], quiet=True, **options)

    def done(self) -> htmap.Map:
        made = self.map()
        self.queue.run()
        return made

    def failed(self) -> htmap.Map:
        made = self.map(lambda x: 1 / x)
        self.queue.run()
        return made

    def held(self) -> htmap.Map:
        made = self.map()
        self.queue.hold(0, 1, 0, "by hand")
        return made

    def removed(self) -> htmap.Map:
        made = self.map()
        made.remove()
        return made

    def of_a_later_version(self) -> htmap.Map:
        """A map whose output has a status that nobody knows yet."""
        made = self.map()
        self.queue.start(0)
        self.queue.write_output(0, {0: ({"status": "maybe"}, [])})
        self.queue.end(0, 0)
        return made

    def with_old_bindings(self) -> htmap.Map:
        """The package htcondor is there, but no htcondor2 in it."""
        self.monkeypatch.setitem(sys.modules, "htcondor2", None)
        find_spec = importlib.util.find_spec
        self.monkeypatch.setattr(importlib.util, "find_spec", lambda name: name == "htcondor" or find_spec(name))
        return self.map()

    def on_another_system(self) -> htmap.Map:
        self.monkeypatch.setattr(sys, "platform", "darwin")
        return self.map_by("transplant")

    def map_by(self, delivery: str) -> htmap.Map:
        htmap.settings["DELIVERY_METHOD"] = delivery
        return self.map()


def with_log_of_a_job_too_many() -> None:
    """What reading a log does; a map goes on with what it could read, and logs the rest."""
    state = MapState([JobTable.of_size(1)])
    fold(state, parse(event_text.submitted((7, 0)) + event_text.executing((7, 1))))


@pytest.fixture
def scene(queue: FakeBackend, monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(queue, monkeypatch)


RAISES: Mapping[str, Callable[[Scene], object]] = {
    "HTMapException": lambda scene: scene.failed()[0],
    "TimeoutError": lambda scene: scene.map().wait(timeout=0),
    "MissingSetting": lambda _: htmap.settings["NO.SUCH"],
    "OutputNotFound": lambda scene: scene.map()[0],
    "NoMapYet": lambda _: htmap.build_map(abs).map,
    "TagAlreadyExists": lambda scene: scene.map(tag=scene.map().tag),
    "InvalidTag": lambda scene: scene.map(tag="a/b"),
    "TagNotFound": lambda _: htmap.load("nobody"),
    "EmptyMap": lambda _: htmap.map(abs, []),
    "ReservedOptionKeyword": lambda _: htmap.MapOptions(universe="docker"),
    "MisalignedInputData": lambda _: htmap.starmap(abs, [(1,), (2,)], [{}]),
    "CannotRetagMap": lambda scene: scene.map().retag(scene.map().tag),
    "UnknownPythonDeliveryMethod": lambda scene: scene.map_by("mail"),
    "MapWasRemoved": lambda scene: scene.removed().wait(),
    "InvalidOutputStatus": lambda scene: scene.of_a_later_version()[0],
    "MapComponentError": lambda scene: scene.failed()[0],
    "MapComponentHeld": lambda scene: scene.held().wait(),
    "ExpectedError": lambda scene: scene.done().get_err(0),
    "CannotTransplantPython": Scene.on_another_system,
    "CannotRerunComponents": lambda scene: scene.map().rerun(),
    "InsufficientHTCondorVersion": Scene.with_old_bindings,
    "CorruptEventLog": lambda _: with_log_of_a_job_too_many(),
}


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_each_exception_of_the_reference_is_raised(name: str, scene: Scene) -> None:
    assert isinstance(raised_by(lambda: RAISES[name](scene)), getattr(exceptions, name))
