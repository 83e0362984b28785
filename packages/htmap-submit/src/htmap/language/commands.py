"""The submit commands: what they are called, who may set them, and what the local backend makes of them.

In: names, as users and HTCondor spell them. Out: rows of the one table, or a verdict in words for the user.
On the other side: ``htmap.options``, which takes commands from users; ``htmap show``, which leaves out what every map
has; the local backend. The rows stand in `htmap.language.command_table`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from htmap.exceptions import InvalidOption
from htmap.language.command_table import OTHER_UNIVERSES, ROWS
from htmap.language.command_types import Command, Local
from htmap.language.macros import names_in, other_macro_in

COMMANDS: Mapping[str, Command] = {row.name: row for row in ROWS}
# Job attributes, too: condor_submit takes most of them for the command that sets them.
_BY_ANY_NAME = {row.attribute.casefold(): row for row in ROWS if row.attribute} | {
    name: row for row in ROWS for name in (row.name, *row.aliases)
}

# Attributes of the job that HTMap sets, and macros of its descriptions.
UID = "HTMapUid"
COMPONENT = "component"
FORK_SERVER = "HTMapForkServer"  # HTCondor takes no notice of it
ATTRIBUTES = ("IsHTMapJob", COMPONENT, UID, FORK_SERVER)
MACROS = ("components", "files", "folder", "htmap_submission", "inputs", "runner_arguments", "shards")
# Of HTCondor's own: what a description means by them would change.
_AUTOMATIC = ("ProcId", "queue")

# Requests for resources that a pool has names of its own for.
_FREE_PREFIXES = ("request_", "gpus_")


def canonical(name: str) -> str:
    """The name of a command in the table, or the casefolded name if it is in none."""
    folded = name.casefold()
    row = _BY_ANY_NAME.get(folded)
    return folded if row is None else row.name


def find(name: str) -> Command | None:
    """The command of that name, alias or attribute, in any case."""
    return _BY_ANY_NAME.get(name.casefold())


def reserved_names() -> frozenset[str]:
    """Every spelling of what users cannot set, because HTMap does."""
    commands = {name for row in ROWS if row.reserved for name in (row.name, *row.aliases, row.attribute) if name}
    attributes = {f"{mark}{name}" for name in ATTRIBUTES for mark in ("", "+", "MY.")}
    return frozenset({*commands, *attributes, *MACROS, *_AUTOMATIC})


def is_in_every_map(name: str) -> bool:
    """Whether HTMap itself has put a line of this name (``MY.X`` for attributes) into the description."""
    row = find(name)
    own = {*MACROS, *(f"my.{attribute.casefold()}" for attribute in ATTRIBUTES)}
    return name.casefold() in own or (row is not None and (bool(row.reserved) or row.is_in_every_map))


# --- slips of the pen -----------------------------------------------------------------------------------------------

# What other systems call it.
_ELSEWHERE = {
    "account": "accounting_group",
    "cpus": "request_cpus",
    "cpus_per_task": "request_cpus",
    "disk": "request_disk",
    "gpus": "request_gpus",
    "job_name": "htmap.map(..., tag=...)",
    "mem": "request_memory",
    "mem_per_cpu": "request_memory",
    "memory": "request_memory",
    "ncpus": "request_cpus",
    "nodes": "requirements (a component runs on one machine)",
    "ntasks": "chunksize, or a map of more components",
    "partition": "requirements",
    "project": "accounting_group",
    "queue_name": "requirements",
    "retries": "max_retries",
    "time": "allowed_execute_duration",
    "timeout": "allowed_execute_duration",
    "walltime": "allowed_execute_duration",
}
_NEAR, _NEAR_REQUEST = 0.8, 0.75


def why_unknown(name: str, others: Iterable[str]) -> str | None:
    """A sentence about a name that is no submit command; None: it is one, or the value of another option needs it.

    Parameters
    ----------
    others
        The values of the other options.
    """
    folded = name.casefold()
    if find(name) or folded in OTHER_UNIVERSES or folded.startswith(_FREE_PREFIXES) or folded in names_in(others):
        return None
    if folded in _ELSEWHERE:
        return f"HTCondor has no submit command {name}: you may want {_ELSEWHERE[folded]}."
    near = difflib.get_close_matches(folded, _BY_ANY_NAME, 1, _NEAR)
    if near:
        return f"HTCondor has no submit command {name}: did you mean {canonical(near[0])}?"
    return (
        f"HTCondor has no submit command {name}, so this does nothing. If it is an attribute that your pool wants "
        f"(+{name} in a submit file), it goes into custom_options."
    )


def mistyped_request(name: str) -> str | None:
    """The request that a name was probably meant to be: without it, jobs get less than they need."""
    folded = name.casefold()
    requests = [row.name for row in ROWS if row.name.startswith("request_")]
    if find(name) or folded.partition("_")[0] not in _ALMOST_REQUEST:
        return None
    return next(iter(difflib.get_close_matches(folded, requests, 1, _NEAR_REQUEST)), None)


_ALMOST_REQUEST = frozenset({
    "request", "requst", "requets", "reqest", "reqeust", "requeset", "requests", "req", "resquest", "rquest", "reques",
})  # fmt: skip


# --- the local backend ----------------------------------------------------------------------------------------------

_NEEDED = {
    "executable": "Say what each job runs.",
    "log": "Say where the job event log is: nothing else tells what happens to the jobs.",
    "transfer_output_files": 'Name the files that come back, or write "" for none.',
}
# What can be had in one way only, or not be said at all.
_FIXED = {
    "universe": ("vanilla", "docker", "container"),
    "should_transfer_files": ("yes",),
    "when_to_transfer_output": ("on_exit", "on_exit_or_evict"),
}
_INSTEAD = {
    "container_image": "Choose the delivery method container, or take the option out",
    "docker_image": "Choose the delivery method docker, or take the option out",
    "universe": "Choose a delivery method other than docker and container",
}


def refusal(key: str, why: str) -> InvalidOption:
    """The error for a command that cannot be followed here; `why` completes "The local backend ..."."""
    instead = _INSTEAD.get(key, "Take it out of the map's options")
    return InvalidOption(f"The local backend {why}. {instead}, or run the map on HTCondor (setting BACKEND).")


def check_for_local(commands: Mapping[str, str], attributes: Mapping[str, str]) -> None:
    """Raise `InvalidOption` for what the local backend can neither follow nor pass over.

    A map that behaves one way here and another way on a pool would be worse than a map that does not start.
    """
    _check_macros({**commands, **attributes}.items())
    used_as_macro = names_in([*commands.values(), *attributes.values()])
    for key in commands:
        if not _is_taken_here(key) and key not in used_as_macro:
            raise refusal(key, f"does not know the submit command {key}")
    for key, allowed in _FIXED.items():
        value = commands.get(key)
        if value and value.casefold() not in allowed:
            raise refusal(key, f"cannot have {key} = {value}")
    for key, instead in _NEEDED.items():
        if not commands.get(key):
            raise InvalidOption(f"The submit description has no {key}. {instead}")


def _check_macros(values: Iterable[tuple[str, str]]) -> None:
    for key, value in values:
        row = find(key)
        if row is not None and row.local is Local.LETS_ASIDE:
            continue
        beyond = other_macro_in(value)
        if beyond is not None:
            raise refusal(key, f"has only macros of the form $(name), but {key} uses {beyond}...")


def _is_taken_here(key: str) -> bool:
    row = COMMANDS.get(key)
    if key in MACROS:  # even if the arguments of a registered delivery method do not use it
        return True
    return key.startswith(_FREE_PREFIXES) if row is None else row.local is not Local.REFUSES
