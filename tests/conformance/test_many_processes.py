"""Several processes use one map at once: no exception, and the same answer in all."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import htmap

TIMEOUT_S = 120
BUSY_S = 30.0

READER = """
import sys, time, htmap
until = time.monotonic() + float(sys.argv[1])
m = htmap.load("watched")
looks = 0
while time.monotonic() < until:
    m.component_statuses, m.status(), m.holds, m.errors, m.memory_usage
    for mine in (m, htmap.load("watched")):
        for result in mine.iter_as_available():
            assert result >= 0
    htmap.get_tags(), [each.status() for each in htmap.load_maps("other*")]
    looks += 1
m.wait(60)
print(sum(m), looks)
"""


WITH_CHILD = """
import multiprocessing
import htmap

class Point:
    def __init__(self, x):
        self.x = x

def doubled(point):
    return Point(2 * point.x)

def child():
    print([point.x for point in htmap.map(doubled, map(Point, range(3)), quiet=True)])

if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=child)
    process.start()
    process.join()
"""


def test_readers_do_not_mind_a_writer() -> None:
    watched = htmap.map(lambda x: __import__("time").sleep(0.05) or x, range(60), tag="watched", quiet=True)
    other = htmap.map(abs, range(4), tag="other-0", quiet=True)
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READER, str(BUSY_S)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ,
        )
        for _ in range(4)
    ]
    until, number = time.monotonic() + BUSY_S, 0
    while time.monotonic() < until:
        number += 1
        other.retag(f"other-{number}")
        other.wait(TIMEOUT_S)
        other.rerun([number % 4])
    answers = [reader.communicate(timeout=TIMEOUT_S) for reader in readers]
    assert [error for _, error in answers] == [""] * 4
    assert {answer.split()[0] for answer, _ in answers} == {str(sum(range(60)))}
    assert all(int(answer.split()[1]) > 0 for answer, _ in answers)
    assert sum(watched) == sum(range(60))
    other.wait(TIMEOUT_S)
    assert list(other) == [0, 1, 2, 3]


def test_threads_share_a_map_object() -> None:
    m = htmap.map(lambda x: x + 1, range(20), quiet=True)
    sums: list[int] = []
    threads = [threading.Thread(target=lambda: sums.append(sum(m.iter(TIMEOUT_S)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT_S)
    assert sums == [sum(range(1, 21))] * 4


def test_a_map_can_be_made_in_a_process_of_multiprocessing(tmp_path) -> None:
    program = tmp_path / "program.py"
    program.write_text(WITH_CHILD)
    ran = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert (ran.stdout, ran.stderr) == ("[0, 2, 4]\n", "")
