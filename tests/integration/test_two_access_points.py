"""Two access points, or two pools, with one home: a map is where it was submitted, and nothing of others is touched.

What a session at the second does is done by a process of its own: the bindings read their configuration once.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import htmap
from htmap.exceptions import BackendNotAvailable
from testbed import access_point
from testbed.access_point import AccessPoint
from testbed.pool import Pool
from testbed.pool import running as running_pool

# Several processes run these tests at once, in one pool: each has an access point, and jobs of others, of its own.
MINE = os.environ.get("PYTEST_XDIST_WORKER", "")
OTHERS = f'OthersOf == "{MINE}"'
DEADLINE_S = 90.0
ACTS = 200


@pytest.fixture(scope="module")
def second(pool: Pool) -> Iterator[AccessPoint]:
    with access_point.running(pool, f"second{MINE}") as running:
        yield running


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.2)


def said_by(run: Callable[..., str], *command: str) -> str:
    """What a tool of HTCondor's prints; those that ask a schedd fail now and then while it is busy."""
    answers: list[str] = []

    def ask() -> bool:
        with contextlib.suppress(subprocess.CalledProcessError, subprocess.TimeoutExpired):
            answers.append(run(*command))
        return bool(answers)

    wait_until(ask)
    return answers[0]


class Session:
    """A user's session at an access point, who types one line after another."""

    def __init__(self, config: Path, home: Path) -> None:
        environment = {**os.environ, "CONDOR_CONFIG": str(config), "HTMAP_DIR": str(home), "HTMAP_BACKEND": "htcondor"}
        environment["HTMAP_QUEUE_CHECK_TIME"] = "0"
        program = [sys.executable, "-c", _TYPED]
        self._process = subprocess.Popen(
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def does(self, line: str) -> Any:
        """The value of an expression, or the name and text of the exception."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


_TYPED = """
import json, sys, time, htmap
def states(tag):
    return [str(status) for status in htmap.load(tag).component_statuses]
for line in sys.stdin:
    try:
        said = eval(json.loads(line))
    except htmap.exceptions.HTMapException as error:
        said = [type(error).__name__, str(error)]
    print(json.dumps(said if isinstance(said, (str, int, list, type(None))) else repr(said)), flush=True)
"""


@pytest.fixture
def there(second: AccessPoint, pool_home: Path) -> Iterator[Session]:
    session = Session(second.config, pool_home)
    yield session
    session.end()


def others_jobs(run: Callable[..., str], up_to: int) -> list[int]:
    """Jobs of others at an access point, with all cluster numbers from its next one up to some number."""
    never = ["executable = /bin/true", "transfer_executable = false", "requirements = false"]
    never += ["request_memory = 64", "request_disk = 1", f'My.OthersOf = "{MINE}"', "queue", ""]
    clusters = [0]
    description = Path(os.environ["HOME"]) / "others"
    description.write_text("\n".join(never))
    while clusters[-1] < up_to:
        clusters.append(int(said_by(run, "condor_submit", "-terse", str(description)).split(".")[0]))
    return clusters[1:]


def untouched(run: Callable[..., str]) -> set[str]:
    """Status and memory of the jobs of others: idle, as they were submitted."""
    return set(said_by(run, "condor_q", "-constraint", OTHERS, "-af", "JobStatus", "RequestMemory").splitlines())


def in_queue(run: Callable[..., str], uid: str) -> str:
    """The clusters that a map still has at an access point."""
    return said_by(run, "condor_q", "-constraint", f'HTMapUid == "{uid}"', "-af", "ClusterId")


def told(session: Session, tag: str) -> str:
    """What there is to say of a map whose states are not as they should be."""
    lines = [f"states({tag!r})", f"htmap.load({tag!r}).get(0, timeout=0)"]
    lines.append(f"open(htmap.load({tag!r}).opened.directory.events).read()[-3000:]")
    return "\n".join(str(session.does(line)) for line in lines)


def test_neither_access_point_touches_what_is_not_its_map(
    pool: Pool, second: AccessPoint, pool_home: Path, there: Session
) -> None:
    here = Session(pool.config, pool_home)
    made = 'htmap.map(time.sleep, [300, 300], tag="{}", quiet=True).tag'
    try:
        assert here.does(made.format("first")) == "first"
        assert there.does(made.format("second")) == "second"
        newest = max(
            int(said_by(each.run, "condor_q", "-allusers", "-af", "ClusterId").split()[-1]) for each in (pool, second)
        )
        others_jobs(pool.run, newest + 6)
        others_jobs(second.run, newest + 6)
        acts = ["hold", "release", "vacate", "set_memory", "set_disk", "pause", "resume"]
        choose = random.Random(14)
        held = dict.fromkeys(("first", "second"), False)
        for _ in range(ACTS):
            session, tag, act = choose.choice((here, there)), choose.choice(("first", "second")), choose.choice(acts)
            argument = "4321" if act.startswith("set") else ""
            assert session.does(f"htmap.load({tag!r}).{act}({argument})") is None
            held[tag] = {"hold": True, "release": False}.get(act, held[tag])
            assert untouched(pool.run) == untouched(second.run) == {"1 64"}
        for tag, is_held in held.items():
            for session in (here, there):
                states = set(session.does(f"states({tag!r})"))
                assert states == {"HELD"} if is_held else states <= {"IDLE", "RUNNING", "SUSPENDED"}, told(session, tag)
        uids = [here.does(f"htmap.load({tag!r}).opened.directory.uid") for tag in held]
        assert there.does('htmap.load("first").remove()') is None
        assert here.does('htmap.load("second").remove()') is None
        for each in (pool, second):
            assert untouched(each.run) == {"1 64"}
            assert [in_queue(each.run, uid) for uid in uids] == ["", ""]
    finally:
        here.end()
        for each in (pool, second):
            with contextlib.suppress(subprocess.CalledProcessError):
                each.run("condor_rm", "-constraint", OTHERS)


@pytest.mark.usefixtures("pool_home")
def test_a_map_whose_access_point_is_down_is_left_as_it_was(second: AccessPoint, there: Session) -> None:
    assert there.does('htmap.map(time.sleep, [300], tag="far", quiet=True).tag') == "far"
    m = htmap.load("far")
    wait_until(lambda: m.component_statuses == ["RUNNING"])  # as the log says; it is later than the queue
    second.stop()
    try:
        htmap.settings["QUEUE_CHECK_TIME"] = 0
        assert m.component_statuses == ["RUNNING"]
        for act in (m.hold, m.remove, lambda: m.set_memory(1)):
            with pytest.raises(BackendNotAvailable, match=r"at second\w*@\S+ of the pool.*cannot be reached"):
                act()
        assert htmap.get_tags() == ("far",)
    finally:
        second.start()
    wait_until(lambda: m.component_statuses == ["RUNNING"])
    m.remove()
    assert said_by(second.run, "condor_q", "-constraint", "HTMapUid =!= undefined", "-af", "ClusterId") == ""


def test_a_queue_that_is_set_up_anew_in_the_middle(second: AccessPoint, there: Session) -> None:
    assert there.does('htmap.map(time.sleep, [0, 300], tag="lost", quiet=True).tag') == "lost"
    wait_until(lambda: there.does('states("lost")') == ["COMPLETED", "RUNNING"])
    second.stop()
    second.wipe()
    second.start()
    others_jobs(second.run, 3)
    wait_until(lambda: there.does('states("lost")') == ["COMPLETED", "REMOVED"])
    assert there.does('htmap.load("lost").get(0)') is None
    kind, said = there.does('htmap.load("lost").get(1, timeout=5)')
    assert kind == "MapComponentRemoved"
    assert "its queue does not know the job any more" in said
    assert untouched(second.run) == {"1 64"}
    assert there.does('htmap.load("lost").rerun([1])') is None
    wait_until(lambda: there.does('states("lost")') == ["COMPLETED", "RUNNING"])
    assert there.does('htmap.load("lost").remove()') is None
    assert untouched(second.run) == {"1 64"}


def test_jobs_go_on_when_their_access_point_was_killed_and_started_again(second: AccessPoint, there: Session) -> None:
    assert there.does('htmap.map(time.sleep, [8, 8], tag="restarted", quiet=True).tag') == "restarted"
    wait_until(lambda: there.does('states("restarted")') == ["RUNNING", "RUNNING"])
    second.stop()
    second.start()
    wait_until(lambda: there.does('states("restarted")') == ["COMPLETED", "COMPLETED"])
    assert there.does('htmap.load("restarted").remove()') is None


def test_a_rerun_stays_where_the_map_is_unless_the_user_says_so(
    pool: Pool, second: AccessPoint, pool_home: Path, there: Session
) -> None:
    assert there.does('htmap.map(abs, [-1], tag="here-or-there", quiet=True).tag') == "here-or-there"
    wait_until(lambda: there.does('states("here-or-there")') == ["COMPLETED"])
    here = Session(pool.config, pool_home)
    ours = ("condor_history", "-constraint", "HTMapUid =!= undefined", "-af", "ClusterId")
    try:
        before = said_by(second.run, *ours).split()
        assert here.does('htmap.load("here-or-there").rerun()') is None
        wait_until(lambda: here.does('states("here-or-there")') == ["COMPLETED"])
        assert len(said_by(second.run, *ours).split()) == len(before) + 1
        assert here.does('htmap.load("here-or-there").rerun(elsewhere=True)') is None
        wait_until(lambda: there.does('states("here-or-there")') == ["COMPLETED"])
        assert there.does('htmap.load("here-or-there").get(0)') == 1
        assert len(said_by(second.run, *ours).split()) == len(before) + 1
    finally:
        here.end()


@pytest.fixture
def another_pool(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    """A pool of its own, whose schedd has the same name."""
    monkeypatch.setenv("TESTBED_POOL", "")  # set back when it has ended
    with running_pool(request.config.option.condor, shared=False) as other:
        yield other
        monkeypatch.setenv("TESTBED_POOL", "")


def test_a_map_of_one_pool_is_asked_there_from_another(pool: Pool, pool_home: Path, another_pool: Pool) -> None:
    here, far = Session(pool.config, pool_home), Session(another_pool.config, pool_home)
    try:
        assert here.does('htmap.map(time.sleep, [300], tag="near", quiet=True).tag') == "near"
        newest = int(said_by(pool.run, "condor_q", "-allusers", "-af", "ClusterId").split()[-1])
        others_jobs(another_pool.run, newest + 2)
        wait_until(lambda: far.does('states("near")') == ["RUNNING"])
        assert far.does('htmap.load("near").hold()') is None
        assert here.does('states("near")') == far.does('states("near")') == ["HELD"]
        assert far.does('htmap.load("near").set_memory(4321)') is None
        uid = far.does('htmap.load("near").opened.directory.uid')
        assert far.does('htmap.load("near").remove()') is None
        assert in_queue(pool.run, uid) == ""
        assert untouched(another_pool.run) == {"1 64"}
    finally:
        here.end()
        far.end()
