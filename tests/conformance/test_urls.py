"""Files come from a web server and go to one, and what the server refuses holds the component."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import web

import htmap
from htmap import ComponentStatus as Status
from htmap import TransferPath
from htmap.exceptions import BackendError, InvalidOption, MapComponentHeld

TIMEOUT_S = 120
LARGE = bytes(range(256)) * 40_000  # 10 MB


@pytest.fixture
def server(urls) -> Iterator[web.Web]:  # noqa: ARG001 - they must work
    with web.running() as server:
        yield server


@pytest.fixture
def site(server: web.Web) -> TransferPath:
    return TransferPath("/", protocol="http", location=server.location)


def total(paths, more):
    """Say what has arrived, and send something out."""
    assert all(isinstance(path, Path) for path in [*paths, *more.values()])
    parts = [path.read_bytes() for path in [*paths, *more.values()]]
    Path("sum.txt").write_text(" ".join(hashlib.sha256(part).hexdigest() for part in parts))
    Path("copies").mkdir()
    Path("copies/large, copy").write_bytes(parts[0])
    Path("kept.txt").write_text("kept")
    htmap.transfer_output_files("sum.txt", "copies", "kept.txt")
    return [len(part) for part in parts]


@pytest.mark.parametrize("chunksize", [1, 2])
def test_what_is_sent_is_what_arrives(server, site, tmp_path, chunksize) -> None:
    server.files = {
        "/large": LARGE,
        "/runs/1/data%20of%20run%2C%20a=b.csv": b"one",
        "/runs/2/data%20of%20run%2C%20a=b.csv": b"other",
        "/query?x=1&y=2": b"query",
        "/fixed.txt": b"fixed",
    }
    (tmp_path / "local").write_bytes(b"local")
    data = [site / "runs" / str(run) / "data of run, a=b.csv" for run in (1, 2)]
    more = {"query": site / "query?x=1&y=2", "local": TransferPath(tmp_path / "local")}
    sums, copies = site / "sums" / "of $(component).txt", site / "up" / "$(component)"
    options = htmap.MapOptions(
        chunksize=chunksize,
        fixed_input_files=[site / "fixed.txt"],
        output_remaps={"sum.txt": sums, "copies/large, copy": copies},
    )
    m = htmap.starmap(total, [([site / "large", *data], more)] * 2, map_options=options, quiet=True)
    m.wait(TIMEOUT_S)
    parts = [LARGE, b"one", b"other", b"query", b"local"]
    for component in range(2):
        assert m[component] == [len(part) for part in parts]
        sums = server.files[f"/sums/of%20{component}.txt"].decode().split()
        assert sums == [hashlib.sha256(part).hexdigest() for part in parts]
        assert server.files[f"/up/{component}"] == LARGE
        left = sorted(path.name for path in m.output_files[component].rglob("*") if path.is_file())
        assert left == ["kept.txt"]


def write(_x):
    Path("sent.txt").write_text("sent")
    htmap.transfer_output_files("sent.txt")
    return Path("fixed.txt").read_text()


def until_held(m: htmap.Map) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while set(m.component_statuses) != {Status.HELD}:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_component_is_held_for_what_a_server_refuses_and_goes_on_when_released(server, site) -> None:
    remaps = [{"sent.txt": site / "up" / str(component)} for component in range(2)]
    files = [[site / folder / "fixed.txt"] for folder in "ab"]
    options = htmap.MapOptions(input_files=files, output_remaps=remaps)
    server.files = {"/a/fixed.txt": b"a", "/b/fixed.txt": b"b"}
    server.refusals = {"/b/fixed.txt": 404, "/up/0": 403}
    m = htmap.map(write, range(2), map_options=options, quiet=True)
    until_held(m)
    for component, (code, number, path) in enumerate([(12, 403, "/up/0"), (13, 404, "/b/fixed.txt")]):
        hold = m.holds[component]
        assert hold.code == code
        for part in (str(number), f"http://{server.location}{path}"):
            assert part in hold.reason
        assert part in m.hold_report()
    with pytest.raises(MapComponentHeld, match="[Cc]omponent 0 .*403"):
        m.get(0)
    server.refusals = {}
    m.release()
    m.wait(TIMEOUT_S)
    assert list(m) == ["a", "b"]
    assert [server.files[f"/up/{component}"] for component in range(2)] == [b"sent"] * 2


def test_a_rerun_fetches_and_sends_again(server, site) -> None:
    server.files = {"/1/x": b"one", "/2/x": b"two"}

    def join(one, two):
        Path("joined").write_text(one.read_text() + two.read_text())
        htmap.transfer_output_files("joined")

    options = htmap.MapOptions(output_remaps={"joined": site / "joined"})
    m = htmap.starmap(join, [(site / "1" / "x", site / "2" / "x")], map_options=options, quiet=True)
    m.wait(TIMEOUT_S)
    assert server.files["/joined"] == b"onetwo"
    server.files["/2/x"] = b"three"
    m.rerun()
    m.wait(TIMEOUT_S)
    assert server.files["/joined"] == b"onethree"


def test_a_protocol_that_needs_more_is_refused_with_a_sentence(backend) -> None:
    bucket = TransferPath("key", protocol="s3", location="bucket")
    error, says = {
        "local": (InvalidOption, "knows only http and https.*setting BACKEND"),
        "htcondor": (BackendError, "access_key_id_file"),
    }[backend]
    with pytest.raises(error, match=says):
        htmap.map(write, [bucket], quiet=True)
    assert htmap.get_tags() == ()
