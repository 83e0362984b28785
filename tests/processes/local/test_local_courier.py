"""Mirrors htmap.backend.local.courier: URLs both ways, and a job that does not notice."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import web
from tests.processes.local.place import Place

from htmap.backend.local import courier
from htmap.backend.protocol import Action, JobStatus

DATA = bytes(range(256)) * 9000  # more than two blocks


@pytest.fixture
def server() -> Iterator[web.Web]:
    with web.running() as server:
        yield server


def submit(place: Place, server: web.Web, fetch: str = "", send: str = "", **commands: str) -> None:
    """Submit the job, which gets one file and makes ``d/x``."""
    there = f"http://{server.location}"
    transfers: dict[str, object] = {"transfer_input_files": f"{there}{fetch}"} if fetch else {}
    if send:
        transfers |= {"transfer_output_files": "d", "transfer_output_remaps": f'"d/x = {there}{send}"'}
    place.submit("queue", **commands | transfers | {"output": "out", "error": "err"})


def hold_of(place: Place) -> tuple[int, int, str]:
    place.wait_for(JobStatus.HELD)
    (job,) = place.jobs()
    return job.hold_code, job.hold_subcode, job.hold_reason


def test_what_is_fetched_and_sent_is_what_was_there(place: Place, server: web.Web) -> None:
    server.files["/in/na%C3%AFve%20x?a=b"] = DATA
    place.script('mkdir d; echo kept > d/kept; cat naïve%20x > d/x; echo done; [ -z "$http_proxy" ]')
    submit(place, server, "/in/naïve%20x?a=b#ignored", "/up/x y.bin".replace(" ", "%20"), getenv="false")
    place.finish()
    assert server.files["/up/x%20y.bin"] == DATA
    assert place.read("out") == "done\n"
    assert [path.name for path in (place.submit_side / "d").iterdir()] == ["kept"]
    assert place.events() == [0, 1, 5]


@pytest.mark.parametrize(
    ("trouble", "says"), [("refusals", "HTTP Error 403: Forbidden"), ("cut_short", f"promised {len(DATA)} bytes")]
)
def test_a_file_that_cannot_be_fetched_holds_the_job_before_it_starts(
    place: Place, server: web.Web, trouble: str, says: str
) -> None:
    server.files["/x"] = DATA
    server.refusals |= {"/x": 403} if trouble == "refusals" else {}
    server.cut_short |= {"/x"} if trouble == "cut_short" else set()
    place.script(f"cp x d; touch '{place.submit_side}/started'")
    submit(place, server, "/x")
    code, subcode, reason = hold_of(place)
    assert (code, subcode) == (13, 256)
    assert reason.startswith("Transfer input files failure: ")
    assert says in reason
    assert f"URL file = http://{server.location}/x" in reason
    assert not place.exists("started")
    server.refusals.clear()
    server.cut_short.clear()
    place.act(Action.RELEASE)
    place.finish()
    assert place.exists("started")


def test_a_server_that_is_not_there_is_named(place: Place, server: web.Web) -> None:
    place.script("exit 0")
    server.server_close()
    submit(place, server, "/x")
    code, _, reason = hold_of(place)
    assert code == 13
    assert f"[Errno {errno.ECONNREFUSED}]" in reason
    assert server.location in reason


def test_a_file_that_is_refused_holds_the_job_and_is_sent_when_it_is_released(place: Place, server: web.Web) -> None:
    server.refusals["/up"] = 507
    place.script("mkdir -p d; cp d/x d/again; echo x >> d/x; echo y > d/y")
    submit(place, server, send="/up", when_to_transfer_output="on_exit_or_evict")
    code, subcode, reason = hold_of(place)
    assert (code, subcode) == (12, 256)
    assert reason.startswith("Transfer output files failure: HTTP Error 507")
    assert not place.exists("d")
    server.refusals.clear()
    place.act(Action.RELEASE)
    place.finish()
    assert server.files["/up"] == b"x\nx\n", "what could not be sent was there when it started again"
    assert sorted(path.name for path in (place.submit_side / "d").iterdir()) == ["again", "y"]


def test_what_is_sent_from_behind_a_link_stays_there(place: Place, server: web.Web) -> None:
    (place.submit_side / "mine").mkdir()
    (place.submit_side / "mine" / "x").write_text("precious")
    place.script('ln -s "$1" d')
    submit(place, server, send="/up", arguments=f"\"'{place.submit_side / 'mine'}'\"")
    place.finish()
    assert server.files["/up"] == b"precious"
    assert place.read("mine/x") == "precious"


def test_a_directory_is_not_sent_to_a_url(place: Place, server: web.Web) -> None:
    place.script("mkdir -p d/x")
    submit(place, server, send="/up")
    assert "d/x is a directory; only files" in hold_of(place)[2]
    assert server.asked == []


def test_an_output_that_was_not_made_holds_the_job(place: Place, server: web.Web) -> None:
    place.script("exit 0")
    url = f"http://{server.location}/x"
    place.submit(transfer_output_files="x", transfer_output_remaps=f'"x = {url}"')
    assert "the job has not made x" in hold_of(place)[2]


@pytest.mark.parametrize(("body", "exit_code", "exit_signal"), [("exit 7", 7, None), ("kill -9 $$", None, 9)])
def test_the_job_ends_as_it_ended(
    place: Place, server: web.Web, body: str, exit_code: int | None, exit_signal: int | None
) -> None:
    place.script(f"mkdir d; echo x > d/x; {body}")
    submit(place, server, send="/up")
    place.finish()
    (job,) = place.jobs()
    assert (job.exit_code, job.exit_signal) == (exit_code, exit_signal)
    assert server.files["/up"] == b"x\n"


def test_an_executable_that_cannot_be_run_holds_the_job(place: Place, server: web.Web) -> None:
    server.files["/x"] = b"x"
    place.script("#!/no/such/interpreter\n")
    submit(place, server, "/x")
    assert hold_of(place)[0] == 6


@pytest.mark.parametrize("stalled", ["/in/x", "/up"])
def test_a_job_can_be_held_while_a_server_does_not_answer(place: Place, server: web.Web, stalled: str) -> None:
    server.files["/in/x"] = b"x"
    server.stalled.add(stalled)
    place.script("mkdir -p d; cp x d/x")
    submit(place, server, "/in/x", "/up", when_to_transfer_output="on_exit_or_evict")
    place.wait_until(lambda: stalled in [path for _, path in server.asked])
    place.act(Action.HOLD)
    assert hold_of(place)[0] == 1
    assert list((place.home / "scratch").iterdir()) == []
    server.stalled.clear()
    place.act(Action.RELEASE)
    place.finish()
    assert server.files["/up"] == b"x"


def test_an_evicted_job_sends_nothing(place: Place, server: web.Web) -> None:
    place.script("""
        mkdir -p d
        echo x >> d/x
        trap 'exit 0' TERM
        touch running
        while [ ! -e d/done ]; do sleep 0.02; [ "$(wc -l < d/x)" -lt 2 ] || touch d/done; done
    """)
    submit(place, server, send="/up", when_to_transfer_output="on_exit_or_evict")
    place.wait_for_file("running")
    place.act(Action.VACATE)
    place.finish()
    assert server.files["/up"] == b"x\nx\n"
    assert server.asked == [("PUT", "/up")]
    assert place.events() == [0, 1, 4, 1, 5]


def test_a_job_that_goes_on_after_a_checkpoint_fetches_once_and_sends_once(place: Place, server: web.Web) -> None:
    server.files["/in/x"] = b"x\n"
    place.script("mkdir -p d; cat x >> d/x; echo changed > x; [ $(wc -l < d/x) -ge 3 ] || exit 85")
    submit(place, server, "/in/x", "/up", checkpoint_exit_code="85", transfer_checkpoint_files="d")
    place.finish()
    assert server.asked == [("GET", "/in/x"), ("PUT", "/up")]
    assert server.files["/up"] == b"x\nchanged\nchanged\n"


def test_the_courier_needs_nothing_but_itself(tmp_path: Path) -> None:
    plan = {"command": ["/bin/sh", "-c", "exit 7"], "environment": {}, "fetch": {}, "send": {}, "outputs": []}
    (tmp_path / courier.PLAN).write_text(json.dumps({**plan, "checkpoint_exit_code": None}))
    done = subprocess.run([sys.executable, "-I", "-S", courier.__file__], cwd=tmp_path, check=False)
    assert done.returncode == 7, "it ends as the job does, where no package of anybody is installed"
