"""Make the golden files: one of every kind, in today's format.

In: nothing. Out: `make_all`, and with ``python make_golden.py`` the files beside this one. On the other side:
``test_wire_golden.py``. Files of a format that was released are never made again: a new format gets a new folder.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from htmap_common.wire import FORMAT, Kind, OutputsWriter, encode_file

GOLDEN = Path(__file__).parent / "golden" / f"format-{FORMAT}"

# Pickles are bytes like any others here: this one is the number 5, this one the tuple ((3,), {}).
FIVE = b"\x80\x05K\x05."
CALL = b"\x80\x05K\x03\x85}\x86."
ARRAY = bytes(range(64))

PYTHON = {"python": [3, 11, 7], "cloudpickle": "3.1.2"}
RUN = {
    **PYTHON,
    "host": "node-7.example.org",
    "started": 1700000000.25,
    "wall_s": 1.5,
    "user_cpu_s": 1.25,
    "system_cpu_s": 0.125,
    "peak_memory_kb": 20480,
    "attempt": 1,
}
FRAME = {"file": "fit.py", "line": 12, "function": "fit_one", "code": "return 1 / x", "locals": {"x": "0"}}
EXCEPTION = {
    "type": "ZeroDivisionError",
    "module": "builtins",
    "message": "division by zero",
    "frames": [FRAME],
    "chain": [],
    "notes": ["while fitting Größe"],
}

SINGLE: dict[Kind, tuple[dict[str, Any], list[bytes], int]] = {
    Kind.FUNCTION: (
        {
            "name": "fit_one",
            "module": "fit",
            "qualname": "fit_one",
            **PYTHON,
            "implementation": "cpython",
            "pickle_protocol": 5,
        },
        [FIVE],
        1,
    ),
    Kind.INPUTS: (
        {
            "first": 4,
            "count": 2,
            "per_component": [1, 2],
            "files": {"4": [["/home/me/run 1.csv", None, None, "run 1.csv"]], "5": [["raw", "http", "h", "raw"]]},
        },
        [CALL, CALL, ARRAY],
        64,
    ),
    Kind.MAP: ({"uid": "0a1b2c", "tag": "fit", "components": 3, "created": 1700000000.0}, [], 1),
    Kind.SUBMISSION: ({"number": 0, "cluster": 17, "components": [[0, 3]]}, [], 1),
    Kind.TAG: ({"uid": "0a1b2c"}, [], 1),
    Kind.STATE: ({"offset": 1234, "statuses": b"\x00\x01\x02", "runtime_s": [1.5, None]}, [], 1),
}

OUTPUTS: list[tuple[dict[str, Any], list[bytes], int]] = [
    ({"component": 4, "status": "returned", **RUN, "payload": [0, 2], "stdout": 2}, [FIVE, ARRAY, b"hello\n"], 64),
    ({"component": 5, "status": "raised", **RUN, "exception": EXCEPTION, "stderr": 0}, [b"oops\n"], 1),
]


def make_all() -> dict[str, bytes]:
    """The bytes of each golden file, by its name."""
    files = {kind.value: b"".join(encode_file(kind, *parts[:2], align=parts[2])) for kind, parts in SINGLE.items()}
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "outputs")
        with OutputsWriter.open(path) as writer:
            for header, segments, align in OUTPUTS:
                writer.append(header, segments, align=align)
            files["outputs-unfinished"] = path.read_bytes()
            writer.finish()
        files["outputs"] = path.read_bytes()
    return files


if __name__ == "__main__":
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for name, content in make_all().items():
        (GOLDEN / name).write_bytes(content)
