"""A job of the runner: a real process, in a real scratch directory, with real files.

In: functions and calls. Out: records, exit codes. On the other side: ``htmap_exec``, as HTCondor would start it.
Functions of the test modules are sent by value, as cloudpickle does with what users write in a script or notebook.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from tests.frozen import freeze, thaw

from htmap.pickling import Freezer, ProgramFreezer
from htmap_common.program.things import described
from htmap_common.wire import Buffer, Kind, OutputsReader, Record, encode_file, encode_function

PATIENCE_S = 30.0


class Job:
    """One job and its scratch directory."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.runner: Sequence[str] = (sys.executable, "-m", "htmap_exec")
        self.options: Sequence[str] = ()

    def use_bare_python(self, *packages: str) -> None:
        """Run in a Python that has nothing installed but these packages."""
        folder = self.scratch.with_name(f"{self.scratch.name}-packages")
        folder.mkdir()
        for package in packages:
            (folder / package).symlink_to(Path(str(importlib.import_module(package).__file__)).parent)
        start = f"import sys; sys.path.append({str(folder)!r}); from htmap_exec.__main__ import main; sys.exit(main())"
        self.runner = (sys.executable, "-I", "-S", "-c", start)

    # --- what the submit side writes ---

    def write_function(self, function: Callable[..., Any], **header: object) -> None:
        """Write the function file; the header names this Python, unless told otherwise."""
        versions = {
            "python": list(sys.version_info[:3]),
            "implementation": sys.implementation.name,
            "cloudpickle": cloudpickle.__version__,
        }
        self.write("function", Kind.FUNCTION, {**versions, **header}, freeze(function))

    def write_program(self, function: Callable[..., Any], *calls: tuple[Any, ...], argv: Sequence[str] = ()) -> None:
        """Write the function file as a map does, and a shard whose calls refer to it."""
        program = ProgramFreezer(function)
        freezer = Freezer(program.table)
        pickles = []
        for call in calls:
            freezer.add((call, {}))
            pickles.append(freezer.take(1)[0])
        program.define()
        extras, _ = program.extras()
        things = list(map(described, program.table.things, program.table.qualnames))
        file = encode_function({}, things, program.lists, [], argv, program.take(), extras)
        (self.scratch / "function").write_bytes(b"".join(file))
        self.write("inputs", Kind.INPUTS, {"first": 0, "count": len(calls)}, pickles)

    def write_inputs(self, *calls: tuple[Any, ...], first: int = 0, name: str = "inputs", **header: object) -> None:
        """Write a shard; each call is a tuple of positional arguments."""
        segments: list[Buffer] = []
        per_component = []
        for call in calls:
            buffers: list[Any] = []
            pickled = cloudpickle.dumps((call, {}), protocol=5, buffer_callback=buffers.append)
            segments += [pickled, *(buffer.raw() for buffer in buffers)]
            per_component.append(1 + len(buffers))
        header = {"first": first, "count": len(calls), "per_component": per_component, **header}
        self.write(name, Kind.INPUTS, header, segments)

    def write(self, name: str, kind: Kind, header: dict[str, Any], segments: Sequence[Buffer]) -> None:
        """Write a file of one record."""
        with (self.scratch / name).open("wb") as file:
            file.writelines(encode_file(kind, header, segments, align=64))

    # --- what HTCondor does ---

    def command(self, components: str, inputs: str = "inputs") -> list[str]:
        """The command line of the job."""
        where = ("--function", "function", "--components", components, "--inputs", inputs, "--outputs", "outputs")
        return [*self.runner, "run", *where, *self.options]

    def start(self, components: str, **popen: Any) -> subprocess.Popen[bytes]:
        """Start the job."""
        return subprocess.Popen(self.command(components), cwd=self.scratch, **popen)

    def run(self, components: str = "0", *, inputs: str = "inputs", options: Sequence[str] = (), **popen: Any) -> Ended:
        """Run the job to its end."""
        return self.run_command(*self.command(components, inputs), *options, **popen)

    def run_command(self, *command: str, **popen: Any) -> Ended:
        """Run any command in the scratch directory to its end."""
        ended = subprocess.run(
            command,
            cwd=self.scratch,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
            **popen,
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    def call(self, function: Callable[..., Any], *arguments: object) -> dict[str, Any]:
        """Run one component, and return the header of its record."""
        self.write_function(function)
        self.write_inputs(arguments)
        ended = self.run()
        assert ended.exit_code in (0, 100), ended
        return self.records()[0].header

    def wait_for_file(self, name: str) -> None:
        """Wait until a component has made a file in the scratch directory."""
        deadline = time.monotonic() + PATIENCE_S
        while not (self.scratch / name).exists():
            assert time.monotonic() < deadline, f"{name} did not appear in time"
            time.sleep(0.01)

    # --- what comes back ---

    def records(self) -> dict[int, Record]:
        """Read the records, by component; the last one of a component counts."""
        with OutputsReader.open(self.scratch / "outputs") as reader:
            assert reader.damage is None
            return {entry.component: reader.record(entry) for entry in reader.entries}

    def is_finished(self) -> bool:
        """Whether the outputs file says that no record is missing."""
        with OutputsReader.open(self.scratch / "outputs") as reader:
            return reader.is_finished

    def results(self) -> dict[int, Any]:
        """Unpickle the results, by component."""
        return {
            component: payload(record)
            for component, record in self.records().items()
            if record.header["status"] == "returned"
        }

    def exception(self, component: int = 0) -> Any:
        """Unpickle the exception of a component, or return None if only its description came back."""
        record = self.records()[component]
        return payload(record) if "payload" in record.header else None

    def printed(self, component: int = 0, stream: str = "stdout") -> str:
        """What a component has printed."""
        record = self.records()[component]
        return bytes(record.segments[record.header[stream]]).decode() if stream in record.header else ""


class Ended:
    """How a job ended."""

    def __init__(self, exit_code: int, stdout: str, stderr: str) -> None:
        self.exit_code = exit_code
        self.stdout = stdout
        self.stderr = stderr

    def __repr__(self) -> str:
        return f"exit code {self.exit_code}, stdout {self.stdout!r}, stderr {self.stderr!r}"


def payload(record: Record) -> Any:
    """Unpickle the result or the exception of a component."""
    first, count = record.header["payload"]
    return thaw(record.segments[first : first + count])


@pytest.fixture
def job(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Job]:
    """A job with an empty scratch directory."""
    cloudpickle.register_pickle_by_value(request.module)
    yield Job(tmp_path)
    cloudpickle.unregister_pickle_by_value(request.module)
