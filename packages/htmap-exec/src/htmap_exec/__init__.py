"""The runner of HTMap: executes components of a map on an execute node and records what came of them.

::

    command_line -> keeper ──fork──> worker ── function, inputs (objects unpickles)
                      │                 ├───── capture, user_files, checkpoints, leave_for_checkpoint, usage, node
                      │<── progress ───>│
                 after_death         records, describe_exception
                      └──> outputs_file <──┘
"""

# No `from __future__ import annotations`, as in __main__: a Python 3.6 must get far enough to say that it is too old.

__version__ = "0.1.0"

# The exit codes of a job, on which both sides agree. Any other is not ours.
ALL_RETURNED = 0
SOME_RAISED = 100
RUNNER_FAILED = 101
CHECKPOINTED = 85
"""Not an end: what there is goes to the access point, and the job is started again. HTCondor's manual proposes 85."""
