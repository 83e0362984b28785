"""HTMap: high-throughput computing from Python.

``htmap.map(function, inputs)`` runs the function on every input, as jobs of an HTCondor pool or of this machine, and
brings the results back as Python objects.
"""

from __future__ import annotations

import logging as _logging

from htmap_common import TransferPath, checkpoint, transfer_output_files

from htmap import delivery as _delivery  # noqa: F401 - registers the delivery methods
from htmap import exceptions
from htmap.delivery.registry import register_delivery_method
from htmap.management import clean, get_tags, load, load_maps, remove
from htmap.mapping import map, starmap  # noqa: A004 - the reference's name
from htmap.maps import Map
from htmap.observe.failures import ComponentError, ComponentHold
from htmap.observe.statuses import ComponentStatus
from htmap.observe.streams import MapOutputFiles, MapStdErr, MapStdOut
from htmap.options import MapOptions
from htmap.settings import BASE_SETTINGS, USER_SETTINGS, settings

__version__ = "0.1.0"

JobStatus = ComponentStatus

__all__ = [
    "BASE_SETTINGS",
    "USER_SETTINGS",
    "ComponentError",
    "ComponentHold",
    "ComponentStatus",
    "JobStatus",
    "Map",
    "MapOptions",
    "MapOutputFiles",
    "MapStdErr",
    "MapStdOut",
    "TransferPath",
    "checkpoint",
    "clean",
    "exceptions",
    "get_tags",
    "load",
    "load_maps",
    "map",
    "register_delivery_method",
    "remove",
    "settings",
    "starmap",
    "transfer_output_files",
]

_logging.getLogger(__name__).addHandler(_logging.NullHandler())
