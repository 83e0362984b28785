"""Mirrors htmap.maps.overview: what a listing says of a map."""

from __future__ import annotations

import shutil

import pytest
from tests.submit import event_text
from tests.submit.conftest import MakeMap
from tests.submit.fake_backend import FakeBackend

from htmap import ComponentStatus as Status
from htmap.exceptions import MapWasRemoved
from htmap.maps.overview import overview, submissions_of


def test_a_listing_says_how_many_and_how_much_and_opens_no_output(make_map: MakeMap, fake: FakeBackend) -> None:
    m = make_map(str, [1, 2, 3])
    fake.log(0, event_text.image_size((1, 0), 120))
    fake.end(0, 0)
    fake.end(1, 0)
    found = overview(m.opened)
    assert dict(found.counts) == {Status.COMPLETED: 2, Status.IDLE: 1}
    assert (found.peak_memory_mb, found.totals.longest_cpu_s, found.totals.cpu_s) == (120, 1, 2)
    assert not [*m.opened.directory.submission(0).outputs.rglob("0")]


def test_the_description_that_was_sent_can_be_seen(make_map: MakeMap) -> None:
    m = make_map(str, [1, 2, 3], tag="seen")
    (submission,) = submissions_of(m.opened)
    assert submission.record.jobs == 3
    assert 'map "seen"' in submission.text()
    assert m.opened.record.components == 3


def test_of_a_map_that_is_gone_nothing_is_said(make_map: MakeMap) -> None:
    m = make_map(str, [1])
    shutil.rmtree(m.opened.directory.path)
    with pytest.raises(MapWasRemoved):
        overview(m.opened)
