"""Files that the runner cannot use, and versions that do not fit."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import cloudpickle
import pytest

from htmap_common.wire import Kind

if TYPE_CHECKING:
    from pathlib import Path

    from tests.processes.exec.conftest import Job

VERSION: str = cloudpickle.__version__


class Bomb:
    """Unpickling it leaves a trace, in the scratch directory."""

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, ("unpickled", "w")


def write_bomb(job: Job, **header: object) -> None:
    versions = {"python": list(sys.version_info[:3]), "cloudpickle": cloudpickle.__version__, **header}
    job.write("function", Kind.FUNCTION, versions, [cloudpickle.dumps(Bomb())])
    job.write_inputs((Bomb(),), (Bomb(),))


def failures(job: Job, components: str = "0-1") -> list[dict[str, str]]:
    assert job.run(components).exit_code == 100
    assert job.is_finished()
    return [record.header["exception"] for record in job.records().values()]


def test_another_python_is_told_before_anything_is_unpickled(job: Job) -> None:
    major, minor = sys.version_info[:2]
    write_bomb(job, python=[major, minor + 1, 0])
    for failure in failures(job):
        assert failure["type"] == "PythonVersionMismatch"
        assert (
            f"was made by Python {major}.{minor + 1}, but this node runs Python {major}.{minor}" in failure["message"]
        )
        assert sys.executable in failure["message"]
        assert f"Submit with Python {major}.{minor}" in failure["hint"]
    assert not (job.scratch / "unpickled").exists()


def test_another_implementation_of_python_is_told(job: Job) -> None:
    write_bomb(job, implementation="pypy")
    assert f"was made by pypy 3.{sys.version_info[1]}" in failures(job)[0]["message"]
    assert not (job.scratch / "unpickled").exists()


def test_another_patch_release_will_do(job: Job) -> None:
    job.write_function(lambda: 1, python=[*sys.version_info[:2], sys.version_info[2] + 1])
    job.write_inputs(())
    assert job.run().exit_code == 0


def test_another_major_version_of_cloudpickle_is_told_before_anything_is_unpickled(job: Job) -> None:
    write_bomb(job, cloudpickle="99.1")
    for failure in failures(job):
        assert failure["type"] == "CloudpickleVersionMismatch"
        assert failure["message"].startswith(f"The map was made with cloudpickle 99.1, but this node has {VERSION}")
    assert not (job.scratch / "unpickled").exists()


def test_another_minor_version_of_cloudpickle_will_do(job: Job) -> None:
    job.write_function(lambda: 1, cloudpickle=VERSION.partition(".")[0] + ".999")
    job.write_inputs(())
    assert job.run().exit_code == 0


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def replace(path: Path) -> None:
    path.write_text("something else entirely, and long enough to be a header of a file")


def remove(path: Path) -> None:
    path.unlink()


DAMAGES = pytest.mark.parametrize(
    "damage", [cut_short, flip_a_bit, empty, replace, remove], ids=lambda damage: damage.__name__
)


@DAMAGES
def test_a_damaged_function_is_told_for_each_component(job: Job, damage: object) -> None:
    job.write_function(lambda: 1)
    job.write_inputs((), ())
    assert callable(damage)
    damage(job.scratch / "function")
    for failure in failures(job):
        assert failure["type"] == "UnreadableFile"
        assert str(job.scratch / "function") in failure["message"]


@DAMAGES
def test_a_damaged_shard_fails_its_own_components_only(job: Job, damage: object) -> None:
    job.write_function(lambda: 1)
    job.write_inputs((), (), name="whole")
    job.write_inputs((), (), first=2, name="damaged")
    assert callable(damage)
    damage(job.scratch / "damaged")
    assert job.run("0-3", inputs="damaged,whole").exit_code == 100
    assert job.results() == {0: 1, 1: 1}
    for component in (2, 3):
        failure = job.records()[component].header["exception"]
        assert failure["type"] == "UnreadableFile"
        assert str(job.scratch / "damaged") in failure["message"]


def test_a_shard_without_the_usual_keys_is_damaged(job: Job) -> None:
    job.write_function(lambda: 1)
    job.write("inputs", Kind.INPUTS, {"begin": 0}, [b""])
    (failure,) = failures(job, "0")
    assert failure["type"] == "UnreadableFile"


def test_inputs_that_cannot_be_unpickled_are_told(job: Job) -> None:
    job.write_function(lambda: 1)
    job.write("inputs", Kind.INPUTS, {"first": 0, "count": 2}, [b"garbage", cloudpickle.dumps(((), {}))])
    assert job.run("0-1").exit_code == 100
    assert job.records()[0].header["exception"]["type"] == "UnpicklingError"
    assert job.results() == {1: 1}


def test_a_component_that_is_in_no_shard_is_told(job: Job) -> None:
    job.write_function(lambda: 1)
    job.write_inputs(())
    assert job.run("0-1").exit_code == 100
    failure = job.records()[1].header["exception"]
    assert failure["type"] == "ComponentNotInShard"
    assert "Component 1 is not in the input files of this job: " in failure["message"]


def test_an_outputs_file_of_somebody_else_is_left_alone(job: Job) -> None:
    job.write_function(lambda: 1)
    job.write_inputs(())
    job.write("outputs", Kind.TAG, {"tag": "mine"}, [])
    before = (job.scratch / "outputs").read_bytes()
    ended = job.run()
    assert ended.exit_code == 101
    assert ended.stderr.count("\n") == 1
    assert "outputs" in ended.stderr
    assert (job.scratch / "outputs").read_bytes() == before
