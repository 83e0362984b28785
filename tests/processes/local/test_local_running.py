from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from tests.processes.local.place import Place

from htmap.backend.protocol import JobStatus


def test_a_job_runs_with_its_arguments_and_its_output_comes_back(place: Place) -> None:
    place.script('printf "%s|" "$@"; echo trouble >&2')
    cluster = place.submit(arguments="\"one 'two words' it''s\"", output="out", error="err")
    place.finish()
    assert place.read("out") == "one|two words|its|"
    assert place.read("err") == "trouble\n"
    (job,) = place.jobs()
    assert (job.cluster, job.proc, job.exit_code, job.exit_signal) == (cluster, 0, 0, None)


def test_output_and_error_may_share_a_file(place: Place) -> None:
    place.script("echo one; echo two >&2; echo three")
    place.submit(output="both", error="both")
    place.finish()
    assert place.read("both") == "one\ntwo\nthree\n"


def test_a_job_reads_its_input_file(place: Place) -> None:
    (place.submit_side / "questions").write_text("to be?\n")
    place.script("cat")
    place.submit(input="questions", output="out")
    place.finish()
    assert place.read("out") == "to be?\n"


def test_each_item_becomes_a_job_with_its_values(place: Place) -> None:
    items = place.submit_side / "items"
    items.write_text("0\x1fa b,c\n1\x1fd\n")
    place.script('echo "$1:$2"')
    place.submit(
        f"queue component,what from {items}", arguments="\"$(component) '$(what)'\"", output="out.$(ProcId).$(Cluster)"
    )
    place.finish()
    assert (place.read("out.0.1"), place.read("out.1.1")) == ("0:a b,c\n", "1:d\n")


def test_a_job_sees_a_small_environment_of_its_own(place: Place, environ: Callable[[Mapping[str, str]], None]) -> None:
    environ({"SECRET": "submitter's", "WANTED_1": "1", "HOME": "/nowhere"})
    place.script("env")
    place.submit(
        environment="\"A=1 B='two words'\"", getenv="WANTED_*", request_cpus=3, output="out", transfer_executable="true"
    )
    place.finish()
    seen = dict(line.split("=", 1) for line in place.read("out").splitlines())
    scratch = str(place.home.resolve() / "scratch" / "1.0")
    assert {name: seen[name] for name in ("_CONDOR_SCRATCH_DIR", "TMPDIR", "TMP", "TEMP", "PWD")} == dict.fromkeys(
        ("_CONDOR_SCRATCH_DIR", "TMPDIR", "TMP", "TEMP", "PWD"), scratch
    )
    assert (seen["A"], seen["B"], seen["WANTED_1"], seen["OMP_NUM_THREADS"]) == ("1", "two words", "1", "3")
    assert not {"SECRET", "HOME", "PYTHONPATH"} & seen.keys()


def test_getenv_true_hands_everything_over(place: Place, environ: Callable[[Mapping[str, str]], None]) -> None:
    environ({"SECRET": "submitter's"})
    place.script('echo "$SECRET"')
    place.submit(getenv="true", output="out")
    place.finish()
    assert place.read("out") == "submitter's\n"


def test_python3_is_the_python_that_submitted(place: Place, environ: Callable[[Mapping[str, str]], None]) -> None:
    environ({"PATH": "/usr/bin:/bin"})
    place.script("#!/usr/bin/env python3\nimport sys; print(sys.version)")
    place.submit(output="out")
    place.finish()
    assert place.read("out").strip() == sys.version


def test_a_python_that_is_not_called_python3_is_found_all_the_same(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other python" / "python9"
    other.parent.mkdir()
    other.symlink_to(os.path.realpath(sys.executable))
    monkeypatch.setattr(sys, "executable", str(other))
    place.script('python3 -c "import sys; print(sys.version)"')
    place.submit(output="out")
    monkeypatch.undo()
    place.finish()
    assert place.read("out").strip() == sys.version


def test_at_most_as_many_jobs_run_as_there_are_slots_oldest_first(place: Place) -> None:
    place.script('while [ ! -e "$1" ]; do sleep 0.02; done')
    go = place.submit_side / "go"
    place.submit("queue 2", arguments=f"\"'{go}'\"")
    place.submit("queue 2", arguments=f"\"'{go}'\"")
    running, idle = JobStatus.RUNNING, JobStatus.IDLE
    place.wait_for(running, running, idle, idle)
    go.touch()
    place.finish()
    executed = [line for line in place.log().splitlines() if line.startswith("001")]
    assert [line[5:12] for line in executed] == ["001.000", "001.001", "002.000", "002.001"]


def test_a_job_that_ends_by_a_signal_says_so(place: Place) -> None:
    place.script("kill -9 $$")
    place.submit()
    place.finish()
    (job,) = place.jobs()
    assert (job.exit_code, job.exit_signal) == (None, 9)
    assert "Abnormal termination (signal 9)" in place.log()


def test_what_a_job_leaves_running_is_ended_with_it(place: Place) -> None:
    place.script('(while true; do date > "$1"; sleep 0.02; done) & while [ ! -e "$1" ]; do sleep 0.02; done')
    place.submit(arguments=f"\"'{place.submit_side}/tick'\"")
    place.finish()
    (place.submit_side / "tick").unlink()
    place.script("exit 0", name="other")
    place.submit(executable="other")
    place.finish()
    assert not place.exists("tick")


def test_a_job_does_not_inherit_ignored_signals(place: Place) -> None:
    place.script(
        """\
        #!/usr/bin/env python3
        import signal
        print([s.name for s in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGPIPE, signal.SIGTERM)
               if signal.getsignal(s) is signal.SIG_IGN])
        """
    )
    place.submit(output="out")
    place.finish()
    assert place.read("out") == "['SIGPIPE']\n"  # which Python itself ignores


def test_a_job_has_no_handle_of_the_supervisor(place: Place) -> None:
    place.script("#!/usr/bin/env python3\nimport os; print(len(os.listdir('/dev/fd')))")
    place.submit(output="out", error="err")
    place.finish()
    assert place.read("out") == "4\n"  # the three standard streams, and the directory that is being listed


def test_a_job_that_is_told_to_run_again_runs_until_it_is_content(place: Place) -> None:
    place.script('echo x >> "$1"; [ $(wc -l < "$1") -ge 3 ]')
    place.submit(arguments=f"\"'{place.submit_side}/count'\"", on_exit_remove="ExitCode == 0")
    place.finish()
    assert place.read("count") == "x\nx\nx\n"
    assert place.events() == [0, 1, 4, 1, 4, 1, 5]
    assert "(0) Job terminated and was requeued" in place.log()


@pytest.mark.parametrize("count", [1, 25])
def test_every_job_has_its_events_in_order(place: Place, count: int) -> None:
    place.script("exit 7")
    place.submit(f"queue {count}")
    place.finish()
    place.wait_until(lambda: all(place.events(proc)[-1] == 5 for proc in range(count)))
    assert [place.events(proc) for proc in range(count)] == [[0, 1, 5]] * count
    assert place.log().count("(1) Normal termination (return value 7)") == count
