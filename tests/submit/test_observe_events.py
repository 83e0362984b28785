"""Mirrors htmap.observe.events: what is whole in a log is read, once, and nothing else is believed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.submit import event_text as text

from htmap.exceptions import StorageError
from htmap.observe import events as ev
from htmap.observe.events import Event, EventLog, cpu_s_of, parse
from htmap.observe.measured import when_of

JOB = (815, 3)

SOME = [
    text.submitted(JOB),
    text.executing(JOB),
    text.image_size(JOB, 17),
    text.held(JOB, 21, 0, "Too large"),
    text.released(JOB),
    text.terminated(JOB, 100),
]
KINDS = [0, 1, 6, 12, 13, 5]


def only(block: bytes) -> Event:
    (event,) = parse(block)
    return event


def only_text(block: bytes) -> bytes:
    return only(block)[3]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events"


# --- events ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", text.DATES)
def test_every_spelling_of_the_date_is_read(when: str) -> None:
    block = text.submitted(JOB, 4, when) + text.terminated(JOB, 3, when) + text.held(JOB, 34, 102, "Big", when=when)
    submitted, terminated, held = parse(block)
    assert [event[:3] for event in (submitted, terminated, held)] == [(0, 815, 3), (5, 815, 3), (12, 815, 3)]
    assert ev.submission_of(submitted[3]) == 4
    assert ev.exit_of(terminated[3]) == 3
    assert ev.hold_of(held[3]) == (34, 102, "Big")


def test_jobs_with_long_numbers_and_whole_clusters_are_told_apart() -> None:
    assert only(text.executing((1_234_567, 1_000_000)))[:3] == (1, 1_234_567, 1_000_000)
    assert only(text.cluster_submitted(7, 2))[:3] == (35, 7, -1)
    assert ev.submission_of(only_text(text.cluster_submitted(7, 2))) == 2


def test_a_submission_is_known_by_our_notes_alone() -> None:
    assert ev.submission_of(only_text(text.submitted(JOB, 12))) == 12
    assert ev.submission_of(only_text(text.submitted(JOB, None))) is None
    for note in ("    htmap submission twelve", "    my htmap submission 12", "    htmap submission 12 and more"):
        assert ev.submission_of(only_text(text.event(0, JOB, "Job submitted from host: <x>", note))) is None


@pytest.mark.parametrize("code", [0, 1, 100, 255, -9, -11])
def test_how_a_job_ended_is_its_code_or_minus_its_signal(code: int) -> None:
    assert ev.exit_of(only_text(text.terminated(JOB, code))) == code


def test_an_end_may_say_nothing_about_itself() -> None:
    assert ev.exit_of(only_text(text.event(5, JOB, "Job terminated."))) is None


def test_memory_is_in_megabytes_and_may_be_missing() -> None:
    assert ev.memory_mb_of(only_text(text.image_size(JOB, 1234))) == 1234
    assert ev.memory_mb_of(only_text(text.event(6, JOB, "Image size of job updated: 32"))) == 0


def test_processor_time_is_that_of_all_runs_in_seconds() -> None:
    body = [
        "\t(1) Normal termination (return value 0)",
        "\t\tUsr 0 00:00:09, Sys 0 00:00:09  -  Run Remote Usage",
        "\t\tUsr 1 02:03:04, Sys 0 00:00:06  -  Total Remote Usage",
    ]
    assert ev.cpu_s_of(only_text(text.event(5, JOB, "Job terminated.", *body))) == 24 * 3600 + 2 * 3600 + 3 * 60 + 10
    assert ev.cpu_s_of(only_text(text.event(5, JOB, "Job terminated."))) == 0


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (["Out of memory: used 200 MB"], "Out of memory: used 200 MB"),
        (["one", "two  words"], "one two words"),
        (["Code 7 of the conduct (Subcode 8) was broken"], "Code 7 of the conduct (Subcode 8) was broken"),
        (["naïve ☃"], "naïve ☃"),
        ([], ""),
    ],
)
def test_a_hold_has_its_codes_and_its_reason(reason: list[str], expected: str) -> None:
    assert ev.hold_of(only_text(text.held(JOB, 21, 3, *reason))) == (21, 3, expected)


def test_a_hold_of_an_old_htcondor_has_no_codes() -> None:
    assert ev.hold_of(only_text(text.event(12, JOB, "Job was held.", "\tby me"))) == (0, 0, "by me")


def test_bytes_that_are_no_text_do_not_hide_a_reason() -> None:
    block = text.held(JOB, 21, 3, "caf?").replace(b"caf?", b"caf\xe9")
    assert ev.hold_of(only_text(block)) == (21, 3, "caf\ufffd")


# --- what is no whole event -----------------------------------------------------------------------------------------


def test_an_event_that_was_never_finished_does_not_hide_the_next_one() -> None:
    for whole in SOME[:-1]:
        for size in range(len(whole)):
            events = list(parse(whole[:size] + SOME[-1]))
            assert [event[:3] for event in events][-1:] == [(5, *JOB)], whole[:size]
            assert ev.exit_of(events[-1][3]) == 100
            # ... and only if it had its end is it seen itself.
            assert len(events) == 1 + whole[:size].endswith(b"\n...\n")


def test_the_end_that_was_never_finished_is_not_taken_for_the_next_ones() -> None:
    torn = text.terminated(JOB, 7)[:-5]
    assert ev.exit_of(only_text(torn + text.terminated(JOB, 0))) == 0


def test_a_header_in_the_reason_of_a_hold_is_no_event() -> None:
    block = text.held(JOB, 21, 0, "Error (815.3.000) from slot1: 005 (7.0.000) Job terminated")
    assert only(block)[:3] == (12, *JOB)


GARBAGE = st.binary(max_size=40) | st.just(b"\0" * 4096) | st.sampled_from([b"...\n", b"\n...\n", b"005 (", b"\r\n"])


@given(st.lists(st.tuples(st.sampled_from(range(len(SOME))), GARBAGE), max_size=6))
def test_garbage_between_events_costs_none_of_them(pieces: list[tuple[int, bytes]]) -> None:
    block = b"".join(garbage + SOME[number] for number, garbage in pieces)
    found = [event[:3] for event in parse(block)]
    assert found == [(KINDS[number], *JOB) for number, _ in pieces]


@given(st.binary(max_size=200) | st.text(st.sampled_from("015 (.)-\n/:2"), max_size=200).map(str.encode))
def test_no_bytes_make_reading_fail(block: bytes) -> None:
    for *_, event in parse(block + b"\n...\n" + block):
        ev.submission_of(event), ev.exit_of(event), ev.memory_mb_of(event), ev.cpu_s_of(event), ev.hold_of(event)


@pytest.mark.parametrize("digits", [12, 5000])
def test_numbers_that_nothing_holds_are_no_numbers(digits: int) -> None:
    many = "9" * digits
    assert list(parse(f"005 ({many}.0.000) 2026-03-01 10:00:00 Job terminated.\n...\n".encode())) == []
    assert (
        ev.exit_of(only_text(text.event(5, JOB, "Job terminated.", f"\t(1) Normal termination (return value {many})")))
        is None
    )
    assert ev.memory_mb_of(only_text(text.event(6, JOB, "Image size", f"\t{many}  -  MemoryUsage of job (MB)"))) < 2**32


# --- the file -------------------------------------------------------------------------------------------------------


def test_a_log_that_is_not_there_yet_has_no_events(path: Path) -> None:
    log = EventLog(path)
    assert not log.has_news()
    assert not log.was_replaced()
    assert list(log.read()) == []


def test_each_event_is_read_once(path: Path) -> None:
    log = EventLog(path)
    for number, block in enumerate(SOME):
        with path.open("ab") as file:
            file.write(block)
        assert log.has_news()
        assert [event[0] for event in log.read()] == [KINDS[number]]
        assert not log.has_news()
    assert list(log.read()) == []


def test_a_half_written_event_is_not_seen(path: Path) -> None:
    log = EventLog(path)
    for size in range(len(SOME[0])):
        path.write_bytes(SOME[0][:size])
        assert list(log.read()) == []
    path.write_bytes(SOME[0])
    assert [event[0] for event in log.read()] == [0]


def test_reading_goes_on_where_an_earlier_reader_stopped(path: Path) -> None:
    path.write_bytes(SOME[0])
    first = EventLog(path)
    list(first.read())
    path.write_bytes(SOME[0] + SOME[1])
    assert [event[0] for event in EventLog(path, first.offset).read()] == [1]


@st.composite
def pieces(draw: st.DrawFn) -> list[bytes]:
    """Some events, in pieces that end anywhere."""
    whole = b"".join(SOME[number] for number in draw(st.lists(st.sampled_from(range(len(SOME))), max_size=6)))
    cuts = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    return [whole[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(whole)], strict=True)]


@given(pieces())
def test_it_does_not_matter_in_which_pieces_a_log_is_written(written: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "events")
        log, found = EventLog(path), []
        for piece in written:
            with path.open("ab") as file:
                file.write(piece)
            found += list(log.read())
    assert found == list(parse(b"".join(written)))


def test_a_log_of_many_blocks_is_read_whole(path: Path) -> None:
    count = ev._BLOCK_BYTES // len(SOME[-1]) + 100
    path.write_bytes(b"".join(text.terminated((1, number)) for number in range(count)))
    assert [event[2] for event in EventLog(path).read()] == list(range(count))


def test_a_lake_of_nuls_larger_than_a_block_is_crossed(path: Path) -> None:
    for lake in (ev._BLOCK_BYTES - 50, ev._BLOCK_BYTES, 2 * ev._BLOCK_BYTES + 7):
        path.write_bytes(SOME[0] + bytes(lake) + SOME[1])
        assert [event[0] for event in EventLog(path).read()] == [0, 1]


def test_a_log_that_was_cut_or_replaced_is_noticed(path: Path) -> None:
    path.write_bytes(SOME[0] + SOME[1])
    log = EventLog(path)
    list(log.read())
    assert not log.was_replaced()
    with path.open("ab") as file:
        file.write(SOME[2])
    assert not log.was_replaced()
    path.write_bytes(SOME[0])
    assert log.was_replaced()
    other = path.with_name("other")
    other.write_bytes(b"".join(SOME))
    other.replace(path)
    assert log.was_replaced()
    path.unlink()
    assert not log.was_replaced()
    assert list(log.read()) == []


XML = """\
<c>
    <a n="MyType"><s>SubmitEvent</s></a>
    <a n="EventTypeNumber"><i>0</i></a>
    <a n="EventTime"><s>2026-11-23T04:49:17.768</s></a>
    <a n="Cluster"><i>122</i></a>
    <a n="Proc"><i>0</i></a>
    <a n="Subproc"><i>0</i></a>
    <a n="SubmitHost"><s>&lt;127.0.0.1:36497&gt;</s></a>
    <a n="UserNotes"><s>htmap submission 0</s></a>
</c>
"""


def test_a_log_in_xml_is_read_by_the_binding(path: Path) -> None:
    path.write_text(XML)
    log = EventLog(path)
    (event,) = log.read()
    assert (*event[:3], ev.submission_of(event[3])) == (0, 122, 0, 0)
    assert not log.has_news()
    with path.open("a") as file:
        file.write(XML.replace('>0</i></a>\n    <a n="Subproc', '>1</i></a>\n    <a n="Subproc'))
    assert log.has_news()
    assert [each[2] for each in log.read()] == [1]


def test_a_log_that_cannot_be_read_is_named(path: Path) -> None:
    path.mkdir()
    with pytest.raises(StorageError, match=f"Cannot read the event log {path}: Is a directory"):
        list(EventLog(path).read())


def test_reading_opens_the_log_only_when_it_is_asked_for(path: Path) -> None:
    events: Iterator[Event] = EventLog(path).read()
    path.write_bytes(SOME[0])
    assert [event[0] for event in events] == [0]


def test_a_date_or_a_time_that_no_table_holds_is_not_believed() -> None:
    for year in ("1903", "2107", "9999"):
        assert when_of(f"001 (7.000.000) {year}-11-29 20:00:00 Job executing".encode()) == 0
    usage = b"\tUsr 999999999 00:00:01, Sys 0 00:00:01  -  Total Remote Usage\n"
    assert cpu_s_of(usage) in {0, 2**32 - 1}
