"""Mirrors htmap.delivery.registry (and htmap.delivery.shared): methods by name, ours no different from a user's."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.submit.fake_backend import FakeBackend

import htmap
from htmap.delivery import registry
from htmap.delivery.registry import delivery_method
from htmap.exceptions import UnknownPythonDeliveryMethod
from htmap.settings import Settings


@pytest.fixture(autouse=True)
def _own_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_methods", dict(registry._methods))


def test_our_own_methods_are_registered_like_any_other() -> None:
    methods = {"assume", "bundle", "container", "docker", "shared", "singularity", "transplant"}
    assert methods == set(registry._methods)
    assert delivery_method(htmap.BASE_SETTINGS["DELIVERY_METHOD"]).name == "bundle"


def test_a_method_that_is_not_registered_is_named_with_those_that_are() -> None:
    with pytest.raises(UnknownPythonDeliveryMethod, match=r"no delivery method 'pigeon'.* one of: assume, .*shared"):
        delivery_method("pigeon")


def test_a_method_can_be_replaced() -> None:
    htmap.register_delivery_method("bundle", lambda _tag, _map_dir: {"executable": "/bin/mine"})
    method = delivery_method("bundle")
    assert method.descriptors("t", Path("/x")) == {"executable": "/bin/mine"}
    assert method.set_up is None


def test_a_method_is_given_the_tag_and_the_map_and_sets_up_before_jobs_are_submitted(
    own_settings: Settings, queue: FakeBackend
) -> None:
    told: list[tuple[str, str, Path]] = []

    def descriptors(tag: str, map_dir: Path) -> dict[str, object]:
        told.append(("descriptors", tag, map_dir))
        return {"executable": map_dir / "mine", "request_disk": 7, "Requirements": "HasMine"}

    def set_up(tag: str, map_dir: Path) -> None:
        assert not queue.jobs
        (map_dir / "mine").touch()
        told.append(("set up", tag, map_dir))

    htmap.register_delivery_method("pigeon", descriptors, set_up)
    own_settings["DELIVERY_METHOD"] = "pigeon"
    m = htmap.map(str, [1], tag="t", quiet=True)
    job = queue.job(0)
    assert Path(job.expand("executable")).exists()
    assert (job.expand("request_disk"), job.expand("requirements")) == ("7", "HasMine")
    assert {what for what, _, _ in told} == {"descriptors", "set up"}
    assert {tag for _, tag, _ in told} == {m.tag}


def test_shared_runs_this_very_interpreter() -> None:
    found = delivery_method("shared").descriptors("t", Path("/x"))
    assert found["executable"] == sys.executable
    assert found["transfer_executable"] == "false"
    assert found["arguments"] == '"-m htmap_exec $(runner_arguments)"'
