from __future__ import annotations

from pathlib import Path

import htcondor2
import pytest

from htmap.backend.local.job import Job, expand, expand_for_cluster
from htmap.backend.local.rows import Past
from htmap.exceptions import InvalidOption
from htmap.language import description
from htmap.language.commands import check_for_local
from htmap.language.description import Description

NEEDED = 'executable = /bin/true\nlog = events\ntransfer_output_files = ""\n'
HERE = Path("/submit/side")


def parse(text: str = "", queue: str = "queue") -> Description:
    told = description.parse(f"{NEEDED}{text}\n{queue}\n", HERE)
    check_for_local(description.with_environment(told, {}).commands, told.attributes)
    return told


def job(text: str = "", queue: str = "queue", item: str = "", proc: int = 0, **edits: str) -> Job:
    return expand(parse(text, queue), {"PATH": "/bin"}, (7, proc), item, edits)


def test_what_a_description_does_not_say_has_htcondors_defaults() -> None:
    made = job()
    assert (made.executable, made.initialdir, made.arguments) == (Path("/bin/true"), HERE, ())
    assert (made.transfer_executable, made.spools_on_eviction) == (True, False)
    assert (made.request_cpus, made.request_memory_mb, made.request_disk_kb) == (1, 128, 1024)
    assert (made.inputs, made.outputs, made.remaps, made.environment) == ((), (), {}, {"PATH": "/bin"})
    assert (made.stdin, made.stdout, made.stderr, made.policies) == (None, None, None, {})


def test_commands_have_no_case_comments_and_continued_lines_are_understood() -> None:
    made = job("# a comment \\\nArguments = one \\\n   two\n\n  # another\nREQUEST_MEMORY=2GB\nrequest_disk = 1M\n")
    assert made.arguments == ("one", "two")
    assert (made.request_memory_mb, made.request_disk_kb) == (2048, 1024)


def test_the_last_of_two_equal_commands_counts() -> None:
    assert job("arguments = one\nARGUMENTS = two\nargs = three").arguments == ("three",)


def test_relative_paths_start_from_initialdir_and_that_from_the_description() -> None:
    made = job("initialdir = sub\noutput = out\nerror = /elsewhere/err\n")
    assert (made.initialdir, made.stdout, made.stderr) == (HERE / "sub", HERE / "sub/out", Path("/elsewhere/err"))


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("$(Cluster).$(ClusterId).$(Process).$(ProcId)", "7.7.3.3"),
        ("$(what)", "b c"),
        ("$(WHAT)", "b c"),
        ("$(own)", "<b c>"),
        ("$(nobody)", ""),
        ("$(nobody:default)", "default"),
        ("$(nobody:$(what))", "b c"),
        ("$(what:default)", "b c"),
        ("$(Step) $(ItemIndex) $(Row)", "1 1 1"),
        ("$(DOLLAR)x", "$x"),
        ("$ alone", "$ alone"),
    ],
)
def test_macros(text: str, expanded: str) -> None:
    made = job(
        f"own = <$(what)>\noutput = /{text}x\nuses = $(own)$(uses_too)\nuses_too = $(uses)",
        "queue 2 n, what from i",
        "1, b c",
        3,
    )
    assert str(made.stdout) == f"/{expanded}x"


@pytest.mark.parametrize(
    "text", ["$(own)", "$(nobody:$(own))", "[$(nobody)] $ y", "$(nobody:a b)", "$(DOLLAR)$(x)", "$(x:y)"]
)
def test_macros_are_expanded_as_htcondor_expands_them(text: str) -> None:
    lines = f"own = <$(x)>\nx = 5\nsubmit_event_user_notes = {text}"
    theirs = htcondor2.Submit(f"executable = /bin/true\n{lines}\n").expand("submit_event_user_notes")
    made = expand(parse(f"{lines}\noutput = /$(submit_event_user_notes)\nerror = $(own)"), {}, (1, 0), "", {})
    assert str(made.stdout) == f"/{theirs}"


def test_a_macro_that_contains_itself_is_refused() -> None:
    with pytest.raises(InvalidOption, match="circle"):
        job("output = $(a)\na = $(b)\nb = $(a)x")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("no_such_command = 1", "no_such_command"),
        ("cron_hour = 3", "cron_hour"),
        ("grid_resource = x", "grid_resource"),
        ("universe = java", "universe = java"),
        ("should_transfer_files = NO", "should_transfer_files"),
        ("when_to_transfer_output = ON_SUCCESS", "ON_SUCCESS"),
        ("arguments = $INT(x)", r"\$INT\("),
        ("arguments = $$(Memory)", r"\$\$\("),
        ("executable =", "no executable"),
        ("log =", "no log"),
        ("transfer_output_files =", "no transfer_output_files"),
        ("if true", "cannot read"),
        ("x @=end", "cannot read"),
        ("queue 1\narguments = 1", "nothing after the queue statement"),
        ("queue in (a b)", "cannot read"),
    ],
)
def test_what_cannot_be_followed_is_refused_by_name(text: str, complaint: str) -> None:
    with pytest.raises(InvalidOption, match=complaint):
        parse(text)


def test_a_description_without_a_queue_statement_is_refused() -> None:
    with pytest.raises(InvalidOption, match="queue statement"):
        description.parse(NEEDED, HERE)


@pytest.mark.parametrize(
    "key", ["requirements", "RANK", "request_gpus", "max_idle", "batch_name", "gpus_minimum_memory"]
)
def test_what_only_matters_to_a_pool_is_passed_over(key: str) -> None:
    job(f"{key} = whatever")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('arguments = "open', "arguments.*double quotes"),
        ('arguments = "\'open"', "arguments.*single quote"),
        ('environment = "A"', "environment.*name=value"),
        ("request_memory = lots", "request_memory.*lots"),
        ("request_memory = lots of it", "request_memory"),
        ("request_cpus = 2GB", "request_cpus"),
        ("transfer_executable = perhaps", "transfer_executable.*perhaps"),
        ('transfer_output_remaps = "a"', "transfer_output_remaps"),
        ('transfer_output_remaps = "a = osdf://x/y"', "URL"),
        ("transfer_output_files = ../secret", "secret.*scratch"),
        ("transfer_output_files = /etc/passwd", "passwd"),
        ("on_exit_hold = regexp(x, y)", "on_exit_hold.*regexp"),
        ("on_exit_hold_reason = (", "on_exit_hold_reason"),
    ],
)
def test_a_value_that_cannot_be_used_names_its_command(text: str, complaint: str) -> None:
    with pytest.raises(InvalidOption, match=complaint):
        job(text)


def test_amounts_may_be_expressions() -> None:
    made = job("request_memory = 2 * MY.Base\nMY.Base = 300\nrequest_disk = 1.5GB\n+Other = strcat(Base)")
    assert (made.request_memory_mb, made.request_disk_kb) == (600, 1572864)
    assert made.attributes == {"base": "300", "other": "strcat(Base)"}


@pytest.mark.parametrize(
    ("text", "first", "later"),
    [
        ("ifThenElse(isUndefined(MemoryUsage), 100, MemoryUsage * 2)", 100, 600),
        ("MAX({100, MemoryUsage * 3/2})", 100, 450),
        ("100 * (NumJobStarts + 1)", 100, 300),
        ("int(100 * 1.3)", 130, 130),
        ("MemoryUsage ?: 200", 200, 300),
    ],
)
def test_requests_may_depend_on_what_the_job_has_been_through(text: str, first: int, later: int) -> None:
    told = parse(f"request_memory = {text}")
    past = Past(starts=2, memory_mb=300)
    found = [expand(told, {}, (1, 0), "", {}, past=each).request_memory_mb for each in (Past(), past)]
    assert found == [first, later]


@pytest.mark.parametrize(("text", "number"), [("SIGINT", 2), ("usr1", 10), ("12", 12), ("", 15)])
def test_signals_have_names_and_numbers(text: str, number: int) -> None:
    assert job(f"kill_sig = {text}").kill_signal == number


def test_variables_of_the_environment_are_those_of_the_one_who_submits() -> None:
    told = parse('environment = "A=$ENV(MINE)/x B=$ENV(OTHER:y)"\naccounting_group = $ENV(GROUP)$$(x)')
    told = description.with_environment(told, {"MINE": "m"})
    assert expand(told, {}, (1, 0), "", {}).environment == {"A": "m/x", "B": "y"}
    assert told.commands["accounting_group"] == "UNDEFINED$$(x)"


def test_edits_win() -> None:
    made = job("request_memory = 1GB\non_exit_hold = true", requestmemory="2048", onexithold="false", own='"x"')
    assert (made.request_memory_mb, made.policies, made.attributes["own"]) == (2048, {"on_exit_hold": "false"}, '"x"')


def test_what_jobs_share_may_not_differ_between_them() -> None:
    told = parse("number = 4\nsubmit_event_user_notes = $(number) of $(Cluster)")
    assert expand_for_cluster(told, 7, "submit_event_user_notes") == "4 of 7"
    with pytest.raises(InvalidOption, match=r"log.*\$\(procid\)"):
        expand_for_cluster(parse("log = events.$(ProcId)"), 7, "log")
