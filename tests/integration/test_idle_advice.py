"""Jobs that no machine of the pool can run are spoken of while somebody waits for them."""

from __future__ import annotations

from pathlib import Path

import pytest

import htmap
from htmap.exceptions import TimeoutError  # noqa: A004 - ours


@pytest.mark.parametrize(
    ("method", "image"), [("docker", "a:1"), ("singularity", "docker://a:1"), ("container", "docker://a:1")]
)
def test_waiting_warns_if_no_machine_offers_the_runtime(method: str, image: str, pool_home: Path) -> None:
    assert pool_home.exists()
    htmap.settings["DELIVERY_METHOD"] = method
    htmap.settings[f"{method}.IMAGE"] = image
    htmap.settings["QUEUE_CHECK_TIME"] = 0.5
    m = htmap.map(abs, [-1], quiet=True)
    with (
        pytest.warns(UserWarning, match=rf"Map {m.tag}: Not a single machine .* delivery method {method} needs"),
        pytest.raises(TimeoutError),
    ):
        m.wait(6)
