"""Delivery methods that need nothing but a Python on the node, and one that a user has registered."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import cloudpickle
import pytest
from tests import delivered

import htmap
from htmap.delivery import bundle, registry
from testbed import node_python

BIN = Path(sys.executable).parent  # of the tests' own environment, which has htmap-exec


@pytest.fixture(autouse=True)
def _what_is_delivered_travels_by_value():
    cloudpickle.register_pickle_by_value(delivered)
    yield
    cloudpickle.unregister_pickle_by_value(delivered)


def path_variable(*folders: str | Path) -> str:
    return f'"PATH={os.pathsep.join(map(str, folders))}"'


def test_shared_runs_the_interpreter_of_the_submit_side(tmp_path) -> None:
    htmap.settings["DELIVERY_METHOD"] = "shared"
    assert delivered.drive(tmp_path)["executable"] == sys.executable


def test_bundle_runs_on_a_node_that_has_nothing_installed(tmp_path) -> None:
    htmap.settings["DELIVERY_METHOD"] = "bundle"
    # Also where the node is this machine: alone on PATH.
    bare = node_python.make(tmp_path / "node")
    found = delivered.drive(tmp_path, environment=path_variable(bare))
    assert Path(found["prefix"]) == bare.parent
    # From inside the zip, by the name that the backend gives an executable.
    assert Path(found["runner"]).parents[1].suffix in {".exe", ".pyz"}


def test_assume_runs_what_is_installed(tmp_path) -> None:
    htmap.settings["DELIVERY_METHOD"] = "assume"
    found = delivered.drive(tmp_path, environment=path_variable(BIN, "/usr/bin", "/bin"))
    assert found["prefix"] == sys.prefix


@pytest.mark.parametrize(
    ("method", "reason"),
    [("bundle", "The execute node has no python3"), ("assume", "The execute node has no htmap-exec on its PATH")],
)
def test_what_is_missing_on_the_node_is_named(method, reason, tmp_path) -> None:
    htmap.settings["DELIVERY_METHOD"] = method
    assert reason in delivered.held(tmp_path, environment=path_variable(tmp_path))


def test_a_method_of_the_users_drives_a_whole_map(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(registry, "_methods", dict(registry._methods))

    def descriptors(_tag, map_dir):
        return {
            "executable": str(map_dir / "launcher"),
            "arguments": "\"'with space' $(runner_arguments)\"",
            "transfer_input_files": bundle.descriptors("", map_dir)["executable"],
            "environment": '"MINE=yes"',
        }

    def set_up(tag, map_dir):
        bundle.set_up(tag, map_dir)
        launcher = map_dir / "launcher"
        launcher.write_text('#!/bin/sh\n[ "$1" = "with space" ] || exit 3\nshift\nexec python3 -X utf8 *.pyz "$@"\n')
        launcher.chmod(stat.S_IRWXU)

    htmap.register_delivery_method("mine", descriptors, set_up)
    htmap.settings["DELIVERY_METHOD"] = "mine"
    delivered.drive(tmp_path)
