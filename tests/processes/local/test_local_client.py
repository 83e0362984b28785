from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.processes.local.place import UID, Place

from htmap.backend.local.client import LocalBackend
from htmap.backend.protocol import Action, Backend, JobSelection
from htmap.exceptions import BackendError, InvalidOption


def test_it_is_a_backend(place: Place) -> None:
    backend: Backend = place.backend
    assert backend.name == "local"


def test_a_queue_that_was_never_used_is_empty(place: Place) -> None:
    place.backend.ensure_progress()
    assert not place.home.exists()
    assert place.backend.query(place.all) == []
    assert place.act(Action.REMOVE) == 0
    assert place.supervisor() is None


def test_nothing_is_queued_when_something_is_wrong(place: Place) -> None:
    place.script("exit 0")
    with pytest.raises(InvalidOption, match="max_retries"):
        place.submit(max_retries="many")
    with pytest.raises(InvalidOption, match="request_memory"):
        place.submit(request_memory="a lot")
    with pytest.raises(InvalidOption, match="log"):
        place.submit(log="events.$(ProcId)")
    with pytest.raises(BackendError, match="no such items"):
        place.submit("queue x from no such items")
    (place.submit_side / "empty").touch()
    with pytest.raises(BackendError, match="no items"):
        place.submit("queue x from empty")
    (place.submit_side / "gap").write_text("a\n\nb\n")
    with pytest.raises(BackendError, match="Line 2"):
        place.submit("queue x from gap")
    with pytest.raises(BackendError, match="cannot be read"):
        place.backend.submit(place.submit_side / "gone", UID)
    assert place.jobs() == []
    assert place.log() == ""


def test_an_attribute_that_is_no_expression_is_refused(place: Place) -> None:
    with pytest.raises(BackendError, match="RequestMemory"):
        place.backend.edit(place.all, {"RequestMemory": "12 MB"})


def test_a_home_that_cannot_be_made_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    backend = LocalBackend(tmp_path / "file" / "home", 1)
    with pytest.raises(BackendError, match="cannot be used"):
        backend.query(JobSelection(UID))


def test_nobody_else_can_look_into_the_home(place: Place) -> None:
    place.script("exit 0")
    place.submit()
    assert place.home.stat().st_mode & 0o077 == 0
    place.finish()


def test_the_last_submit_decides_how_many_jobs_run_at_once(place: Place) -> None:
    place.script('while [ ! -e "$1" ]; do sleep 0.02; done')
    go = place.submit_side / "go"
    LocalBackend(place.home, 1).submit(place.describe("queue 3", arguments=f"\"'{go}'\""), UID)
    place.wait_until(lambda: place.events(0) == [0, 1])
    LocalBackend(place.home, 4).submit(place.describe(arguments=f"\"'{go}'\""), UID)
    place.wait_until(lambda: place.log().count("\n001 (") == 4)
    go.touch()
    place.finish()


def test_clients_do_not_load_psutil() -> None:
    program = "import sys, htmap.backend.local.client; print('psutil' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout == "False\n"
