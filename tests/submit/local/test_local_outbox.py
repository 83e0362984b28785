from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.submit.local.outbox_box import Box

from htmap.backend.local import outbox


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path)
    yield box
    box.queue.close()


def test_text_is_appended_in_order_and_only_once(box: Box) -> None:
    box.post("a\n", "b\n")
    outbox.deliver(box.queue)
    outbox.deliver(box.queue)
    box.post("c\n")
    outbox.deliver(box.queue)
    assert box.log.read_text() == "a\nb\nc\n"


@pytest.mark.parametrize("there", ["first\nsec", "first\n", "first\nsecond\n", "f", ""])
def test_what_a_killed_predecessor_has_written_is_not_written_again(box: Box, there: str) -> None:
    box.post("before\n")
    outbox.deliver(box.queue)
    box.post("first\n", "second\n")
    box.log.write_text("before\n" + there)  # written, but killed before it could be recorded
    outbox.deliver(box.queue)
    box.post("third\n")
    outbox.deliver(box.queue)
    assert box.log.read_text() == "before\nfirst\nsecond\nthird\n"


def test_text_that_came_after_the_predecessor_was_killed_follows(box: Box) -> None:
    box.post("first\n")
    box.log.write_text("first\n")
    box.post("second\n")
    outbox.deliver(box.queue)
    assert box.log.read_text() == "first\nsecond\n"


def test_what_somebody_else_has_written_is_kept(box: Box) -> None:
    box.log.write_text("somebody's\n")
    box.post("first\n")
    outbox.deliver(box.queue)
    box.post("second\n")
    outbox.deliver(box.queue)
    assert box.log.read_text() == "somebody's\nfirst\nsecond\n"


def test_a_log_that_was_cut_goes_on_at_its_end(box: Box) -> None:
    box.post("first\n")
    outbox.deliver(box.queue)
    box.log.write_text("")
    box.post("second\n")
    outbox.deliver(box.queue)
    box.post("third\n")
    outbox.deliver(box.queue)
    assert box.log.read_text() == "second\nthird\n"


def test_more_than_fits_into_one_delivery_arrives(box: Box) -> None:
    box.post(*(f"{number}\n" for number in range(333)))
    outbox.deliver(box.queue)
    assert box.log.read_text() == "".join(f"{number}\n" for number in range(333))
    assert box.queue.logs_to_write() == []


def test_a_log_that_cannot_be_written_keeps_its_text_until_it_can(box: Box) -> None:
    box.log.mkdir()
    box.post("first\n")
    outbox.deliver(box.queue)
    assert "directory" in box.queue.log_errors()[1]
    assert box.queue.logs_to_write() == []
    box.log.rmdir()
    box.queue.retry_logs()
    outbox.deliver(box.queue)
    assert box.log.read_text() == "first\n"
    assert box.queue.log_errors() == {}


def test_a_log_of_an_earlier_queue_is_continued(tmp_path: Path) -> None:
    (tmp_path / "events").write_text("earlier\n")
    box = Box(tmp_path)
    box.post("earlier\n")  # the same text, but news
    outbox.deliver(box.queue)
    box.queue.close()
    assert box.log.read_text() == "earlier\nearlier\n"
