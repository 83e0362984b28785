"""Mirrors htmap_common.wire.outputs where a disk is full, as for a process that may write so much."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from htmap_common.wire import OutputsReader

FULL_DISK = """
import os, resource, signal, sys
from htmap_common.wire import OutputsWriter

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
record = {"component": 1, "status": "returned"}
with OutputsWriter.open(sys.argv[1]) as writer:
    writer.append({"component": 0, "status": "returned"}, [b"fits"])
    size = os.path.getsize(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 5000, resource.RLIM_INFINITY))
    try:
        writer.append(record, [bytes(4000), bytes(4000)])
    except OSError as error:
        print(type(error).__name__, os.path.getsize(sys.argv[1]) == size, len(writer.entries))
    writer.append(record, [b"fits too"])
    writer.finish()
"""


def test_a_full_disk_leaves_no_half_record(tmp_path: Path) -> None:
    path = tmp_path / "outputs"
    script = [sys.executable, "-c", FULL_DISK, str(path)]
    output = subprocess.run(script, check=True, capture_output=True, text=True, timeout=60).stdout
    assert output == "OSError True 1\n"
    with OutputsReader.open(path) as reader:
        assert reader.is_finished
        assert reader.damage is None
        records = [reader.record(entry) for entry in reader.entries]
        assert [bytes(record.segments[0]) for record in records] == [b"fits", b"fits too"]
