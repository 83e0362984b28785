"""The wire format: every file that passes between the submit side and the execute side, or that HTMap keeps.

In: plain header values and opaque payloads. Out: the same, checked. On the other side: files that were written by
another version, on another machine, or cut short on the way. Nothing here unpickles. ``docs/wire-format.md`` states
the bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import Corrupt, NotOurFile, Torn, UnknownFormat, WireError, WrongKind
from .files import decode_file, encode_file, read_header, read_record
from .framing import FORMAT, Kind, Record, Run
from .functions import FunctionFile, Thing, encode_function, read_function, read_things
from .index import IndexEntry
from .inputs import SentFile, Shard, ShardHeader, encode_shard, read_shard, read_shard_header
from .outputs import OutputsReader, OutputsWriter
from .source import Buffer, write_buffers

if TYPE_CHECKING:
    from .description import describe
    from .outcome import Outcome, OutcomeRecord, RemoteException, RemoteFrame, read_exception, read_outcome

__all__ = [
    "FORMAT",
    "Buffer",
    "Corrupt",
    "FunctionFile",
    "IndexEntry",
    "Kind",
    "NotOurFile",
    "Outcome",
    "OutcomeRecord",
    "OutputsReader",
    "OutputsWriter",
    "Record",
    "RemoteException",
    "RemoteFrame",
    "Run",
    "SentFile",
    "Shard",
    "ShardHeader",
    "Thing",
    "Torn",
    "UnknownFormat",
    "WireError",
    "WrongKind",
    "decode_file",
    "describe",
    "encode_file",
    "encode_function",
    "encode_shard",
    "read_exception",
    "read_function",
    "read_header",
    "read_outcome",
    "read_record",
    "read_shard",
    "read_shard_header",
    "read_things",
    "write_buffers",
]

_OF_OUTCOMES = frozenset(
    ("Outcome", "OutcomeRecord", "RemoteException", "RemoteFrame", "read_exception", "read_outcome")
)


def __getattr__(name: str) -> Any:
    # Only whoever reads results needs these: the runner starts once per job.
    if name == "describe":
        from .description import describe  # noqa: PLC0415 - see above

        return describe
    if name in _OF_OUTCOMES:
        from . import outcome  # noqa: PLC0415 - see above

        return getattr(outcome, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
