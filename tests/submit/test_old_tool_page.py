"""What the page for users of the HTMap before this one says of exceptions, files and keys is so."""

from __future__ import annotations

import builtins
import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from tests.docs.tables import OLD_TOOL, codes, rows
from tests.submit import event_text
from tests.submit.fake_backend import FakeBackend

import htmap
from htmap import exceptions

EXCEPTIONS = rows(OLD_TOOL, "Exceptions")
KEYS = rows(OLD_TOOL, "JSON and CSV")


def class_named(name: str) -> type[BaseException]:
    """One of ours, or of Python's."""
    found = getattr(exceptions, name, None) or getattr(builtins, name)
    assert isinstance(found, type)
    assert issubclass(found, BaseException)
    return found


@pytest.fixture
def names(queue: FakeBackend) -> dict[str, Any]:
    """The maps that the page speaks of: one that runs, one of each end."""
    removed = htmap.map(abs, [1], quiet=True)
    removed.remove()
    cancelled = htmap.map(abs, [1], quiet=True)
    queue.log(0, event_text.aborted(queue.job(0).id))
    htmap.map(abs, [1], tag="used", quiet=True)
    m = htmap.map(abs, [1], tag="t", quiet=True)
    queue.start(0)
    return {"htmap": htmap, "m": m, "removed": removed, "cancelled": cancelled}


@pytest.mark.parametrize(("what", "before", "now"), EXCEPTIONS, ids=[what.strip("`") for what, _, _ in EXCEPTIONS])
def test_an_exception_is_what_it_was_and_what_it_is(what: str, before: str, now: str, names: dict[str, Any]) -> None:
    with pytest.raises(exceptions.HTMapException) as caught:
        eval(codes(what)[0], names)  # noqa: S307 - the code of our own page
    assert type(caught.value) is class_named(codes(now)[0])
    for name in [*codes(before), *codes(now)]:
        assert isinstance(caught.value, class_named(name))


def test_the_page_has_every_exception_that_is_two_at_once() -> None:
    told = {name for _, _, now in EXCEPTIONS for name in codes(now)}
    both = {"OutputNotReady", "RetagToUsedTag", "RetagToInvalidTag", "RerunOfNoSuchComponent", "WrongType"}
    assert both <= told


def test_keys_are_those_of_the_page(queue: FakeBackend) -> None:
    htmap.map(abs, [1], tag="t", quiet=True)
    queue.run()
    entry = json.loads(htmap.status_json())["t"]
    (row,) = csv.DictReader(io.StringIO(htmap.status_csv()))
    for _, now in KEYS:
        (key,) = codes(now)
        if key in {"component_statuses", "COMPLETED"}:
            assert entry["component_statuses"]["COMPLETED"] == 1
            assert row["COMPLETED"] == "1"
        else:
            assert key in entry
            assert key in row


def test_files_of_a_map_are_where_the_page_says(queue: FakeBackend) -> None:
    m = htmap.map(abs, [1], tag="t", quiet=True)
    queue.run()
    folder: Path = m.opened.directory.path
    places = [code for _, _, now in rows(OLD_TOOL, "Where files are") for code in codes(now)]
    ours = [place for place in places if place.startswith(("inputs/", "submissions/", "events"))]
    assert len(ours) >= 4
    assert all((folder / place).is_file() for place in ours)
    assert m.output_files[0] == folder / "output_files" / "0"
