"""``htmap-exec --self-test``: run one component, the way a job does.

In: this interpreter and what it can import. Out: one sentence.
On the other side: whoever builds an image, or wonders about a node.
"""

from __future__ import annotations

import os
import sys
import tempfile

from htmap_common.wire import FORMAT, Buffer, Kind, OutputsReader, encode_file, encode_shard

from . import __version__, pickling
from .errors import RunnerFailure
from .keeper import Keeper
from .task import Task


def run_self_test() -> str:
    """Run a small component and return the good news.

    Raises
    ------
    RunnerFailure
        Something is broken; the text says what.
    ImportError
        Something is missing.
    """
    with tempfile.TemporaryDirectory() as scratch:
        task = Task("function", [0], ["inputs"], os.path.join(scratch, "outputs"), scratch)
        function, call = pickling.dump(lambda x, y: x * y), pickling.dump(((6, 7), {}))
        _write(os.path.join(scratch, "function"), encode_file(Kind.FUNCTION, {}, function))
        _write(os.path.join(scratch, "inputs"), encode_shard(range(1), call, {}))
        Keeper(task).run()
        with OutputsReader.open(task.outputs) as outputs:
            record = outputs.record(outputs.entries[0])
    if "exception" in record.header:
        raise RunnerFailure(record.header["exception"]["message"])
    if pickling.load(record.segments) != 6 * 7:
        raise RunnerFailure("A component returned something else than it should.")
    python = f"Python {sys.version.split()[0]} ({sys.executable})"
    cloudpickle = f"cloudpickle {pickling.CLOUDPICKLE_VERSION}"
    return f"htmap-exec {__version__} works: {python}, {cloudpickle}, wire format {FORMAT}"


def _write(path: str, buffers: list[Buffer]) -> None:
    with open(path, "wb") as file:
        file.writelines(buffers)
