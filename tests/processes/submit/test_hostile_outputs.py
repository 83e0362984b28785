"""The status of a map whose nodes sent back what no runner writes, with right checksums."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

from htmap_common.wire.framing import Kind, encode_file_header, encode_record, with_crc
from htmap_common.wire.index import encode_index

MAKE = """
import htmap
htmap.settings["BACKEND"] = "local"
def step(x):
    raise ValueError(x)
m = htmap.map(step, range({components}), tag="hostile", quiet=True, map_options=htmap.MapOptions(chunksize=2))
m.wait(timeout=120, errors_ok=True)
"""
LOOK = """
import resource, time, htmap
before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
m = htmap.load("hostile")
for _ in range(3):
    assert m.status() == htmap.load("hostile").status()
htmap.status()
print(time.process_time() - begun, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
RECORD = b"".join(encode_record(32, {"component": 0, "status": "returned"}))


def framed(header: bytes) -> bytes:
    return with_crc(struct.pack(">IQII", len(header), 0, zlib.crc32(header), 0)) + header


def listed(filling: bytes, length: int, key: bytes = b"\x81\xa5index") -> bytes:
    count = length // len(filling)
    return key + b"\xdd" + count.to_bytes(4, "big") + filling * count


def bombs() -> list[bytes]:
    begin, in_the_midst = encode_file_header(Kind.OUTPUTS), b"\x83\xa9component\x00\xa6status\xa6raised\xa4more"
    trailer = encode_index([], len(begin))[-1]
    return [
        begin + framed(listed(b"\x80", 2_000_000)) + trailer,
        begin + framed(listed(b"\xe0", 60_000_000)) + trailer,
        begin + framed(listed(b"\x93\x00\xa0\x20", 8_000_000)) + trailer,
        begin + framed(listed(b"\x90", 30_000_000, in_the_midst)),
        begin + framed(listed(b"\xe0", 60_000_000, b"\x81\xa4more")),
        begin + RECORD * 500_000,
        begin + RECORD * 500_000 + trailer,
        begin + b"".join(framed(listed(b"\x90", 2_000_000, in_the_midst)) for _ in range(10)),
    ]


def test_the_status_of_hostile_outputs_takes_a_second_and_little_memory(tmp_path: Path) -> None:
    environment = {**os.environ, "HTMAP_DIR": str(tmp_path), "HTMAP_BACKEND": "local"}

    def python(code: str) -> str:
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    hostile = bombs()
    python(MAKE.format(components=2 * len(hostile)))
    (outputs,) = tmp_path.glob("maps/*/submissions/0/outputs/000")
    for job, bomb in enumerate(hostile):
        (outputs / str(job)).write_bytes(bomb)
    seconds, megabytes = map(float, python(LOOK).split())
    assert seconds < 1
    assert megabytes < 100
