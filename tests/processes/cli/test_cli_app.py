"""Mirrors htmap.cli.app and htmap.cli.about: the top of the command, help, and the ways out."""

from __future__ import annotations

import importlib
import io
import json
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import click
import pytest
import toml
from click.testing import CliRunner
from tests.processes.cli.place import TIMEOUT_S, Place

import htmap
from htmap.cli.app import ENTRIES, app, main
from htmap.cli.exits import MEANINGS, Exit, exit_of
from htmap.store.records import MapRecord, SubmissionRecord

SUBCOMMANDS = [
    *(("rerun", "failed"), ("rerun", "components"), ("rerun", "map")),
    *(("edit", "memory"), ("edit", "disk")),
    *(("transplants", "info"), ("transplants", "remove")),
]


@pytest.mark.parametrize("words", [*((name,) for name in ENTRIES), *SUBCOMMANDS], ids=" ".join)
def test_every_command_explains_itself(words: tuple[str, ...]) -> None:
    # In this process: there are many, and they need nothing.
    said = CliRunner().invoke(app, [*words, "--help"], prog_name="htmap").stdout
    assert f"Usage: htmap {' '.join(words)}" in said
    assert said == CliRunner().invoke(app, [*words, "-h"], prog_name="htmap").stdout
    command: click.Command = app
    for word in words:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), word)
        assert found is not None
        command = found
    assert command.help
    silent = [each.opts for each in command.params if isinstance(each, click.Option) and not each.help]
    assert not silent


def test_the_top_lists_all_commands_and_exit_codes(finished: Place) -> None:
    said = finished.htmap("--help")
    assert all(f"  {name} " in said for name in ENTRIES)
    assert all(f" {code.value}  {meaning}" in said for code, meaning in MEANINGS.items())
    assert set(MEANINGS) == set(Exit)
    ran = finished.run()
    assert ran.code == 2
    assert "Exit codes:" in ran.out + ran.err


def test_a_mistyped_command_is_guessed(finished: Place) -> None:
    ran = finished.run("staus")
    assert ran.code == 2
    assert "Did you mean status" in ran.err
    assert "htmap --help" in finished.run("xyzzy").err
    assert finished.run("--xyzzy").code == 2


def test_what_would_be_logged_is_shown_on_request(finished: Place) -> None:
    for option in ("-v", "--verbose"):
        ran = finished.run(option, "retag", "double", "double")
        assert (ran.code, ran.out) == (0, "Retagged double as double\n")
        assert "htmap.maps.acting: Retagged map double as double." in ran.err
    assert finished.run("retag", "double", "double").err == ""


def test_the_version_is_printed(finished: Place) -> None:
    assert finished.htmap("version") == finished.htmap("--version") == f"{htmap.version()}\n"


def test_transplants_are_listed(place: Place) -> None:
    assert place.htmap("transplants").startswith("There are no transplant installs")
    folder = place.htmap_dir / "transplants"
    folder.mkdir()
    described = json.dumps({"created": 1_700_000_000, "packages": ["numpy==2.0"]}).encode()
    with tarfile.open(folder / "transplant-0a1b.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo("transplant.json")
        entry.size = len(described)
        archive.addfile(entry, io.BytesIO(described))
    assert "0a1b" in place.htmap("transplants")
    (found,) = json.loads(place.htmap("transplants", "--json"))
    assert (found["hash"], found["created"], found["packages"]) == ("0a1b", 1_700_000_000, ["numpy==2.0"])
    assert found["size"] == (folder / "transplant-0a1b.tar.gz").stat().st_size
    assert place.htmap("transplants", "info") == place.htmap("transplants")
    shutil.copy(folder / "transplant-0a1b.tar.gz", folder / "transplant-0a2b.tar.gz")
    for which in ("0a", "1b", "2", "-1"):
        ran = place.run("transplants", "remove", which)
        assert (ran.code, ran.out) == (2, "")
    assert "'0a' names 2 of 2" in place.run("transplants", "remove", "0a").err
    place.htmap("transplants", "remove", "0a1")
    assert [path.name for path in folder.iterdir()] == ["transplant-0a2b.tar.gz"]
    place.htmap("transplants", "remove", "0")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("before", "shell"),
    [("source", "bash"), ("source_bash", "bash"), ("source_zsh", "zsh"), ("source_fish", "fish")],
)
def test_lines_that_the_old_tool_wrote_into_rc_files_still_complete(before: str, shell: str, finished: Place) -> None:
    assert finished.htmap(_HTMAP_COMPLETE=before).strip() == finished.htmap("completion", shell).strip()


def test_a_command_that_is_no_more_names_the_one_that_does_it_now(finished: Place) -> None:
    ran = finished.run("autocompletion", "--shell", "bash")
    assert ran.code == 2
    assert "`htmap completion` prints" in ran.err


def test_nobody_reading_is_no_reason_to_complain(finished: Place) -> None:
    with finished.start("components", "fail", "double", "--json") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read()
        process.wait(TIMEOUT_S)
    assert (process.returncode, err) == (141, "")


def into(finished: Place, target: str, *words: str, first: str = "") -> tuple[int, str]:
    """The exit code, and what goes to standard error, when a shell sends the output somewhere."""
    ran = subprocess.run(
        ["/bin/sh", "-c", f'{first} exec "$@" {target}', "sh", sys.executable, "-m", "htmap", *words],
        env=finished.environment,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    return ran.returncode, ran.stderr


def test_a_disk_that_is_full_is_named(finished: Place, tmp_path: Path) -> None:
    # A file that may not grow, as there is no full disk everywhere.
    full = into(finished, f">{shlex.quote(str(tmp_path / 'output'))}", "status", first="ulimit -f 0;")
    assert full == (1, "Error: Cannot write the output: File too large.\n")


@pytest.mark.parametrize("words", [["status"], ["wait", "double"], ["errors", "fail"]], ids=" ".join)
def test_nobody_need_be_there_to_listen(words: list[str], finished: Place) -> None:
    assert into(finished, "2>&- >&-", *words) == (0, "")


def test_what_the_encoding_of_the_output_does_not_have_is_spelled_out(place: Place) -> None:
    place.python('htmap.map(print, ["☃"], tag="snow").wait(60)')
    assert place.htmap("stdout", "snow", "0") == "☃\n"
    assert place.htmap("stdout", "snow", "0", PYTHONIOENCODING="latin-1") == "\\u2603\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_complete(shell: str, finished: Place) -> None:
    script = finished.htmap("completion", shell)
    assert "_HTMAP_COMPLETE" in script
    assert finished.htmap("completion", SHELL=f"/bin/{shell}") == script
    assert finished.run("completion", SHELL="/bin/csh").code == 2


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("htmap sta", {"status"}),
        ("htmap show d", {"double"}),
        ("htmap wait double f", {"fail"}),
        ("htmap rerun ", {"failed", "components", "map"}),
        ("htmap status --liv", {"--live"}),
    ],
)
def test_commands_tags_and_options_are_completed(line: str, expected: set[str], finished: Place) -> None:
    words = line.split(" ")
    environment = {"_HTMAP_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    offered = finished.htmap(**environment).split()
    assert {each.partition(",")[2] for each in offered} == expected


def test_a_command_imports_only_what_it_needs(finished: Place) -> None:
    script = (
        "import sys; sys.argv = ['htmap', {!r}]\n"
        "from htmap.cli.app import main\n"
        "try:\n    main()\n"
        "finally:\n    print(*[name for name in ('rich', 'psutil', 'sqlite3', 'htcondor2') if name in sys.modules])"
    )
    for word in ("--help", "tags"):
        printed = subprocess.run(
            [sys.executable, "-c", script.format(word)],
            env=finished.environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=TIMEOUT_S,
        ).stdout
        assert printed.splitlines()[-1] == "", word


def test_installing_htmap_installs_the_command() -> None:
    project = Path(__file__).parents[3] / "packages/htmap-submit/pyproject.toml"
    module, _, function = toml.loads(project.read_text())["project"]["scripts"]["htmap"].partition(":")
    assert getattr(importlib.import_module(module), function) is main


def test_a_queue_that_cannot_be_reached_has_a_code_of_its_own(place: Place) -> None:
    (place.folder / "config").write_text(f"COLLECTOR_HOST = 127.0.0.1:1\nLOCAL_DIR = {place.folder}\n")
    place.python('htmap.map(double, [1], tag="done").wait(60); htmap.map(double, [1]).wait(60)')
    for path in (place.htmap_dir / "maps").glob("*/map"):
        record = MapRecord.load(path)
        path.unlink()
        replace(record, backend="htcondor").save(path)
    for path in (place.htmap_dir / "maps").glob("*/submissions/*/submission"):
        made = SubmissionRecord.load(path)
        path.unlink()
        replace(made, queue=None).save(path)  # else it says that its jobs are in the local queue
    condor = {"CONDOR_CONFIG": str(place.folder / "config")}
    assert place.htmap("status", **condor).count("\n") == 4, "what has ended needs no queue"
    ran = place.run("rerun", "map", "done", **condor)
    assert ran.code == 8, ran
    assert "HTCondor cannot be reached" in ran.err
    assert place.htmap("remove", "done", **condor) == "Removed done\n", "nor has it jobs that could write"


def test_every_error_has_an_exit_code() -> None:
    kinds = [thing for thing in vars(htmap.exceptions).values() if isinstance(thing, type)]
    kinds = [kind for kind in kinds if issubclass(kind, htmap.exceptions.HTMapException)]
    assert len(kinds) > 20
    assert {exit_of(kind("message")) for kind in kinds} == set(Exit) - {
        Exit.DONE, Exit.INTERRUPTED, Exit.PIPE_CLOSED
    }  # fmt: skip
    assert os.EX_OK == Exit.DONE
