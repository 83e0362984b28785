"""The runner of HTMap: executes components of a map on an execute node and records what came of them.

::

    command_line -> keeper ──fork──> worker ── function, inputs (pickling unpickles)
                      │                 ├───── capture, user_files, checkpoints, leave_for_checkpoint, usage, node
                      │                 ├───── program_end, process_state (what is left behind), kept_files
                      │<── progress ───>│
                 after_death         records, describe_exception ── frames, short_reprs, guarded_texts, hints
                      └──> outputs_file <──┘
"""

# No `from __future__ import annotations`, as in __main__: a Python 3.6 must get far enough to say that it is too old.

__version__ = "0.2.0"

RUNNER_FAILED = 101
"""The exit code that says so; the other exit codes stand in `htmap_common.agreed`, which no old Python can read."""
