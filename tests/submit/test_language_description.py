from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import htcondor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from htmap.backend.local.job import Job, expand, expand_for_cluster
from htmap.exceptions import BackendError, InvalidOption
from htmap.language import commands
from htmap.language import description as language
from htmap.language.words import split_arguments, split_environment, to_size

NEEDED = 'executable = /bin/true\nlog = events\ntransfer_output_files = ""\n'
HERE = Path("/submit/side")


def parse(text: str = "", queue: str = "queue") -> language.Description:
    return language.parse(f"{NEEDED}{text}\n{queue}\n", HERE)


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
        ("max_retries = 3", "max_retries"),
        ("periodic_hold = true", "periodic_hold"),
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
        language.parse(NEEDED, HERE)


@pytest.mark.parametrize(
    "key", ["requirements", "RANK", "request_gpus", "max_idle", "batch_name", "gpus_minimum_memory"]
)
def test_what_only_matters_to_a_pool_is_passed_over(key: str) -> None:
    job(f"{key} = whatever")


def test_no_command_is_both_honoured_and_passed_over() -> None:
    assert not commands.HONOURED & commands.POOL_ONLY


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


def test_edits_win() -> None:
    made = job("request_memory = 1GB\non_exit_hold = true", requestmemory="2048", onexithold="false", own='"x"')
    assert (made.request_memory_mb, made.policies, made.attributes["own"]) == (2048, {"on_exit_hold": "false"}, '"x"')


PLAIN_LINES = ["1, two three", "1 two , three four,five", "1", "# a b", "ü é"]
LINES = ["1\x1f two, words\x1f#3 ", "1\x1f", " x \x1f y \x1fz ", *PLAIN_LINES]


@pytest.mark.parametrize(("queue", "lines"), [("a,b c", LINES), ("a,b", PLAIN_LINES), ("a", PLAIN_LINES)])
def test_items_are_split_as_htcondor_splits_them(tmp_path: Path, queue: str, lines: list[str]) -> None:
    (tmp_path / "items").write_text("\n".join(lines))
    submit = htcondor2.Submit("executable = /bin/true")
    theirs = submit.itemdata(f"{queue} from {tmp_path / 'items'}")
    description = language.parse(f"{NEEDED}queue {queue} from items", tmp_path)
    ours = [description.item_values(item) for item in description.iter_items()]
    assert [list(values.values()) for values in ours] == [
        [item] if isinstance(item, str) else list(item.values()) for item in theirs
    ]


def test_an_empty_item_is_refused(tmp_path: Path) -> None:
    (tmp_path / "items").write_text("a\n \nb\n")
    with pytest.raises(BackendError, match="Line 2"):
        list(language.parse(f"{NEEDED}queue x from items", tmp_path).iter_items())


def test_items_are_read_lazily_and_only_newlines_end_them(tmp_path: Path) -> None:
    (tmp_path / "items").write_text("a\u2028b\x0cc\nd\r\n")
    description = language.parse(f"{NEEDED}queue 2 x from items", tmp_path)
    items = description.iter_items()
    assert isinstance(items, Iterator)
    assert list(items) == ["a\u2028b\x0cc", "a\u2028b\x0cc", "d", "d"]


def test_items_that_cannot_be_read_are_an_error_that_names_the_file(tmp_path: Path) -> None:
    description = language.parse(f"{NEEDED}queue x from gone", tmp_path)
    with pytest.raises(BackendError, match="gone"):
        list(description.iter_items())


def test_a_description_survives_being_kept() -> None:
    description = parse("MY.A = 1\narguments = $(x)", "queue 3 x,y from items")
    assert language.Description.from_json(description.to_json()) == description


def test_what_jobs_share_may_not_differ_between_them() -> None:
    description = parse("number = 4\nsubmit_event_user_notes = $(number) of $(Cluster)")
    assert expand_for_cluster(description, 7, "submit_event_user_notes") == "4 of 7"
    with pytest.raises(InvalidOption, match=r"log.*\$\(procid\)"):
        expand_for_cluster(parse("log = events.$(ProcId)"), 7, "log")


WORDS = st.lists(st.text(st.sampled_from("ab '\"\\,;=$()\t"), max_size=6), max_size=4)


@given(WORDS)
def test_arguments_are_split_as_htcondor_splits_them(words: list[str]) -> None:
    quoted = " ".join("'" + word.replace("'", "''") + "'" for word in words).replace('"', '""')
    assert split_arguments(f'"{quoted}"') == tuple(words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\"one 'two words' it''s\"", ["one", "two words", "its"]),
        ("\"'it''s' 'a' 'b'\"", ["it's", "a", "b"]),
        ('"a""b"', ['a"b']),
        ("\"'' x''y a'b 'c\"", ["", "xy", "ab c"]),
        ("  one  two ", ["one", "two"]),
        ('""', []),
        ("", []),
    ],
)
def test_arguments_in_both_spellings(text: str, words: list[str]) -> None:
    assert list(split_arguments(text)) == words


def test_environment_in_both_spellings() -> None:
    assert split_environment('"A=1 B=\'two words\' C=it\'\'s D=""q"" E="') == {
        "A": "1",
        "B": "two words",
        "C": "its",
        "D": '"q"',
        "E": "",
    }
    assert split_environment("A=1; B=two words;") == {"A": "1", "B": "two words"}


@pytest.mark.parametrize(
    ("text", "unit", "amount"),
    [
        ("512", "m", 512),
        ("512MB", "m", 512),
        ("2 GB", "m", 2048),
        ("1g", "k", 1048576),
        ("1K", "m", 1),
        ("1.5T", "m", 1572864),
        ("100", "k", 100),
        ("3", "", 3),
        ("3M", "", None),
        ("x", "m", None),
        ("512B", "m", None),
    ],
)
def test_sizes(text: str, unit: str, amount: int | None) -> None:
    assert to_size(text, unit) == amount
