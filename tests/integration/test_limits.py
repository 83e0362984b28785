"""The limits of an access point: a map that is beyond them is refused with its tag, the limit and the way out."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from testbed import access_point
from testbed.pool import Pool

_MAKE = """
import htmap, sys, time
try:
    htmap.map(time.sleep, [300] * int(sys.argv[1]), tag="large", quiet=True, **eval(sys.argv[2]))
except htmap.exceptions.BackendError as error:
    print(error)
print(htmap.get_tags())
"""
_SMALL = (
    "SUBMIT_REQUIREMENT_NAMES = Small\n"
    "SUBMIT_REQUIREMENT_Small = RequestMemory < 10\n"
    'SUBMIT_REQUIREMENT_Small_REASON = "Jobs must be small."\n'
)


@pytest.mark.parametrize(
    ("settings", "components", "options", "said"),
    [
        ("MAX_JOBS_PER_SUBMISSION = 3\n", 4, "{}", ["MAX_JOBS_PER_SUBMISSION = 3", "chunksize", "max_idle"]),
        ("MAX_JOBS_PER_OWNER = 2\n", 4, "{}", ["MAX_JOBS_PER_OWNER = 2", "remove some"]),
        ("MAX_JOBS_SUBMITTED = 2\n", 4, "{}", ["MAX_JOBS_SUBMITTED = 2", "wait until"]),
        (_SMALL, 1, "{}", ["SUBMIT_REQUIREMENT", "Jobs must be small."]),
        ("", 1, "dict(map_options=htmap.MapOptions(use_x509userproxy='true'))", ["wants a proxy", "make one"]),
    ],
    ids=["a submission", "an owner", "the queue", "a requirement", "a proxy"],
)
def test_what_an_access_point_does_not_take_is_explained(
    settings: str, components: int, options: str, *, said: Sequence[str], pool: Pool, pool_home: Path
) -> None:
    with access_point.running(pool, "limited", settings) as limited:
        environment = {"CONDOR_CONFIG": str(limited.config), "HTMAP_DIR": str(pool_home), "HTMAP_BACKEND": "htcondor"}
        program = [sys.executable, "-c", _MAKE, str(components), options]
        done = subprocess.run(
            program, env={**os.environ, **environment}, capture_output=True, text=True, check=True, timeout=100
        )
        assert all(each in done.stdout for each in [*said, "map (large, "]), done.stdout
        assert done.stdout.endswith("()\n"), "the tag is free again"
        assert limited.run("condor_q", "-allusers", "-af", "ClusterId") == ""
