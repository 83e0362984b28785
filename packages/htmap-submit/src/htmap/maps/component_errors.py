"""The error of one component of a map.

In: an opened map, and the map as the user knows it. Out: a `ComponentError`, from the record of the component or from
the end of its job.
"""

from __future__ import annotations

from htmap.exceptions import DamagedFile, ExpectedError
from htmap.maps.opened import Opened
from htmap.observe.pace import Timeout
from htmap.results.errors import ComponentError, Tagged
from htmap_common.agreed import RAISED


def error_of(map: Tagged, opened: Opened, component: int, timeout: Timeout) -> ComponentError:  # noqa: A002 - as theirs
    """The error of a component that has ended.

    Raises
    ------
    ExpectedError
        It returned.
    """
    try:
        outcome = opened.retrieval.outcome(component, timeout)
    except DamagedFile as error:
        return ComponentError.without_output(map, component, str(error))
    if outcome is None:
        return ComponentError.without_output(map, component, opened.retrieval.why_no_output(component))
    if outcome.status != RAISED:
        raise ExpectedError(f"Component {component} of map {opened.tag} returned: it has no error. Use map.get().")
    return ComponentError.from_outcome(map, component, outcome, opened.components.created)
