"""HTMap: high-throughput computing from Python.

``htmap.map(function, inputs)`` runs the function on every input, as jobs of an HTCondor pool or of this machine, and
brings the results back as Python objects.
"""

from __future__ import annotations

import logging as _logging

from htmap import delivery as _delivery  # noqa: F401 - registers the delivery methods
from htmap import exceptions
from htmap import logfile as _logfile
from htmap.delivery.registry import register_delivery_method
from htmap.delivery.transplants import Transplant, transplant_info, transplants
from htmap.management import clean, get_tags, load, load_maps, remove, status, status_csv, status_json
from htmap.mapping import (
    MapBuilder,
    MappedFunction,
    build_map,
    map,  # noqa: A004 - the reference's name
    mapped,
    starmap,
    submit_description,
)
from htmap.maps.acting import Map
from htmap.observe.holds import ComponentHold
from htmap.observe.statuses import ComponentStatus
from htmap.options import MapOptions
from htmap.results.errors import ComponentError
from htmap.results.streams import MapOutputFiles, MapStdErr, MapStdOut
from htmap.settings import BASE_SETTINGS, USER_SETTINGS, settings
from htmap.versions import __version__ as __version__
from htmap.versions import version, version_info
from htmap_common import TransferPath, checkpoint, transfer_output_files

JobStatus = ComponentStatus

__all__ = [
    "BASE_SETTINGS",
    "USER_SETTINGS",
    "ComponentError",
    "ComponentHold",
    "ComponentStatus",
    "JobStatus",
    "Map",
    "MapBuilder",
    "MapOptions",
    "MapOutputFiles",
    "MapStdErr",
    "MapStdOut",
    "MappedFunction",
    "TransferPath",
    "Transplant",
    "build_map",
    "checkpoint",
    "clean",
    "exceptions",
    "get_tags",
    "load",
    "load_maps",
    "map",
    "mapped",
    "register_delivery_method",
    "remove",
    "settings",
    "starmap",
    "status",
    "status_csv",
    "status_json",
    "submit_description",
    "transfer_output_files",
    "transplant_info",
    "transplants",
    "version",
    "version_info",
]

_logger = _logging.getLogger(__name__)
_logger.addHandler(_logging.NullHandler())
_logfile.start(_logger, settings)
