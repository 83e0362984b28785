"""Mirrors htmap.observe.statuses: a status is also its name."""

from __future__ import annotations

import json
import pickle

import pytest

from htmap import ComponentStatus


@pytest.mark.parametrize("status", ComponentStatus)
def test_a_status_is_as_good_as_its_name(status: ComponentStatus) -> None:
    assert status == status.name
    assert status.name == status
    assert {status: 1}[status.name] == 1  # type: ignore[index]  # names are no statuses to a type checker
    assert {status.name: 1}[status] == 1
    assert [status].count(status.name) == 1  # type: ignore[arg-type]  # as above
    assert json.dumps({status: [status]}) == f'{{"{status.name}": ["{status.name}"]}}'
    assert ", ".join(word for word in [status]) == status.name
    assert f"{status}" == str(status) == f"{status:s}" == status.name
    assert "%s" % status == status.name  # noqa: UP031 - how old programs print
    assert f"{status:>15}" == status.name.rjust(15)


@pytest.mark.parametrize("status", ComponentStatus)
def test_a_status_is_still_itself(status: ComponentStatus) -> None:
    assert ComponentStatus(status.name) is ComponentStatus[status.name] is status
    assert pickle.loads(pickle.dumps(status)) is status
    assert isinstance(status, ComponentStatus)
    assert [each for each in ComponentStatus if each == status] == [status]
