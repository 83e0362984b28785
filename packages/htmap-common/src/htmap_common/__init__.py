"""What both sides of HTMap share: the wire formats, transfer paths, and the calls that user code makes on the node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .on_execute import checkpoint, transfer_output_files

if TYPE_CHECKING:
    from .transfer_path import TransferPath

__version__ = "0.2.0"

__all__ = ["TransferPath", "__version__", "checkpoint", "transfer_output_files"]


def __getattr__(name: str) -> Any:
    # The runner starts once per job and seldom needs transfer paths: importing pathlib costs a third of cloudpickle.
    if name == "TransferPath":
        from .transfer_path import TransferPath  # noqa: PLC0415 - see above

        return TransferPath
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
