"""Mirrors htmap.mapping: from a function and its inputs to a map, and what is said when that makes no sense."""

from __future__ import annotations

import functools
import itertools
import pickle
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from tests.submit.fake_backend import FakeBackend

import htmap
from htmap import MapBuilder, MapOptions, MappedFunction, TransferPath, mapping
from htmap.exceptions import (
    CannotAddToMap,
    CannotPickle,
    EmptyMap,
    HTMapException,
    InvalidOption,
    MisalignedInputData,
    NoMapYet,
    TagAlreadyExists,
    UnknownPythonDeliveryMethod,
)
from htmap.settings import Settings
from htmap.store.mapdir import Home


def power(x: int, p: int = 2) -> int:
    return int(x**p)


def nothing_was_made(queue: FakeBackend) -> bool:
    return not queue.jobs and htmap.get_tags() == ()


# --- map and starmap ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inputs", [[1, 2, 3], (1, 2, 3), range(1, 4), (x for x in (1, 2, 3)), {1: 0, 2: 0, 3: 0}])
def test_any_iterable_can_be_mapped_over(inputs: Any, queue: FakeBackend) -> None:
    m = htmap.map(power, inputs, quiet=True)
    queue.run()
    assert list(m) == [1, 4, 9]


def test_arguments_are_aligned_with_keyword_arguments(queue: FakeBackend) -> None:
    m = htmap.starmap(power, args=[(2,), [3], iter((4,))], kwargs=({"p": p} for p in (1, 2, 3)), quiet=True)
    queue.run()
    assert list(m) == [2, 9, 64]
    assert list(m.iter_inputs()) == [((2,), {"p": 1}), ((3,), {"p": 2}), ((4,), {"p": 3})]


def test_either_kind_of_arguments_will_do(queue: FakeBackend) -> None:
    positional = htmap.starmap(power, args=[(2, 3), (3,)], quiet=True)
    queue.run()
    named = htmap.starmap(power, kwargs=[{"x": 2, "p": 3}, {"x": 3}], quiet=True)
    queue.run()
    assert list(positional) == list(named) == [8, 9]


def test_the_rows_of_an_array_will_do(queue: FakeBackend) -> None:
    m = htmap.starmap(power, args=np.array([[2, 3], [3, 2]]), quiet=True)
    queue.run()
    assert list(m) == [8, 9]


@pytest.mark.parametrize(
    ("args", "kwargs", "shorter"),
    [([(1,), (2,)], [{}], "kwargs ends at 1"), ([(1,)], [{}, {}, {}], "args ends at 1")],
)
def test_arguments_of_different_lengths_are_refused(args: Any, kwargs: Any, shorter: str, queue: FakeBackend) -> None:
    with pytest.raises(MisalignedInputData, match=f"args and kwargs must be of the same length, but {shorter}"):
        htmap.starmap(power, args=args, kwargs=kwargs)
    assert nothing_was_made(queue)


@pytest.mark.parametrize("nothing", [[], (), iter([]), {}, np.array([])], ids=lambda each: type(each).__name__)
def test_an_empty_list_says_that_there_are_none(nothing: Any, queue: FakeBackend) -> None:
    positional = htmap.starmap(power, [(2, 3), (3, 1)], nothing, quiet=True)
    named = htmap.starmap(power, nothing, [{"x": 2, "p": 3}, {"x": 3, "p": 1}], quiet=True)
    queue.run()
    assert list(positional.iter_inputs()) == [((2, 3), {}), ((3, 1), {})]
    assert list(named.iter_inputs()) == [((), {"x": 2, "p": 3}), ((), {"x": 3, "p": 1})]


def test_a_builder_keeps_what_it_was_given(queue: FakeBackend) -> None:
    assert nothing_was_made(queue)
    shared, lock = [1], threading.Lock()
    with htmap.build_map(lambda *args, **kwargs: (args, kwargs)) as builder:
        builder(shared, more={"inner": shared})
        shared.append(2)
        builder(shared)
    shared.append(3)
    assert [inputs for inputs, _ in builder.map.iter_inputs()] == [([1],), ([1, 2],)]
    assert next(builder.map.iter_inputs())[1] == {"more": {"inner": [1]}}
    with pytest.raises(CannotPickle, match="component 0"), htmap.build_map(print) as builder:
        builder(lock)


@pytest.mark.parametrize(
    "make",
    [
        lambda: htmap.map(power, []),
        lambda: htmap.map(power, iter(())),
        lambda: htmap.starmap(power),
        lambda: htmap.starmap(power, args=[]),
        lambda: htmap.starmap(power, kwargs=[]),
    ],
)
def test_an_empty_map_is_refused(make: Callable[[], object], queue: FakeBackend) -> None:
    with pytest.raises(EmptyMap, match="no inputs"):
        make()
    assert nothing_was_made(queue)


@pytest.mark.parametrize(
    "make",
    [
        lambda: htmap.map(5, [1]),  # type: ignore[arg-type]
        lambda: htmap.map("power", [1]),  # type: ignore[arg-type]
        lambda: htmap.map(None, [1]),  # type: ignore[arg-type]
        lambda: htmap.map(power, 5),  # type: ignore[arg-type]
        lambda: htmap.map(power, "abc"),
        lambda: htmap.map(power, None),  # type: ignore[arg-type]
        lambda: htmap.map([1], power),  # type: ignore[arg-type]
        lambda: htmap.starmap(power, args=5),  # type: ignore[arg-type]
        lambda: htmap.starmap(power, kwargs=5),  # type: ignore[arg-type]
        lambda: htmap.map(power, [1], {"request_memory": "1GB"}),  # type: ignore[arg-type]
        lambda: htmap.mapped("1GB"),  # type: ignore[call-overload]
    ],
)
def test_misuse_is_an_error_of_ours(make: Callable[[], object], queue: FakeBackend) -> None:
    with pytest.raises(InvalidOption):
        make()
    assert nothing_was_made(queue)


def test_a_function_may_be_a_lambda_a_partial_a_method_or_a_builtin(queue: FakeBackend) -> None:
    functions: list[Callable[..., Any]] = [lambda x: x**2, functools.partial(power, p=2), (3).__pow__, abs]
    for function in functions:
        m = htmap.map(function, [2], quiet=True)
        queue.run()
        assert m[0] == function(2)


def test_an_option_that_does_not_fit_the_inputs_is_named(queue: FakeBackend) -> None:
    with pytest.raises(MisalignedInputData, match="request_memory has 3 values, but the map has 2 components"):
        htmap.map(power, [1, 2], MapOptions(request_memory=["1GB"] * 3))
    assert nothing_was_made(queue)


# --- what is said ---------------------------------------------------------------------------------------------------


def test_a_line_tells_what_was_made_unless_quiet(queue: FakeBackend, capsys: pytest.CaptureFixture[str]) -> None:
    htmap.map(power, [1, 2], tag="loud")
    assert capsys.readouterr() == ("Created map loud with 2 components\n", "")
    htmap.map(power, [1], tag="silent", quiet=True)
    assert capsys.readouterr() == ("", "")
    assert len(queue.jobs) == 3


def test_what_auto_chose_is_said_once(
    queue: FakeBackend,
    own_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(mapping, "_said", set())
    monkeypatch.setenv("CONDOR_CONFIG", "/etc/condor/condor_config")
    own_settings["BACKEND"] = "auto"
    htmap.map(power, [1], tag="quiet", quiet=True)
    assert capsys.readouterr().err == ""
    htmap.map(power, [1], tag="first")
    assert "HTCondor" in capsys.readouterr().err
    htmap.map(power, [1], tag="second")
    assert capsys.readouterr().err == ""
    assert len(queue.jobs) == 3


# --- options and settings -------------------------------------------------------------------------------------------


def test_options_of_settings_lie_below_those_of_the_map(queue: FakeBackend, own_settings: Settings) -> None:
    own_settings["MAP_OPTIONS.request_memory"] = "1GB"
    own_settings["map_options.requirements"] = "A"
    htmap.map(power, [1], MapOptions(request_disk="5GB", requirements="B || C"), quiet=True)
    job = queue.job(0)
    assert (job.expand("request_memory"), job.expand("request_disk")) == ("1GB", "5GB")
    assert job.expand("requirements") == "(A) && (B || C)"
    htmap.map(power, [1], MapOptions(request_memory="2GB"), quiet=True)
    assert queue.job(0).expand("request_memory") == "2GB"


def test_reserved_options_of_settings_are_refused(queue: FakeBackend, own_settings: Settings) -> None:
    own_settings["MAP_OPTIONS"] = {"Executable": "/bin/sh"}
    with pytest.raises(htmap.exceptions.ReservedOptionKeyword, match="MAP_OPTIONS"):
        htmap.map(power, [1])
    assert nothing_was_made(queue)


def test_options_used_for_two_maps_leak_nothing(queue: FakeBackend) -> None:
    options = MapOptions(request_memory="1GB", custom_options={"Mine": 1}, requirements="A")
    before = pickle.dumps(vars(options))

    MappedFunction(power, options).map([1], map_options=MapOptions(requirements="B"))
    htmap.map(power, [1], options, quiet=True)
    assert queue.job(0).expand("requirements") == "A"
    assert pickle.dumps(vars(options)) == before


def test_a_delivery_method_that_does_not_exist_is_named(queue: FakeBackend, own_settings: Settings) -> None:
    own_settings["DELIVERY_METHOD"] = "pigeon"
    with pytest.raises(UnknownPythonDeliveryMethod, match="'pigeon'"):
        htmap.map(power, [1])
    assert nothing_was_made(queue)


def test_large_maps_materialize_late_unless_the_user_chose(queue: FakeBackend, own_settings: Settings) -> None:
    own_settings["LATE_MATERIALIZATION.THRESHOLD"] = 2
    own_settings["LATE_MATERIALIZATION.MAX_IDLE"] = 7
    for count, options, expected in (
        (2, MapOptions(), ""),
        (3, MapOptions(), "7"),
        (3, MapOptions(max_idle=9), "9"),
        (6, MapOptions(chunksize=3), ""),
    ):
        htmap.map(power, range(count), options, quiet=True)
        assert queue.job(0).expand("max_idle") == expected


# --- the builder ----------------------------------------------------------------------------------------------------


def test_a_builder_collects_calls_and_makes_one_map(queue: FakeBackend) -> None:
    with htmap.build_map(power, tag="pow") as builder:
        assert isinstance(builder, MapBuilder)
        for x in range(1, 4):
            builder(x, p=x)
        assert len(builder) == 3
        assert queue.jobs == {}
    queue.run()
    assert list(builder.map) == [1, 4, 27]
    assert builder.map.tag == "pow"


def test_a_builder_has_no_map_before_its_block_ends(queue: FakeBackend) -> None:
    with htmap.build_map(power) as builder:
        builder(1)
        with pytest.raises(NoMapYet, match="with block"):
            builder.map  # noqa: B018 - asking is the test
    assert len(queue.jobs) == 1


def test_a_builder_whose_block_fails_makes_nothing(queue: FakeBackend) -> None:
    builder = htmap.build_map(power)
    builder(1)
    with pytest.raises(ZeroDivisionError), builder:
        raise ZeroDivisionError
    with pytest.raises(NoMapYet):
        builder.map  # noqa: B018 - as above
    assert nothing_was_made(queue)


def test_nothing_can_be_added_to_a_map_that_is_made(queue: FakeBackend) -> None:
    with htmap.build_map(power, tag="pow") as builder:
        builder(1)
    with pytest.raises(CannotAddToMap, match="map pow has been created"):
        builder(2)
    assert len(builder) == len(queue.jobs) == 1


def test_a_builder_without_calls_makes_no_map(queue: FakeBackend) -> None:
    with pytest.raises(EmptyMap), htmap.build_map(power):
        pass
    assert nothing_was_made(queue)


def test_a_builder_keeps_what_it_was_given_not_what_became_of_it(queue: FakeBackend) -> None:
    with htmap.build_map(lambda **kwargs: kwargs["x"]) as builder:
        kwargs = {"x": 1}
        builder(**kwargs)
        kwargs["x"] = 2
    queue.run()
    assert builder.map[0] == 1


# --- mapped functions -----------------------------------------------------------------------------------------------


@htmap.mapped
def double(x: int) -> int:
    """Documented."""
    return 2 * x


@htmap.mapped(map_options=MapOptions(request_memory="1GB", fixed_input_files="/etc/hostname"))
def triple(x: int) -> int:
    return 3 * x


def test_a_mapped_function_is_still_the_function() -> None:
    assert isinstance(double, MappedFunction)
    assert double(4) == 8
    assert (vars(double)["__name__"], double.__doc__) == ("double", "Documented.")
    assert "double" in repr(double)


def test_the_decorator_works_with_and_without_parentheses() -> None:
    bare, called, with_none = htmap.mapped(power), htmap.mapped(), htmap.mapped(None)
    assert isinstance(bare, MappedFunction)
    for decorator in (called, with_none):
        assert not isinstance(decorator, MappedFunction)
        assert decorator(power)(3) == bare(3) == 9


def test_a_mapped_function_maps_in_every_way(queue: FakeBackend) -> None:
    assert isinstance(double, MappedFunction)
    maps = [double.map([1, 2], tag="a"), double.starmap(args=[(1,), (2,)], tag="b")]
    maps.append(double.starmap(kwargs=[{"x": 1}, {"x": 2}], tag="c"))
    with double.build_map(tag="d") as builder:
        builder(1)
        builder(x=2)
    assert [m.tag for m in (*maps, builder.map)] == ["a", "b", "c", "d"]
    while queue.jobs:
        queue._clusters = next(iter(queue.jobs))[0]
        queue.run()
    assert [list(m) for m in (*maps, builder.map)] == [[2, 4]] * 4


def test_maps_inherit_the_options_of_a_mapped_function(queue: FakeBackend) -> None:
    assert isinstance(triple, MappedFunction)
    triple.map([1], map_options=MapOptions(request_disk="5GB", fixed_input_files="/etc/passwd"))
    job = queue.job(0)
    assert (job.expand("request_memory"), job.expand("request_disk")) == ("1GB", "5GB")
    assert {"hostname", "passwd"} <= {path.name for path in job.input_files}
    triple.map([1], map_options=MapOptions(request_memory="2GB"))
    assert queue.job(0).expand("request_memory") == "2GB"


def test_a_mapped_function_can_be_mapped_like_any_other(queue: FakeBackend) -> None:
    assert isinstance(double, MappedFunction)
    m = htmap.map(double, [1, 2], quiet=True)
    queue.run()
    assert list(m) == [2, 4]


# --- inputs ---------------------------------------------------------------------------------------------------------


def test_an_input_that_cannot_be_sent_is_named_by_its_component(queue: FakeBackend) -> None:
    with pytest.raises(CannotPickle, match="component 1"):
        htmap.map(power, [1, (x for x in range(3))])
    assert nothing_was_made(queue)


def test_files_in_inputs_are_sent(queue: FakeBackend) -> None:
    htmap.map(str, [{"deep": [TransferPath("/etc/hostname")]}], quiet=True)
    assert "hostname" in {path.name for path in queue.job(0).input_files}


def test_an_error_of_the_users_own_generator_passes_through(queue: FakeBackend) -> None:
    def inputs() -> Iterator[int]:
        yield from itertools.islice(itertools.count(), 2)
        raise LookupError("the user's own")

    with pytest.raises(LookupError, match="the user's own"):
        htmap.map(power, inputs())
    assert nothing_was_made(queue)


def test_a_tag_that_is_taken_is_refused(queue: FakeBackend) -> None:
    htmap.map(power, [1], tag="t", quiet=True)
    with pytest.raises(TagAlreadyExists):
        htmap.map(power, [1], tag="t")
    assert len(queue.jobs) == 1
    assert issubclass(TagAlreadyExists, HTMapException)


@pytest.mark.parametrize(
    "wrong", [{"args": ["ab"]}, {"kwargs": [{1: 2}]}, {"args": [3]}, {"kwargs": [3]}, {"args": [b"ab"]}]
)
def test_calls_that_are_none_are_refused(wrong: Any, queue: FakeBackend) -> None:
    with pytest.raises(InvalidOption, match="Component 0 of a starmap must have a tuple"):
        htmap.starmap(power, **wrong)
    assert nothing_was_made(queue)


def test_a_builder_wants_a_function_at_once() -> None:
    with pytest.raises(InvalidOption, match="must be a function, not 3"):
        htmap.build_map(3)  # type: ignore[arg-type]


# --- the submit description -----------------------------------------------------------------------------------------


def described(m: htmap.Map) -> str:
    """What was submitted, with the items in their place."""
    first = m.opened.directory.submission(0)
    *commands, queue = first.submit.read_text().splitlines()
    return "\n".join([*commands, queue.replace(f"from {first.items}", "from ("), first.items.read_text() + ")", ""])


OPTIONS = MapOptions(request_memory=["1GB", "2GB"], custom_options={"Group": '"a b"'})


def test_a_description_shows_what_a_map_would_submit(queue: FakeBackend) -> None:
    shown = htmap.submit_description(power, [2, 3], map_options=OPTIONS, tag="shown")
    assert nothing_was_made(queue)
    m = htmap.map(power, [2, 3], map_options=OPTIONS, tag="shown", quiet=True)
    uid_shown = shown.partition("/maps/")[2].partition("/")[0]
    assert shown == described(m).replace(m.opened.directory.uid, uid_shown)


@pytest.mark.usefixtures("queue")
def test_a_builder_shows_what_it_has_been_sent() -> None:
    with htmap.build_map(power, map_options=OPTIONS) as builder:
        builder(2, p=3)
        builder(3)
        shown = builder.submit_description()
    assert shown.count("\n") == described(builder.map).count("\n")
    assert "1GB" in shown


def test_a_description_refuses_what_a_map_would(queue: FakeBackend) -> None:
    with pytest.raises(MisalignedInputData, match="request_memory"):
        htmap.submit_description(power, [1, 2, 3], map_options=OPTIONS)
    with pytest.raises(EmptyMap):
        htmap.submit_description(power, [])
    assert nothing_was_made(queue)


@pytest.mark.usefixtures("queue")
def test_a_description_leaves_nothing_behind() -> None:
    htmap.submit_description(power, [1, 2], map_options=OPTIONS)
    assert list(Home.of(htmap.settings).maps.iterdir()) == []
