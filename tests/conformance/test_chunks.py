"""Components that share a job: how many is chosen, and each still stands for itself."""

from __future__ import annotations

import os
import re
import time

import pytest

import htmap
from htmap import MapOptions
from htmap.exceptions import InvalidOption
from htmap.store.records import SubmissionRecord

TIMEOUT_S = 120


def nap(seconds):
    time.sleep(seconds)
    return seconds


def jobs_of(m):
    return SubmissionRecord.load(m.opened.directory.submission(0).submission).jobs


def test_a_duration_fills_jobs_by_what_an_earlier_map_took(capsys) -> None:
    earlier = htmap.map(nap, [0.2] * 3, map_options=MapOptions(chunksize=3), quiet=True)
    earlier.wait(TIMEOUT_S)
    m = htmap.map(nap, [0.2] * 12, map_options=MapOptions(chunksize="1s"), tag="filled")
    assert re.search(r"a component takes 0\.\d+ s \(as in an earlier map\), so \d share", capsys.readouterr().err)
    assert 2 <= jobs_of(m) <= 4  # six would share a job if they took 0.17 s, three if 0.33 s
    m.wait(TIMEOUT_S)
    assert list(m) == [0.2] * 12
    assert "chunksize" not in capsys.readouterr().err


def test_without_an_earlier_map_a_few_components_are_tried(capsys) -> None:
    inputs = (0.05 for _ in range(30))
    m = htmap.map(nap, inputs, map_options=MapOptions(chunksize="1min"), tag="tried")
    assert "(measured by running the first few), so " in capsys.readouterr().err
    assert jobs_of(m) == 1
    assert htmap.get_tags() == ("tried",)
    m.wait(TIMEOUT_S)
    assert list(m) == [0.05] * 30


def test_what_is_not_known_in_time_leaves_each_component_its_own_job(capsys) -> None:
    htmap.settings["CHUNKSIZE.TRIAL_TIME"] = 0
    m = htmap.map(nap, [0.01] * 3, map_options=MapOptions(chunksize="auto"), tag="unknown")
    assert "nothing tells how long a component takes" in capsys.readouterr().err
    assert jobs_of(m) == 3
    assert htmap.get_tags() == ("unknown",)
    m.wait(TIMEOUT_S)


def count_calls(_):
    os.environ["CALLS"] = str(int(os.environ.get("CALLS", "0")) + 1)
    return int(os.environ["CALLS"])


def test_components_of_a_job_share_a_process_unless_it_is_to_be_fresh() -> None:
    maps = [
        htmap.map(count_calls, range(3), map_options=MapOptions(chunksize=3, fresh_process=fresh), quiet=True)
        for fresh in (False, True)
    ]
    for m in maps:
        m.wait(TIMEOUT_S)
    assert [list(m) for m in maps] == [[1, 2, 3], [1, 1, 1]]


def test_options_that_vary_keep_components_apart() -> None:
    options = MapOptions(chunksize="auto", request_memory=[100, 200])
    m = htmap.map(nap, [0, 0], map_options=options, quiet=True)
    assert jobs_of(m) == 2
    with pytest.raises(InvalidOption, match="request_memory varies from component to component"):
        htmap.map(nap, [0, 0], map_options=MapOptions(chunksize=2, request_memory=[100, 200]))
    m.wait(TIMEOUT_S)


def test_a_description_can_be_seen_without_trying_anything() -> None:
    text = htmap.submit_description(nap, [0, 0], map_options=MapOptions(chunksize="auto"))
    assert text.endswith("0,inputs/000/000000,000,\n1,inputs/000/000000,000,\n)\n")
    assert htmap.get_tags() == ()
