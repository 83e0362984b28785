"""Which submit commands mean something here, which do not matter here, and which are refused.

In: the names of submit commands (language). Out: a verdict, in words for the user. A pure table.

A command that is neither honoured nor harmless is refused: a map that behaves one way here and another way on a pool
would be worse than a map that does not start.
"""

from __future__ import annotations

from htmap.exceptions import InvalidOption

HONOURED = frozenset(
    {
        "arguments",
        "checkpoint_exit_code",
        "container_image",
        "docker_image",
        "environment",
        "error",
        "executable",
        "getenv",
        "initialdir",
        "job_max_vacate_time",
        "input",
        "log",
        "on_exit_hold",
        "on_exit_hold_reason",
        "on_exit_hold_subcode",
        "on_exit_remove",
        "output",
        "preserve_relative_paths",
        "request_cpus",
        "request_disk",
        "request_memory",
        "should_transfer_files",
        "submit_event_user_notes",
        "transfer_container",
        "transfer_executable",
        "transfer_input_files",
        "transfer_output_files",
        "transfer_output_remaps",
        "universe",
        "when_to_transfer_output",
    }
)

ALIASES = {"args": "arguments", "env": "environment", "initial_dir": "initialdir"}

NEEDED = {
    "executable": "Say what each job runs.",
    "log": "Say where the job event log is: nothing else tells what happens to the jobs.",
    "transfer_output_files": 'Name the files that come back, or write "" for none.',
}

# What can be had in one way only, or not be said at all.
FIXED = {
    "universe": ("vanilla", "docker", "container"),
    "should_transfer_files": ("yes",),
    "when_to_transfer_output": ("on_exit", "on_exit_or_evict"),
}

# They choose a machine, share a pool, or spare an access point. Here is one machine, one user and a small queue.
POOL_ONLY = frozenset(
    {
        "accounting_group",
        "accounting_group_user",
        "batch_name",
        "concurrency_limits",
        "email_attributes",
        "job_lease_duration",
        "leave_in_queue",
        "max_idle",
        "max_materialize",
        "materialize_max_idle",
        "nice_user",
        "notification",
        "notify_user",
        "prio",
        "priority",
        "rank",
        "requirements",
        "require_gpus",
        "retry_request_memory",
        "retry_request_memory_increase",
        "retry_request_memory_max",
        "skip_filechecks",
        "stream_error",
        "stream_output",
        "submit_event_notes",
        "transfer_checkpoint_files",  # nothing is transferred: the scratch directory lies on the disk of the queue
        "want_graceful_removal",
    }
)
_POOL_ONLY_PREFIXES = ("request_", "gpus_")

_INSTEAD = {
    "container_image": "Choose the delivery method container, or take the option out",
    "docker_image": "Choose the delivery method docker, or take the option out",
    "universe": "Choose a delivery method other than docker and container",
}


def is_known(key: str) -> bool:
    """Whether a command may stand in a description; `key` is casefolded."""
    return key in HONOURED or key in POOL_ONLY or key.startswith(_POOL_ONLY_PREFIXES)


def refusal(key: str, why: str) -> InvalidOption:
    """The error for a command that cannot be followed here; `why` completes "The local backend ..."."""
    instead = _INSTEAD.get(key, "Take it out of the map's options")
    return InvalidOption(f"The local backend {why}. {instead}, or run the map on HTCondor (setting BACKEND).")
