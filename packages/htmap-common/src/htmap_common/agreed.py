"""What the submit side and the execute side agree on, beside the file formats.

In: nothing. Out: names and numbers. On the other side: jobs that were submitted by an older version and are still in
a queue, so that none of these may change. What an old Python has to read before it can say that it is too old stands
in ``htmap_exec/__init__.py``; only the runner needs it.
"""

from __future__ import annotations

# --- exit codes of a job; any other one says that the runner failed ---

ALL_RETURNED = 0
SOME_RAISED = 100
"""The runner ended well, and at least one component raised."""
CHECKPOINTED = 85
"""Not an end: what there is goes to the access point, and the job is started again. HTCondor's manual proposes 85."""

# --- names in the scratch directory ---

PREFIX = "_htmap"
"""No file of the user's begins like this."""
STREAMS = "_htmap"
"""Directory: what components print while they run, in files named as `stream_name` says."""
OUTPUTS = "_htmap_outputs"
"""File: the records of the components."""
TRANSFER = "_htmap_transfer"
"""Directory: ``<component>/`` holds what was given to ``htmap.transfer_output_files``."""
CHECKPOINT = "_htmap_checkpoint"
"""Directory: ``<component>/`` holds what was given to ``htmap.checkpoint``."""

# --- statuses of a record ---

RETURNED = "returned"
RAISED = "raised"

# --- environment of the user's function ---

ON_EXECUTE = "HTMAP_ON_EXECUTE"
"""``1`` where components run."""
COMPONENT = "HTMAP_COMPONENT"
"""The component that runs."""


def stream_name(component: int, stream: str) -> str:
    """The name in `STREAMS` of what a component prints to ``stdout`` or ``stderr``."""
    return f"{component}.{stream}"
