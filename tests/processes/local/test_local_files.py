from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest
from tests.processes.local.place import Place

from htmap.backend.local import trees
from htmap.backend.protocol import Action, JobStatus
from htmap.exceptions import BackendError, InvalidOption


def test_inputs_are_copied_with_their_mode_and_odd_names(place: Place) -> None:
    for name in ("two words", 'quo"te', "ünï", "semi;colon"):
        (place.submit_side / name).write_text(name)
    (place.submit_side / "two words").chmod(0o700)
    place.script('cat "two words" "quo\\"te" "ünï" "semi;colon"; [ -x "two words" ] && echo changed > "two words"')
    place.submit(transfer_input_files='two words, quo"te,ünï,semi;colon', output="out")
    place.finish()
    assert place.read("out") == 'two wordsquo"teünïsemi;colon'
    assert place.read("two words") == "two words"  # the job has worked on a copy


def test_a_directory_goes_in_whole_and_with_a_slash_only_what_is_in_it(place: Place) -> None:
    (place.submit_side / "d" / "deep").mkdir(parents=True)
    (place.submit_side / "d" / "deep" / "f").write_text("f")
    (place.submit_side / "e").mkdir()
    (place.submit_side / "e" / "g").write_text("g")
    place.script("ls d/deep/f g; ls e")
    place.submit(transfer_input_files="d,e/", output="out", error="err")
    place.finish()
    assert place.read("out").split() == ["d/deep/f", "g"]
    assert "e" in place.read("err")


def test_relative_paths_are_kept_if_the_description_says_so(place: Place) -> None:
    for name in ("a/x", "b/x", "c/d/x"):
        (place.submit_side / name).parent.mkdir(parents=True)
        (place.submit_side / name).write_text(name)
    (place.submit_side / "flat").touch()
    place.script("cat a/x b/x c/d/x; [ -e flat ] && [ -e x ]")
    inputs = f"a/x,b/x,c,{place.submit_side}/flat,{place.submit_side}/sub/../a/x"
    (place.submit_side / "sub").mkdir()
    place.submit(
        transfer_input_files=inputs, preserve_relative_paths="true", output="out", on_exit_hold="ExitCode != 0"
    )
    place.finish()
    assert place.read("out") == "a/xb/xc/d/x"


def test_no_input_arrives_outside_of_the_scratch_directory(place: Place) -> None:
    (place.submit_side / "sub").mkdir()
    (place.submit_side / "x").write_text("x")
    place.script("cat x")
    place.submit(
        transfer_input_files="../x",
        initialdir="sub",
        executable="../job",
        log="../events",
        preserve_relative_paths="true",
        output="../out",
    )
    place.finish()
    assert place.read("out") == "x"


def test_a_link_that_leads_back_up_does_not_go_in_for_ever(place: Place) -> None:
    (place.submit_side / "d").mkdir()
    (place.submit_side / "d" / "up").symlink_to(place.submit_side / "d")
    place.script("ls d")
    place.submit(transfer_input_files="d", output="out")
    place.finish()
    assert place.read("out") == ""


def test_a_missing_input_holds_the_job_and_is_named(place: Place) -> None:
    place.script("exit 0")
    place.submit(transfer_input_files="there,not there")
    (place.submit_side / "there").touch()
    place.wait_for(JobStatus.HELD)
    (job,) = place.jobs()
    assert (job.hold_code, job.hold_subcode) == (13, errno.ENOENT)
    assert "not there" in job.hold_reason
    assert place.events() == [0, 12]


def test_a_scheme_that_only_htcondor_may_know_is_refused_at_once(place: Place) -> None:
    place.script("exit 0")
    for commands in (
        {"transfer_input_files": "s3://bucket/file"},
        {"transfer_output_files": "x", "transfer_output_remaps": '"x = osdf:///file"'},
    ):
        with pytest.raises(InvalidOption, match=r"is a URL of (s3|osdf), .*knows only http and https.*BACKEND"):
            place.submit(**commands)
    assert place.jobs() == []


def test_a_file_url_is_a_path(place: Place) -> None:
    (place.submit_side / "a, b").write_text("text")
    place.script("cat 'a%2C b'")
    place.submit(transfer_input_files=f"file://{place.submit_side}/a%2C b", output="out")
    place.finish()
    assert place.read("out") == "text"


def test_outputs_go_where_they_are_remapped(place: Place) -> None:
    (place.submit_side / "sub").mkdir()
    place.script("echo a > a; echo b > b; mkdir -p d/e; echo f > d/e/f; echo odd > 'o=d;d'")
    place.submit(
        transfer_output_files="a,b,d,o=d;d",
        transfer_output_remaps=r'"a = sub/a.$(ProcId); d = tree; o\=d\;d = odd"',
    )
    place.finish()
    assert [place.read(name) for name in ("sub/a.0", "b", "tree/e/f", "odd")] == ["a\n", "b\n", "f\n", "odd\n"]


def test_the_files_of_an_output_directory_join_those_that_are_there(place: Place) -> None:
    (place.submit_side / "d").mkdir()
    (place.submit_side / "d" / "old").write_text("old")
    (place.submit_side / "d" / "both").write_text("old")
    place.script("mkdir d; echo new > d/new; echo new > d/both")
    place.submit(transfer_output_files="d")
    place.finish()
    assert [place.read(f"d/{name}") for name in ("old", "new", "both")] == ["old", "new\n", "new\n"]


def test_an_output_that_is_a_link_arrives_as_a_file(place: Place) -> None:
    place.script("echo text > file; ln -s file link")
    place.submit(transfer_output_files="link")
    place.finish()
    assert not (place.submit_side / "link").is_symlink()
    assert place.read("link") == "text\n"


def test_a_missing_output_holds_the_job_and_is_named_and_the_others_come_back(place: Place) -> None:
    place.script("echo here > here; echo why >&2; exit 127")
    place.submit(transfer_output_files="gone,here", error="err", on_exit_hold="ExitCode != 0")
    place.wait_for(JobStatus.HELD)
    (job,) = place.jobs()
    assert (job.hold_code, job.hold_subcode) == (12, errno.ENOENT)
    assert "gone" in job.hold_reason
    assert "exit code 127" in job.hold_reason
    assert (place.read("here"), place.read("err")) == ("here\n", "why\n")
    assert place.events() == [0, 1, 4, 12]


def test_an_output_that_has_nowhere_to_go_holds_the_job(place: Place) -> None:
    place.script("echo x > x")
    place.submit(transfer_output_files="x", transfer_output_remaps='"x = no/such/directory/x"')
    place.wait_for(JobStatus.HELD)
    assert place.jobs()[0].hold_code == 12
    (place.submit_side / "no/such/directory").mkdir(parents=True)
    place.act(Action.RELEASE)
    place.finish()
    assert place.read("no/such/directory/x") == "x\n"


@pytest.mark.parametrize("body", [None, "#!/no/such/interpreter\n", "#!\x00"])
def test_an_executable_that_cannot_be_run_holds_the_job(place: Place, body: str | None) -> None:
    if body is not None:
        place.script(body)
    place.submit("queue 2")
    place.wait_for(JobStatus.HELD)
    job = place.jobs()[0]
    assert job.hold_code == 6
    assert "job" in job.hold_reason
    assert list((place.home / "scratch").iterdir()) == []


def test_an_executable_that_is_not_transferred_runs_where_it_is(place: Place) -> None:
    path = place.script('echo "$0"')
    place.submit(transfer_executable="false", output="out")
    place.finish()
    assert place.read("out").strip() == str(path)


def test_a_job_cannot_lock_its_scratch_directory(place: Place) -> None:
    place.script("mkdir d; touch d/f; chmod 500 d; chmod 500 .")
    place.submit()
    place.finish()
    place.wait_until(lambda: not list((place.home / "scratch").iterdir()))


def test_nobody_sees_half_an_output_on_another_file_system(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def copy(source: Path, beside: Path) -> None:
        shutil.copyfile(source, beside)
        seen.append(target.read_text())

    source, target = place.submit_side / "source", place.submit_side / "target"
    source.write_text("new")
    target.write_text("old")
    monkeypatch.setattr(trees, "_rename", lambda *_: False)
    monkeypatch.setattr(shutil, "copy", copy)
    trees.bring(source, target)
    assert (seen, target.read_text()) == (["old"], "new")
    assert sorted(path.name for path in place.submit_side.iterdir()) == ["source", "target"]


def test_a_log_that_cannot_be_written_is_refused_at_once(place: Place) -> None:
    place.script("exit 0")
    with pytest.raises(BackendError, match="event log"):
        place.submit(log="no/such/directory/events")
    assert place.jobs() == []


def test_a_log_that_can_be_written_no_longer_holds_the_jobs_that_would_start(narrow_place: Place) -> None:
    place = narrow_place
    place.script('while [ ! -e "$1" ]; do sleep 0.02; done')
    go = place.submit_side / "go"
    place.submit("queue 3", arguments=f"\"'{go}'\"")
    place.wait_until(lambda: place.events(0) == [0, 1])
    log, saved = place.submit_side / "events", place.submit_side / "saved"
    log.rename(saved)
    log.mkdir()
    go.touch()
    # The second one starts before the events of the first cannot be delivered.
    place.wait_for(JobStatus.COMPLETED, JobStatus.COMPLETED, JobStatus.HELD)
    assert place.jobs()[2].hold_code == 22
    log.rmdir()
    saved.rename(log)
    place.act(Action.RELEASE)
    place.finish()
    place.wait_until(lambda: place.events(2)[-1] == 5)
    assert [place.events(proc) for proc in range(3)] == [[0, 1, 5], [0, 1, 5], [0, 12, 13, 1, 5]]
