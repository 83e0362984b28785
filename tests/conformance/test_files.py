"""Files that a function makes come back."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

import htmap

TIMEOUT_S = 120


def test_output_files_come_back() -> None:
    def write(x):
        Path("plain.txt").write_text(f"plain {x}")
        Path("folder/deep").mkdir(parents=True)
        Path("folder/deep/with space.txt").write_text(f"deep {x}")
        htmap.transfer_output_files("plain.txt", "folder")
        return x

    m = htmap.map(write, range(3), map_options=htmap.MapOptions(chunksize=2), quiet=True)
    m.wait(TIMEOUT_S)
    for component in range(3):
        place = m.output_files[component]
        assert (place / "plain.txt").read_text() == f"plain {component}"
        assert (place / "folder" / "deep" / "with space.txt").read_text() == f"deep {component}"


def test_what_components_print_is_theirs_alone() -> None:
    def talk(x) -> None:
        import sys

        print(f"out of {x}")
        print(f"err of {x}", file=sys.stderr)

    m = htmap.map(talk, range(4), map_options=htmap.MapOptions(chunksize=4), quiet=True)
    m.wait(TIMEOUT_S)
    assert list(m.stdout) == [f"out of {x}\n" for x in range(4)]
    assert list(m.stderr) == [f"err of {x}\n" for x in range(4)]
    assert m.stdout.get(-1) == "out of 3\n"


def test_usage_is_measured_for_each_component() -> None:
    def burn(x):
        import time

        until = time.process_time() + x
        while time.process_time() < until:
            pass
        return len(b"x" * int(x * 100 * 1024 * 1024))

    m = htmap.map(burn, [0.0, 0.5], quiet=True)
    m.wait(TIMEOUT_S)
    assert m.runtime[1].total_seconds() >= 0.5 > m.runtime[0].total_seconds()
    assert m.memory_usage[1] >= 50 > m.memory_usage[0] > 0
    assert m.local_data > 0


def write_both(x):
    Path("kept.txt").write_text(f"kept {x}")
    Path("sent.txt").write_text(f"sent {x}")
    htmap.transfer_output_files("kept.txt", "sent.txt")


def test_remapped_output_files_go_elsewhere(tmp_path) -> None:
    options = htmap.MapOptions(output_remaps={"sent.txt": htmap.TransferPath(tmp_path) / "all-$(component).txt"})
    m = htmap.map(write_both, range(2), map_options=options, quiet=True)
    m.wait(TIMEOUT_S)
    for component in range(2):
        assert (tmp_path / f"all-{component}.txt").read_text() == f"sent {component}"
        assert [path.name for path in m.output_files[component].iterdir()] == ["kept.txt"]


def test_each_component_may_have_remaps_of_its_own(tmp_path) -> None:
    places = [htmap.TransferPath(tmp_path / name) for name in ("one.txt", "two words.txt")]
    options = htmap.MapOptions(output_remaps=[{"sent.txt": place} for place in places])
    m = htmap.map(write_both, range(2), map_options=options, quiet=True)
    m.wait(TIMEOUT_S)
    assert [Path(place).read_text() for place in places] == ["sent 0", "sent 1"]


def test_what_a_running_component_prints_can_be_watched_where_the_backend_allows(tmp_path, backend) -> None:
    def talk(go):
        import time

        print("so far", flush=True)
        while not Path(go).exists():
            time.sleep(0.02)
        print("so good")

    m = htmap.map(talk, [str(tmp_path / "go")], quiet=True)
    if backend == "local":
        deadline = time.monotonic() + TIMEOUT_S
        while watched(m) != "so far\n":
            assert time.monotonic() < deadline
    else:
        with pytest.raises(TimeoutError):
            m.stdout.get(0, timeout=0.1)
    (tmp_path / "go").touch()
    assert m.stdout.get(0, TIMEOUT_S) == "so far\nso good\n"


def watched(m: htmap.Map) -> str:
    try:
        return m.stdout[0]
    except TimeoutError:
        return ""


def test_a_remap_that_htcondor_cannot_read_is_refused() -> None:
    options = htmap.MapOptions(output_remaps={"sent.txt": htmap.TransferPath("a; b")})
    with pytest.raises(htmap.exceptions.InvalidOption, match="';'"):
        htmap.map(write_both, [1], map_options=options, quiet=True)
