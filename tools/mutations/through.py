"""Look at a map with a file that has gone wrong, in all ways that the public API has."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import htmap
from htmap.exceptions import HTMapException
from mutations.samples import TAG


def look() -> Iterator[BaseException]:
    """What is raised that is no exception of HTMap's."""
    for way in _ways():
        try:
            way()
        except (HTMapException, TimeoutError):
            pass
        except BaseException as error:  # noqa: BLE001 - that is what is looked for
            yield error


def _ways() -> list[Callable[[], object]]:
    def of_map(way: Callable[[htmap.Map], object]) -> Callable[[], object]:
        return lambda: way(htmap.load(TAG))

    ways: list[Callable[[htmap.Map], object]] = [
        lambda m: m.status(),
        lambda m: m.component_statuses,
        lambda m: m.holds,
        lambda m: (m.runtime, m.memory_usage, m.local_data),
        lambda m: [m.get(0, timeout=0), m.get(1, timeout=0)],
        lambda m: m.get_err(1, timeout=0).report(),
        lambda m: list(m.error_reports()),
        lambda m: list(m.iter_inputs()),
        lambda m: list(m.iter_as_available(timeout=0)),
        lambda m: (m.stdout.get(0, timeout=0), m.output_files.get(0, timeout=0)),
    ]
    return [*map(of_map, ways), htmap.status, htmap.status_json, htmap.get_tags]
