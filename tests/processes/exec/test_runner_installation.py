"""What the node must have, and what it need not have."""

# ruff: noqa: T201 - what components print must not be lost

from __future__ import annotations

import ast
import importlib
import multiprocessing
import os
import sys
import zipfile
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import htmap_exec
from htmap_exec import __main__

if TYPE_CHECKING:
    from tests.processes.exec.conftest import Job

RUNNER = ("htmap_exec", "htmap_common", "msgpack", "cloudpickle")
LARGEST_ZIP = 150_000


def test_the_calls_work_through_the_stand_in_for_htmap(job: Job) -> None:
    def function() -> str:
        import htmap  # noqa: PLC0415 - a user's

        Path("result").write_text("text")
        htmap.transfer_output_files("result")
        return str(htmap.TransferPath("x").path)

    job.write_function(function)
    job.write_inputs(())
    job.use_bare_python(*RUNNER)
    assert job.run().exit_code == 0
    assert job.results() == {0: "x"}
    assert job.records()[0].header["output_files"] == ["result"]


def test_the_stand_in_says_what_belongs_on_the_submit_side(job: Job) -> None:
    def function(how: str) -> object:
        if how == "attribute":
            import htmap  # noqa: PLC0415 - a user's

            return htmap.map
        if how == "name":
            from htmap import map as htmap_map  # noqa: PLC0415 - a user's

            return htmap_map
        import htmap.maps  # noqa: PLC0415 - a user's

        return htmap.maps

    job.write_function(function)
    job.write_inputs(("attribute",), ("name",), ("module",))
    job.use_bare_python(*RUNNER)
    assert job.run("0-2").exit_code == 100
    exceptions = [record.header["exception"] for record in job.records().values()]
    assert exceptions[0]["type"] == "AttributeError"
    assert exceptions[0]["message"].startswith("htmap.map belongs on the submit side.")
    for exception in exceptions[1:]:
        assert "belongs on the submit side" in exception["hint"]


def test_a_node_without_cloudpickle_is_told_in_the_record(job: Job) -> None:
    job.write_function(lambda: 1)
    job.write_inputs(())
    job.use_bare_python("htmap_exec", "htmap_common", "msgpack")
    assert job.run().exit_code == 100
    exception = job.records()[0].header["exception"]
    assert exception["type"] == "ModuleNotFoundError"
    assert "'cloudpickle' is not on this node" in exception["hint"]


def test_a_node_without_msgpack_is_told_on_stderr(job: Job) -> None:
    job.use_bare_python("htmap_exec", "htmap_common", "cloudpickle")
    ended = job.run()
    assert ended.exit_code == 101
    assert ended.stderr.startswith(f"htmap-exec: The module msgpack is missing in {sys.executable}.")
    assert ended.stderr.count("\n") == 1


def test_the_self_test_tells_whether_this_python_will_do(job: Job) -> None:
    job.use_bare_python(*RUNNER)
    ended = job.run_command(*job.runner, "--self-test")
    assert ended.exit_code == 0, ended
    assert ended.stdout.startswith(f"htmap-exec {htmap_exec.__version__} works: Python {sys.version_info[0]}.")


def test_the_self_test_tells_what_is_missing(job: Job) -> None:
    job.use_bare_python("htmap_exec", "htmap_common", "msgpack")
    ended = job.run_command(*job.runner, "--self-test")
    assert ended.exit_code == 101
    assert ended.stderr.startswith("htmap-exec: The module cloudpickle is missing in ")


def test_the_runner_travels_as_one_small_zip_and_needs_nothing_installed(job: Job, tmp_path: Path) -> None:
    archive = tmp_path / "runner.pyz"
    zip_runner(archive)
    assert archive.stat().st_size < LARGEST_ZIP
    job.runner = (sys.executable, "-I", "-S", str(archive))

    def function(divisor: int) -> float:
        print("dividing")
        return 1 / divisor if divisor < 9 else os._exit(divisor)

    job.write_function(function)
    job.write_inputs((2,), (0,), (9,), (4,))
    assert job.run("0-3").exit_code == 100
    assert job.results() == {0: 0.5, 3: 0.25}
    assert job.records()[1].header["exception"]["type"] == "ZeroDivisionError"
    assert job.records()[2].header["exception"]["type"] == "ComponentDied"
    assert {job.printed(component) for component in range(4)} == {"dividing\n"}


def test_the_program_does_not_see_the_zip_and_its_processes_find_it(job: Job, tmp_path: Path) -> None:
    archive = tmp_path / "condor_exec.exe"
    zip_runner(archive)
    job.runner = (sys.executable, "-I", "-S", str(archive))

    def function(method: str) -> tuple[list[str], list[int]]:
        with multiprocessing.get_context(method).Pool(1) as pool:
            return [entry for entry in sys.path if "condor_exec" in entry], pool.map(double, [3])

    job.write_program(function, ("spawn",), ("forkserver",))
    assert job.run("0-1").exit_code == 0, job.records()[0].header
    assert job.results() == {0: ([], [6]), 1: ([], [6])}


def double(x: int) -> int:
    return 2 * x


@pytest.mark.parametrize("name", ["__init__.py", "__main__.py"])
def test_an_old_python_understands_what_it_reads_before_the_check(name: str) -> None:
    source = Path(str(htmap_exec.__file__)).with_name(name).read_text()
    ast.parse(source, feature_version=(3, 6))
    assert "annotations" not in {alias.name for node in ast.walk(ast.parse(source)) for alias in names_in(node)}


def test_an_old_python_is_told_in_one_sentence(job: Job) -> None:
    job.runner = (
        sys.executable,
        "-c",
        "import sys; sys.version_info = (3, 6, 8); from htmap_exec.__main__ import main; sys.exit(main())",
    )
    ended = job.run()
    assert ended.exit_code == 101
    assert ended.stderr.startswith(
        f"htmap-exec: This node has Python 3.6 ({sys.executable}), and HTMap needs Python 3.10"
    )
    assert ended.stderr.count("\n") == 1


def test_the_command_of_the_distribution_is_this_runner() -> None:
    (command,) = entry_points(group="console_scripts", name="htmap-exec")
    assert command.load() is __main__.main


def zip_runner(archive: Path) -> None:
    """Pack the sources of the runner and of all that it needs, the way a delivery does."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("__main__.py", "import sys\nfrom htmap_exec.__main__ import main\nsys.exit(main())\n")
        for package in RUNNER:
            folder = Path(str(importlib.import_module(package).__file__)).parent
            for source in sorted(folder.rglob("*.py")):
                packed.write(source, Path(package) / source.relative_to(folder))


def names_in(node: ast.AST) -> list[ast.alias]:
    return node.names if isinstance(node, ast.ImportFrom) else []
