"""Several processes that write one event log. Mirrors htmap.backend.local.outbox."""

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.submit.local.outbox_box import Box

WRITER = textwrap.dedent("""\
    import pathlib, sys
    from htmap.backend.local import outbox
    from htmap.backend.local.queue import Queue
    with Queue(pathlib.Path(sys.argv[1])) as queue:
        sys.stdin.read()
        for number in range(150):
            with queue.transaction():
                queue.post(1, f"{sys.argv[2]} {number} {'x' * 500}\\n")
            outbox.deliver(queue)
    """)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path)
    yield box
    box.queue.close()


def test_several_writers_never_mix_or_repeat(box: Box) -> None:
    command = [sys.executable, "-c", WRITER, str(box.home)]
    writers = [subprocess.Popen([*command, name], stdin=subprocess.PIPE) for name in "abc"]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.close()
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    lines = box.log.read_text().splitlines()
    assert all(line.endswith("x" * 500) for line in lines)
    for name in "abc":
        assert [line.split()[1] for line in lines if line[0] == name] == [str(number) for number in range(150)]
