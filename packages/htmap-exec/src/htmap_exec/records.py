"""Put together the record of one component.

In: what is known about it, from the worker, or from the keeper when the worker is gone.
Out: what ``htmap_common.wire.OutputsWriter.append`` takes. On the other side: results and error reports of the map.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from htmap_common.agreed import RAISED, RETURNED

from . import node
from .capture import Streams
from .usage import Usage

if TYPE_CHECKING:
    from htmap_common.wire import Buffer

# What numpy and friends like best. A pickle without large buffers does not need it.
_BUFFER_ALIGNMENT = 64


class OutputRecord(NamedTuple):
    """A record that is ready to be written."""

    header: dict[str, Any]
    segments: list[Buffer]
    align: int


def compose(
    component: int,
    usage: Usage,
    streams: Streams,
    output_files: Sequence[str],
    *,
    payload: Sequence[Buffer] = (),
    failure: dict[str, Any] | None = None,
    scratch: str,
) -> OutputRecord:
    """Put a record together.

    Parameters
    ----------
    payload
        The pickled result or exception, and its buffers.
    failure
        The exception as data (`htmap_exec.describe_exception.describe`); None if the function returned.
    scratch
        Absolute path of the scratch directory. What lies in it is listed if there was a failure.
    """
    header = {
        "component": component,
        "status": RETURNED if failure is None else RAISED,
        "python": list(sys.version_info[:3]),
        "host": node.host(),
        "attempt": node.attempt(),
        "output_files": list(output_files),
        **usage._asdict(),
    }
    # Not imported for its version: the keeper does without, and it may be missing on the node.
    cloudpickle = sys.modules.get("cloudpickle")
    if cloudpickle is not None:
        header["cloudpickle"] = cloudpickle.__version__
    if failure is not None:
        header["exception"] = failure
        header["node"] = node.describe()
        header["executable"] = sys.executable
        header["scratch"] = node.list_scratch(scratch)

    segments = list(payload)
    if payload:
        header["payload"] = [0, len(payload)]
    for name, content in streams._asdict().items():
        if content:
            header[name] = len(segments)
            segments.append(content)
    return OutputRecord(header, segments, _BUFFER_ALIGNMENT if len(payload) > 1 else 1)
