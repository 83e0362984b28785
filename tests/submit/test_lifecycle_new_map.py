"""Mirrors htmap.lifecycle.new_map (and submission): a map is made whole, or nothing is left of it."""

from __future__ import annotations

import functools
import logging
import os
import platform
import stat
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from tests.submit.conftest import request_of
from tests.submit.fake_backend import FakeBackend, only

from htmap.delivery.registry import DeliveryMethod
from htmap.exceptions import (
    BackendError,
    CannotPickle,
    EmptyMap,
    HTMapException,
    InvalidTag,
    MisalignedInputData,
    StorageError,
    TagAlreadyExists,
)
from htmap.lifecycle.new_map import Request, create
from htmap.lifecycle.standing import Standing, standing
from htmap.results.program import Program
from htmap.store import tags
from htmap.store.locks import is_held
from htmap.store.mapdir import Home, MapDir
from htmap.store.records import MapRecord, SubmissionRecord
from htmap.store.tags import Tag
from htmap_common.wire import Kind, read_record


def double(x: int) -> int:
    return 2 * x


def nothing_is_left(home: Home, fake: FakeBackend) -> bool:
    return not [*home.maps.iterdir(), *home.tags.iterdir(), *fake.jobs]


# --- a whole map ----------------------------------------------------------------------------------------------------


def test_a_map_consists_of_what_it_needs(home: Home, fake: FakeBackend) -> None:
    tag, map_dir = create(home, only(fake), fake.name, request_of(double, range(5), tag="fit", chunksize=2))
    record = MapRecord.load(map_dir.map)
    assert (tag, record.tag, tags.find(home, "fit").uid) == ("fit", "fit", map_dir.uid)
    assert (record.components, record.shards, record.backend, record.delivery) == (5, 1, "fake", "test")
    assert record.function_name == "double"
    submission = SubmissionRecord.load(map_dir.submission(0).submission)
    assert (submission.components, submission.jobs, submission.cluster) == (5, 3, 1)
    assert Program(map_dir.function, "it").function()(4) == 8
    assert list(home.maps.iterdir()) == [map_dir.path]
    assert not is_held(map_dir.lock)
    assert [job.components for job in fake.jobs.values()] == [[0, 1], [2, 3], [4]]
    assert standing(map_dir, only(fake)) is Standing.MAP


def test_the_function_says_what_it_was_made_with(home: Home, fake: FakeBackend) -> None:
    _, map_dir = create(home, only(fake), fake.name, request_of(double, [1]))
    header = read_record(map_dir.function, Kind.FUNCTION).header
    assert header["python"][:2] == [int(part) for part in platform.python_version_tuple()[:2]]
    assert header["cloudpickle"] == cloudpickle.__version__
    assert (header["name"], header["module"], header["pickle_protocol"]) == ("double", __name__, 5)


class Callable1:
    def __call__(self, x: int) -> int:
        return x


@pytest.mark.parametrize(
    ("function", "name"),
    [(lambda x: x, "<lambda>"), (functools.partial(double), "partial"), (Callable1(), "Callable1"), (abs, "abs")],
)
def test_whatever_can_be_called_can_be_mapped(
    function: Callable[..., Any], name: str, home: Home, fake: FakeBackend
) -> None:
    _, map_dir = create(home, only(fake), fake.name, request_of(function, [1]))
    assert MapRecord.load(map_dir.map).function_name == name


def test_a_map_without_a_tag_gets_a_random_one_and_is_transient(home: Home, fake: FakeBackend) -> None:
    tag, map_dir = create(home, only(fake), fake.name, request_of(double, [1], tag=None))
    assert tags.find(home, tag) == Tag(tag, map_dir.uid, transient=True)
    create(home, only(fake), fake.name, request_of(double, [1], tag="mine"))
    assert not tags.find(home, "mine").transient


def test_everything_below_the_home_is_closed_to_others(home: Home, fake: FakeBackend) -> None:
    before = os.umask(0)
    create(home, only(fake), fake.name, request_of(double, range(3)))
    os.umask(before)
    directories = [path for path in home.path.rglob("*") if path.is_dir()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in directories} == {0o700}


def test_progress_sees_each_component_pass(home: Home, fake: FakeBackend) -> None:
    seen = []

    def watch(stored: Iterable[Any]) -> Iterator[Any]:
        for each in stored:
            seen.extend(each.components)
            yield each

    create(home, only(fake), fake.name, request_of(double, range(3)), watch)
    assert seen == [0, 1, 2]


def test_one_line_is_logged_and_nothing_of_the_users(
    home: Home, fake: FakeBackend, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "htmap")
    create(home, only(fake), fake.name, request_of(double, ["a secret"], tag="fit"))
    assert caplog.messages == ["Created map fit with 1 components, cluster 1."]


# --- or nothing -----------------------------------------------------------------------------------------------------

LOCK = threading.Lock()


def failing_half_way(error: BaseException) -> Iterator[int]:
    yield from range(3)
    raise error


def delivery_that_fails(*_: object) -> Any:
    raise HTMapException("the delivery failed")


BAD_DELIVERY = DeliveryMethod("bad", lambda _tag, _map_dir: {}, delivery_that_fails)
BAD_DESCRIPTORS = DeliveryMethod("bad", delivery_that_fails, None)

FAILURES: dict[str, tuple[Callable[[], Request], type[BaseException], str]] = {
    "function": (lambda: request_of(lambda _x: LOCK, [1]), CannotPickle, r"function <lambda> cannot be sent.*lock"),
    "input": (lambda: request_of(double, [1, LOCK]), CannotPickle, "component 1"),
    "empty": (lambda: request_of(double, []), EmptyMap, "no inputs"),
    "too few": (lambda: request_of(double, [1, 2], rank=[1]), MisalignedInputData, "rank has 1 values"),
    "too many": (lambda: request_of(double, [1], rank=[1, 2]), MisalignedInputData, "rank has 2 values.* 1 components"),
    "delivery": (lambda: request_of(double, [1], delivery=BAD_DELIVERY), HTMapException, "the delivery failed"),
    "descriptors": (lambda: request_of(double, [1], delivery=BAD_DESCRIPTORS), HTMapException, "the delivery failed"),
    "generator": (lambda: request_of(double, failing_half_way(ZeroDivisionError("mine"))), ZeroDivisionError, "^mine$"),
    "Ctrl-C": (lambda: request_of(double, failing_half_way(KeyboardInterrupt())), KeyboardInterrupt, "^$"),
}


@pytest.mark.parametrize("what", FAILURES)
def test_nothing_is_left_of_a_map_that_cannot_be_made(what: str, home: Home, fake: FakeBackend) -> None:
    make, error, text = FAILURES[what]
    with pytest.raises(error, match=text):
        create(home, only(fake), fake.name, make())
    assert nothing_is_left(home, fake)


@pytest.mark.parametrize("refusal", [BackendError("no"), KeyboardInterrupt(), MemoryError()], ids=repr)
def test_nothing_is_left_of_a_map_whose_jobs_are_refused(refusal: BaseException, home: Home, fake: FakeBackend) -> None:
    tag_at_submit: list[str] = []

    class Refusing(FakeBackend):
        def submit(self, description: Path, uid: str) -> int:
            tag_at_submit.extend(tags.names(home))
            assert description.exists()
            assert uid == tags.find(home, "t").uid
            raise refusal

    with pytest.raises(type(refusal)):
        create(home, only(Refusing()), "fake", request_of(double, [1], tag="t"))
    assert tag_at_submit == ["t"], "the tag is claimed before jobs are in the queue"
    assert nothing_is_left(home, fake)


def test_jobs_whose_submission_was_not_confirmed_are_taken_out_of_the_queue(home: Home, fake: FakeBackend) -> None:
    fake.lost_answer = BackendError("the connection broke")
    with pytest.raises(BackendError, match="the connection broke"):
        create(home, only(fake), fake.name, request_of(double, range(3)))
    assert nothing_is_left(home, fake)
    assert len(fake.history) == 3


def test_a_home_that_cannot_be_written_is_named(home: Home, fake: FakeBackend) -> None:
    home.maps.chmod(0o500)
    with pytest.raises(StorageError, match=r"Cannot create the map 't': Permission denied.*HTMAP_DIR"):
        create(home, only(fake), fake.name, request_of(double, [1]))
    home.maps.chmod(0o700)
    assert nothing_is_left(home, fake)


# --- tags -----------------------------------------------------------------------------------------------------------


def unread() -> Iterator[int]:
    pytest.fail("the inputs were read")
    yield 0


def test_a_tag_that_is_taken_is_refused_before_the_inputs_are_read(home: Home, fake: FakeBackend) -> None:
    _, first = create(home, only(fake), fake.name, request_of(double, [1], tag="fit"))
    with pytest.raises(TagAlreadyExists, match=r"'fit' already"):
        create(home, only(fake), fake.name, request_of(double, unread(), tag="fit"))
    assert tags.find(home, "fit").uid == first.uid
    assert list(home.maps.iterdir()) == [first.path]


def test_a_hostile_tag_is_refused_before_the_inputs_are_read(home: Home, fake: FakeBackend) -> None:
    for tag in ("../x", "a\nb", "", "-rf", "$(x)"):
        with pytest.raises(InvalidTag):
            create(home, only(fake), fake.name, request_of(double, unread(), tag=tag))


def test_a_tag_claimed_meanwhile_is_refused_and_nothing_is_left(home: Home, fake: FakeBackend) -> None:
    def inputs() -> Iterator[int]:
        yield 1
        create(home, only(fake), fake.name, request_of(double, [1], tag="fit"))
        yield 2

    with pytest.raises(TagAlreadyExists):
        create(home, only(fake), fake.name, request_of(double, inputs(), tag="fit"))
    (path,) = home.maps.iterdir()
    assert path.name == tags.find(home, "fit").uid
    assert len(fake.jobs) == 1


def test_a_tag_that_is_left_over_is_taken_over(home: Home, fake: FakeBackend) -> None:
    tags.claim(home, Tag("fit", "dead", transient=False))
    _, map_dir = create(home, only(fake), fake.name, request_of(double, [1], tag="fit"))
    assert tags.find(home, "fit").uid == map_dir.uid


def test_a_map_is_being_made_until_its_jobs_are_submitted(home: Home, fake: FakeBackend) -> None:
    seen: list[Standing] = []

    def inputs() -> Iterator[int]:
        (path,) = home.maps.iterdir()
        seen.append(standing(MapDir(path), only(fake)))
        yield 1

    create(home, only(fake), fake.name, request_of(double, inputs()))
    assert seen == [Standing.BEING_MADE]


def test_an_error_of_the_disk_in_the_callers_generator_is_the_callers(home: Home, fake: FakeBackend) -> None:
    def inputs() -> Iterator[str]:
        yield Path("/no/such/file").read_text(encoding="utf-8")

    with pytest.raises(FileNotFoundError, match="/no/such/file") as caught:
        create(home, only(fake), fake.name, request_of(double, inputs()))
    assert not isinstance(caught.value, StorageError)
    assert nothing_is_left(home, fake)
